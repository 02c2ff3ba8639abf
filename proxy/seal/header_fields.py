"""A header's syntax: version, base64url, flags, and which fields each mode has, as a table.

Everything is checked that can be checked without a key, and nothing is believed: that is envelope.py's to
say. docs/FORMAT.md, "The header".
"""

from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from re import compile as regular

from proxy.seal.context import unpack_context
from proxy.seal.errors import DamagedEnvelope, NotSealed, TamperedBody, UnknownVersion
from proxy.seal.fields import pack_fields, unknown_fields, unpack_fields
from proxy.seal.geometry import plain_size

HEADER = "x-amz-meta-sealgate"
VERSION = "1"

UPLOAD_TAG, PLAIN_LENGTH, KEY_ARN, WRAPPED_DATA_KEY, WRAPPED_CONTENT_KEY, CLIENT_CONTEXT, BUCKET = range(1, 8)
OUTER_WRAPPED_DATA_KEY, OUTER_WRAPPED_CONTENT_KEY, OUTER_KEY_ARN, PRIVATE = range(8, 12)

MULTIPART = 0x0001
DATA_KEY_PER_OBJECT = 0x0002
_MODE_SHIFT = 2
_FLAGS, _SEAL = 2, 32
_VERSION = regular(r"[1-9][0-9]{0,5}")
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


class Mode(IntEnum):
    """Whose key wraps the data key."""

    OWNED = 0
    """The service-owned key (SSE-S3)."""
    KMS = 1
    DOUBLE = 2
    """A key of the KMS, and a second layer under the service-owned key (DSSE-KMS)."""
    CLIENT = 3
    """A key that the client sends with each request (SSE-C)."""


_MODES = tuple(Mode)
_KMS_FIELDS = frozenset({KEY_ARN, WRAPPED_DATA_KEY})
_OUTER_FIELDS = frozenset({OUTER_WRAPPED_DATA_KEY, OUTER_WRAPPED_CONTENT_KEY, OUTER_KEY_ARN})
_REQUIRED: Mapping[Mode, frozenset[int]] = {
    Mode.OWNED: _KMS_FIELDS,
    Mode.KMS: _KMS_FIELDS,
    Mode.DOUBLE: _KMS_FIELDS | _OUTER_FIELDS,
    Mode.CLIENT: frozenset(),
}
_ALLOWED: Mapping[Mode, frozenset[int]] = {
    mode: frozenset({PRIVATE} if mode is Mode.CLIENT else {PRIVATE, CLIENT_CONTEXT}) for mode in Mode
}
_KINDS: Mapping[int, frozenset[int]] = {0: frozenset({PLAIN_LENGTH}), MULTIPART: frozenset({UPLOAD_TAG})}

