"""The encryption context that a key service sees: where the object is, and the client's own pairs.

docs/FORMAT.md, "Asking the key service". The same pairs, byte for byte, must be given when the data key is
opened again, so the client's are kept in the header.
"""

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType

from proxy.seal.errors import RefusedContext

ARN_PAIR = "aws:s3:arn"
"""The pair that says where the object is, by AWS's name for it. Ours alone to set."""
_MOST_BYTES = 0xFFFF
_NONE: Mapping[str, str] = MappingProxyType({})


def kms_context(
    *, bucket: str, key: bytes, data_key_per_object: bool, client_context: Mapping[str, str] = _NONE
) -> dict[str, str]:
    """The context for every data key of an object, both layers' alike.

    `bucket` is the name that the object is sealed for. Raises RefusedContext, also for an object's own data
    key where its key is not UTF-8 and so cannot stand in a context.
    """
    if ARN_PAIR in client_context:
        raise RefusedContext(ARN_PAIR, "is reserved")
    arn = f"arn:aws:s3:::{bucket}"
    if data_key_per_object:
        try:
            arn += "/" + key.decode()
        except UnicodeDecodeError:
            raise RefusedContext(ARN_PAIR, "cannot hold a key that is not UTF-8") from None
    return {**client_context, ARN_PAIR: arn}


def pack_context(pairs: Mapping[str, str]) -> bytes:
    """The client's pairs, by the bytes of their keys. Raises RefusedContext."""
    if ARN_PAIR in pairs:
        raise RefusedContext(ARN_PAIR, "is reserved")
    encoded = sorted((_encode(pair, pair), _encode(pair, value)) for pair, value in pairs.items())
    return b"".join(len(text).to_bytes(2, "big") + text for both in encoded for text in both)


def unpack_context(packed: bytes) -> dict[str, str] | None:
    """The inverse. None where a text is cut or not UTF-8, keys do not rise, or the reserved pair is there."""
    texts = _texts(packed)
    if texts is None or len(texts) % 2:
        return None
    keys, values = texts[::2], texts[1::2]
    if any(former >= latter for former, latter in pairwise(keys)) or ARN_PAIR.encode() in keys:
        return None
    try:
        return {pair.decode(): value.decode() for pair, value in zip(keys, values, strict=True)}
    except UnicodeDecodeError:
        return None


def _encode(pair: str, text: str) -> bytes:
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise RefusedContext(pair, "is not UTF-8") from None
    if len(encoded) > _MOST_BYTES:
        raise RefusedContext(pair, "is too long")
    return encoded


def _texts(packed: bytes) -> list[bytes] | None:
    texts = []
    place = 0
    while place < len(packed):
        start = place + 2
        place = start + int.from_bytes(packed[place:start], "big")
        if place > len(packed):
            return None
        texts.append(packed[start:place])
    return texts
