"""Reads the header into its fields (docs/FORMAT.md, "The header", and step 1 of "Opening a header").

Fed the header's value alone; asks for no key. What comes out has the form that the page demands, and nobody
believes it yet: only the seal, which `recovery/unlock.py` checks, says that it is true.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from recovery.errors import HeaderDamaged, OtherVersion
from recovery.reader import FIRST_OPTIONAL, Reader, utf8

VERSION = "1"
SEAL = 32
LONGEST = 0xFFFF

MULTIPART = 0x0001
DATA_KEY_PER_OBJECT = 0x0002
MODE = 0x000C

RESERVED_PAIR = "aws:s3:arn"


class Mode(IntEnum):
    """Whose key the object is under."""

    SERVICE_OWNED = 0
    KEY_SERVICE = 1
    TWO_LAYERS = 2
    CLIENT_KEY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    multipart: bool
    data_key_per_object: bool
    mode: Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedDataKey:
    """What a key service is asked to open, and with which of its keys."""

    key_arn: str
    blob: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A wrapped content key, and the data key that opens it: None where the client's own key does."""

    data_key: WrappedDataKey | None
    content_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A header's fields. `plain_size` is there in single-part objects, `outer` with two layers."""

    flags: Flags
    bucket: str
    plain_size: int | None
    client_context: dict[str, str] = field(repr=False)
    inner: Layer
    outer: Layer | None
    private: bytes | None
    covered: bytes = field(repr=False)
    """Flags and all fields as they were written: what the seal is computed over."""
    seal: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """How long a field is, in which headers it must stand and in which it may."""

    name: str
    shortest: int
    longest: int
    required: Callable[[Flags], bool]
    allowed: Callable[[Flags], bool]


def _rule(
    name: str,
    shortest: int,
    longest: int,
    required: Callable[[Flags], bool],
    allowed: Callable[[Flags], bool] | None = None,
) -> FieldRule:
    return FieldRule(
        name=name, shortest=shortest, longest=longest, required=required, allowed=allowed or required
    )


def _always(_: Flags) -> bool:
    return True


def _never(_: Flags) -> bool:
    return False


def _multipart(flags: Flags) -> bool:
    return flags.multipart


def _single_part(flags: Flags) -> bool:
    return not flags.multipart


def _key_service(flags: Flags) -> bool:
    return flags.mode is not Mode.CLIENT_KEY


def _two_layers(flags: Flags) -> bool:
    return flags.mode is Mode.TWO_LAYERS


FIELDS = {
    0x01: _rule("upload tag", 16, 16, _multipart),
    0x02: _rule("length of the plaintext", 8, 8, _single_part),
    0x03: _rule("ARN of the key", 1, LONGEST, _key_service),
    0x04: _rule("wrapped data key", 1, LONGEST, _key_service),
    0x05: _rule("wrapped content key", 64, 64, _always),
    0x06: _rule("client's encryption context", 0, LONGEST, _never, _key_service),
    0x07: _rule("bucket name", 3, 63, _always),
    0x08: _rule("wrapped outer data key", 1, LONGEST, _two_layers),
    0x09: _rule("wrapped outer content key", 64, 64, _two_layers),
    0x0A: _rule("ARN of the outer key", 1, LONGEST, _two_layers),
    0x0B: _rule("private field", 28, LONGEST, _never, _always),
}


def read_header(header: str) -> Envelope:
    """The fields of a header's value. Raises OtherVersion or HeaderDamaged."""
    raw = _decode(header)
    if len(raw) < 2 + SEAL:
        raise HeaderDamaged(f"the envelope has {len(raw)} bytes, too few for flags and seal")
    covered, seal = raw[:-SEAL], raw[-SEAL:]
    flags = _flags(int.from_bytes(covered[:2], "big"))
    fields = dict(Reader(covered[2:], "the header's fields", HeaderDamaged).tagged(2))
    _check(fields, flags)
    return Envelope(
        flags=flags,
        bucket=_text(fields, 0x07),
        plain_size=int.from_bytes(fields[0x02], "big") if 0x02 in fields else None,
        client_context=_context(fields.get(0x06, b"")),
        inner=_layer(fields, arn=0x03, data_key=0x04, content_key=0x05),
        outer=_layer(fields, arn=0x0A, data_key=0x08, content_key=0x09) if 0x09 in fields else None,
        private=fields.get(0x0B),
        covered=covered,
        seal=seal,
    )


def _decode(header: str) -> bytes:
    version, dot, text = header.partition(".")
    if not dot or not re.fullmatch("[1-9][0-9]{0,5}", version):
        raise HeaderDamaged("the header does not begin with a version's number, from 1 to 999999, and a dot")
    if version != VERSION:
        raise OtherVersion(version)
    if not re.fullmatch("[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise HeaderDamaged("the header is not base64url without padding")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != text.encode():
        raise HeaderDamaged("unused bits of the header's last character are set")
    return raw


def _flags(bits: int) -> Flags:
    if bits & ~(MULTIPART | DATA_KEY_PER_OBJECT | MODE):
        raise HeaderDamaged(f"the flags {bits:04X} have a bit that no version 1 header has")
    flags = Flags(
        multipart=bool(bits & MULTIPART),
        data_key_per_object=bool(bits & DATA_KEY_PER_OBJECT),
        mode=Mode((bits & MODE) >> 2),
    )
    if flags.data_key_per_object and flags.mode is Mode.CLIENT_KEY:
        raise HeaderDamaged("a client's own key cannot be a data key for one object")
    return flags


def _check(fields: dict[int, bytes], flags: Flags) -> None:
    for tag, value in fields.items():
        rule = FIELDS.get(tag)
        if rule is None:
            if tag < FIRST_OPTIONAL:
                raise HeaderDamaged(f"field {tag:02X} is unknown and may not be skipped")
        elif not rule.allowed(flags):
            raise HeaderDamaged(f"field {tag:02X} ({rule.name}) does not belong in a header with these flags")
        elif not rule.shortest <= len(value) <= rule.longest:
            raise HeaderDamaged(f"field {tag:02X} ({rule.name}) cannot have {len(value)} bytes")
    for tag, rule in FIELDS.items():
        if rule.required(flags) and tag not in fields:
            raise HeaderDamaged(f"field {tag:02X} ({rule.name}) is missing")


def _text(fields: dict[int, bytes], tag: int) -> str:
    return utf8(fields[tag], f"field {tag:02X} ({FIELDS[tag].name})", HeaderDamaged)


def _layer(fields: dict[int, bytes], *, arn: int, data_key: int, content_key: int) -> Layer:
    wrapped = None
    if data_key in fields:
        wrapped = WrappedDataKey(key_arn=_text(fields, arn), blob=fields[data_key])
    return Layer(data_key=wrapped, content_key=fields[content_key])


def _context(data: bytes) -> dict[str, str]:
    reader = Reader(data, "field 06 (client's encryption context)", HeaderDamaged)
    pairs: dict[str, str] = {}
    before: bytes | None = None
    while reader:
        key = reader.text(reader.number(2))
        if before is not None and key.encode() <= before:
            raise HeaderDamaged("field 06 (client's encryption context): keys do not rise strictly")
        if key == RESERVED_PAIR:
            raise HeaderDamaged(f"field 06 (client's encryption context): a pair is called {RESERVED_PAIR}")
        pairs[key] = reader.text(reader.number(2))
        before = key.encode()
    return pairs