# Flags that may stand -> the fields that must be there, and those that may.
_PRESENCE: Mapping[int, tuple[frozenset[int], frozenset[int]]] = {
    mode << _MODE_SHIFT | scope | kind: (required, required | _ALLOWED[mode])
    for mode in Mode
    for scope in (0, DATA_KEY_PER_OBJECT)
    if not (mode is Mode.CLIENT and scope)
    for kind, own in _KINDS.items()
    for required in [_REQUIRED[mode] | own | {WRAPPED_CONTENT_KEY, BUCKET}]
}
_MOST = 0xFFFF
_SIZES: Mapping[int, tuple[int, int]] = {
    UPLOAD_TAG: (16, 16),
    PLAIN_LENGTH: (8, 8),
    KEY_ARN: (1, _MOST),
    WRAPPED_DATA_KEY: (1, _MOST),
    WRAPPED_CONTENT_KEY: (64, 64),
    CLIENT_CONTEXT: (0, _MOST),
    BUCKET: (3, 63),
    OUTER_WRAPPED_DATA_KEY: (1, _MOST),
    OUTER_WRAPPED_CONTENT_KEY: (64, 64),
    OUTER_KEY_ARN: (1, _MOST),
    PRIVATE: (28, _MOST),
}
_TEXTS = (KEY_ARN, BUCKET, OUTER_KEY_ARN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEnvelope:
    """A header that follows the syntax. What it says is a claim of the store's until open_envelope agrees."""

    flags: int
    fields: Mapping[int, bytes] = field(repr=False)
    signed: bytes = field(repr=False)
    """Flags and fields as they stood, which the seal covers."""
    seal: bytes

    @property
    def mode(self) -> Mode:
        return _MODES[self.flags >> _MODE_SHIFT]

    @property
    def multipart(self) -> bool:
        return bool(self.flags & MULTIPART)

    @property
    def data_key_per_object(self) -> bool:
        return bool(self.flags & DATA_KEY_PER_OBJECT)

    @property
    def bucket(self) -> str:
        """The bucket that it was sealed for."""
        return self.fields[BUCKET].decode()

    @property
    def plain_length(self) -> int | None:
        """In bytes; None in a multipart object."""
        value = self.fields.get(PLAIN_LENGTH)
        return None if value is None else int.from_bytes(value, "big")

    @property
    def upload_tag(self) -> bytes | None:
        """None in a single-part object."""
        return self.fields.get(UPLOAD_TAG)

    @property
    def key_arn(self) -> str | None:
        """None in Mode.CLIENT."""
        return self._text(KEY_ARN)

    @property
    def wrapped_data_key(self) -> bytes | None:
        """None in Mode.CLIENT."""
        return self.fields.get(WRAPPED_DATA_KEY)

    @property
    def outer_key_arn(self) -> str | None:
        """None but in Mode.DOUBLE."""
        return self._text(OUTER_KEY_ARN)

    @property
    def outer_wrapped_data_key(self) -> bytes | None:
        """None but in Mode.DOUBLE."""
        return self.fields.get(OUTER_WRAPPED_DATA_KEY)

    @property
    def client_context(self) -> dict[str, str]:
        """The client's own pairs of the encryption context."""
        packed = self.fields.get(CLIENT_CONTEXT)
        return (unpack_context(packed) or {}) if packed else {}

    def agreed_length(self, sealed: int) -> int:
        """How long the plaintext of a body of that size is. Raises TamperedBody where the header disagrees.

        A multipart object's header says nothing of the length: its index must agree.
        """
        try:
            plain = plain_size(sealed)
        except NotSealed:
            raise TamperedBody("size") from None
        if self.plain_length not in {None, plain}:
            raise TamperedBody("size")
        return plain

    def _text(self, tag: int) -> str | None:
        value = self.fields.get(tag)
        return None if value is None else value.decode()


def read_envelope(header: str) -> SealedEnvelope:
    """The header's value, parsed and not yet believed. Raises UnknownVersion or DamagedEnvelope."""
    version, dot, text = header.partition(".")
    if not dot or not _VERSION.fullmatch(version):
        raise DamagedEnvelope("version")
    if version != VERSION:
        raise UnknownVersion(version)
    raw = _decode(text)
    signed, seal = raw[:-_SEAL], raw[-_SEAL:]
    flags = int.from_bytes(signed[:_FLAGS], "big")
    fields = unpack_fields(signed[_FLAGS:], length_bytes=2)
    if fields is None:
        raise DamagedEnvelope("syntax")
    fault = _fault(flags, fields)
    if fault is not None:
        raise DamagedEnvelope(fault)
    return SealedEnvelope(flags=flags, fields=fields, signed=signed, seal=seal)


def pack_signed(
    fields: Mapping[int, bytes], *, mode: Mode, multipart: bool, data_key_per_object: bool
) -> bytes:
    """Flags and fields, as the seal covers them. ValueError where a reader would refuse them."""
    flags = mode << _MODE_SHIFT | data_key_per_object * DATA_KEY_PER_OBJECT | multipart * MULTIPART
    fault = _fault(flags, fields)
    if fault is not None:
        raise ValueError(f"an envelope of mode {mode.name} cannot be written: {fault}")
    return flags.to_bytes(_FLAGS, "big") + pack_fields(fields, length_bytes=2)


def encode_header(envelope: bytes) -> str:
    """The header's value."""
    text = b2a_base64(envelope, newline=False).translate(_TO_URL).rstrip(b"=").decode()
    return f"{VERSION}.{text}"


def _decode(text: str) -> bytes:
    """Strict: there is one way to write each envelope, so the text must be what encode_header gives."""
    try:
        raw = a2b_base64(text.encode().translate(_FROM_URL) + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, Error):
        raise DamagedEnvelope("base64") from None
    if encode_header(raw) != f"{VERSION}.{text}":
        raise DamagedEnvelope("base64")
    return raw


def _fault(flags: int, fields: Mapping[int, bytes]) -> str | None:
    """What in the tables the header breaks, if anything."""
    if flags not in _PRESENCE:
        return "flags"
    required, allowed = _PRESENCE[flags]
    if not required <= fields.keys() or unknown_fields(fields, allowed):
        return "fields"
    for tag, value in fields.items():
        smallest, largest = _SIZES.get(tag, (0, _MOST))
        if not smallest <= len(value) <= largest:
            return f"length of field {tag:02X}"
    if CLIENT_CONTEXT in fields and unpack_context(fields[CLIENT_CONTEXT]) is None:
        return "context"
    return next((f"text of field {tag:02X}" for tag in _TEXTS if not _is_text(fields.get(tag, b""))), None)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
