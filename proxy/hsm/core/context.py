"""The encryption context as associated data: one byte string for each set of pairs, whatever their order.

Pairs are sorted by the UTF-8 bytes of their names, and every string is preceded by its length, so no two
different contexts give the same bytes.
"""

from collections.abc import Mapping

from proxy.hsm.core.errors import KmsError

CONTEXT_LIMIT = 8192
"""Bytes of all names and values together, the bound of AWS's quota page ("Encryption context: 8 KB")."""


def context_bytes(context: Mapping[str, str] | None) -> bytes:
    """Raises ValidationException where the context is too large or is not Unicode text."""
    if not context:
        return b"\0\0\0\0"
    try:
        pairs = sorted((name.encode(), value.encode()) for name, value in context.items())
    except UnicodeEncodeError as exc:
        raise KmsError("ValidationException", "EncryptionContext is not valid Unicode text") from exc
    if sum(len(name) + len(value) for name, value in pairs) > CONTEXT_LIMIT:
        raise KmsError("ValidationException", f"EncryptionContext is larger than {CONTEXT_LIMIT} bytes")
    parts = [len(pairs).to_bytes(4)]
    for name, value in pairs:
        parts += (len(name).to_bytes(4), name, len(value).to_bytes(4), value)
    return b"".join(parts)
