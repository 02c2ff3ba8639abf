"""GetObjectAttributes: what is asked for, and the document that answers it (Amazon's API reference).

The answer's checksums are named as elements, `ChecksumCRC32` for `x-amz-checksum-crc32`. Parts come in pages,
by number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from proxy.s3.checksums import PREFIX
from proxy.s3.errors import S3Error
from proxy.s3.markup import DECLARATION, NAMESPACE, element

NAMES = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})
WANTED, MAX_PARTS, MARKER = "x-amz-object-attributes", "x-amz-max-parts", "x-amz-part-number-marker"
MOST_LISTED = 1000
_TYPE = f"{PREFIX}type"
_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    names: frozenset[str]
    max_parts: int
    after: int
    """List parts with higher numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartAttributes:
    number: int
    plain_length: int
    checksums: Mapping[str, str] = field(default_factory=dict)
    """By header, as for the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsPage:
    count: int
    """Of all parts."""
    listed: Sequence[PartAttributes]
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """All that is known of an object; what was not asked for is left out of the document."""

    etag: str
    plain_length: int
    storage_class: str
    checksums: Mapping[str, str] = field(default_factory=dict)
    """By x-amz-checksum-* header, the type among them."""
    parts: PartsPage | None = None
    """None where the object was put in one piece."""


def parse_wish(headers: Mapping[str, str]) -> Wish:
    """Raises S3Error InvalidArgument."""
    names = frozenset(name.strip() for name in headers.get(WANTED, "").split(","))
    if not names <= NAMES:
        raise S3Error("InvalidArgument", "Invalid attribute name specified.", ArgumentName=WANTED)
    return Wish(
        names=names,
        max_parts=min(_number(headers, MAX_PARTS, MOST_LISTED), MOST_LISTED),
        after=_number(headers, MARKER, 0),
    )


def build_attributes(wish: Wish, found: Attributes) -> bytes:
    inner = ""
    if "ETag" in wish.names:
        inner += element("ETag", found.etag.strip('"'))
    if "Checksum" in wish.names and found.checksums:
        inner += f"<Checksum>{_checksums(found.checksums)}</Checksum>"
    if "ObjectParts" in wish.names and found.parts is not None:
        inner += _parts(wish, found.parts)
    if "StorageClass" in wish.names:
        inner += element("StorageClass", found.storage_class)
    if "ObjectSize" in wish.names:
        inner += element("ObjectSize", str(found.plain_length))
    root = "GetObjectAttributesResponse"
    return f'{DECLARATION}<{root} xmlns="{NAMESPACE}">{inner}</{root}>'.encode()


def _parts(wish: Wish, page: PartsPage) -> str:
    last = page.listed[-1].number if page.listed else wish.after
    told = {
        "PartsCount": page.count,
        "PartNumberMarker": wish.after,
        "NextPartNumberMarker": last,
        "MaxParts": wish.max_parts,
    }
    inner = "".join(element(name, str(value)) for name, value in told.items())
    inner += element("IsTruncated", "true" if page.truncated else "false")
    for part in page.listed:
        number, size = element("PartNumber", str(part.number)), element("Size", str(part.plain_length))
        inner += f"<Part>{number}{size}{_checksums(part.checksums)}</Part>"
    return f"<ObjectParts>{inner}</ObjectParts>"


def _checksums(headers: Mapping[str, str]) -> str:
    return "".join(element(_element_name(name), value) for name, value in headers.items())


def _element_name(header: str) -> str:
    return "ChecksumType" if header == _TYPE else f"Checksum{header.removeprefix(PREFIX).upper()}"


def _number(headers: Mapping[str, str], name: str, otherwise: int) -> int:
    value = headers.get(name)
    if value is None:
        return otherwise
    if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS):
        raise S3Error("InvalidArgument", f"{name} must be a number.", ArgumentName=name, ArgumentValue=value)
    return int(value)
