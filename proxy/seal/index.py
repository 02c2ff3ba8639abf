"""The index at a body's end: parts, run ids and checksums, sealed. docs/FORMAT.md, section "The index".

Its key and id follow from its content, so that equal content gives equal bytes and no nonce is ever used
twice. Bytes in, values out; whoever reads the body finds where it lies (tail.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest, digest
from itertools import groupby
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.seal.checksums import checksum_size, pack_checksums, unpack_checksums
from proxy.seal.errors import TamperedBody
from proxy.seal.fields import pack_fields, unknown_fields, unpack_fields
from proxy.seal.geometry import MOST_PARTS

PARTS, RUNS, OBJECT, OF_PARTS = 1, 2, 3, 4
_SINGLE, _MULTI = frozenset({OBJECT}), frozenset({PARTS, RUNS, OBJECT, OF_PARTS})
_GROUP = Struct(">HHBI")  # a u40 is its highest byte, then a u32
RUN_ID = 12
_ID, _TAG = 12, 16
_NO_NONCE = bytes(12)
_COLUMN_HEAD = 5

SMALLEST_INDEX = _ID + _TAG + _COLUMN_HEAD + 5
"""One CRC32."""
SMALLEST_MULTIPART_INDEX = _ID + _TAG + _COLUMN_HEAD + _GROUP.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    number: int
    plain_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChecksums:
    """One checksum of the same kind for each part, in order."""

    code: int
    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What an index says. A single-part object's has `checksums` alone."""

    parts: tuple[Part, ...] = ()
    run_ids: tuple[bytes | None, ...] = ()
    """One for each part, None where it is not known; or no entry at all."""
    checksums: Mapping[int, bytes] = field(default_factory=dict)
    part_checksums: PartChecksums | None = None


def seal_index(index: Index, *, index_key: bytes, room: int) -> bytes:
    """The index in at most `room` bytes: columns that do not fit are left out, the highest first.

    Empty where nothing remains of a single-part object's.
    """
    columns = _columns(index)
    while columns and _ID + _TAG + len(packed := pack_fields(columns, length_bytes=4)) > room:
        del columns[max(columns)]
    if not columns:
        return b""
    index_id = digest(index_key, b"run\x00" + packed, "sha256")[:_ID]
    return index_id + _cipher(index_key, index_id).encrypt(_NO_NONCE, packed, None)


def open_index(sealed: bytes, *, index_key: bytes, multipart: bool) -> Index:
    """The inverse. Raises TamperedBody for an index that seal_index would not have made."""
    return _index(open_columns(sealed, index_key=index_key, multipart=multipart))


def open_columns(sealed: bytes, *, index_key: bytes, multipart: bool) -> dict[int, bytes]:
    """Column -> its bytes, which are as they were sealed and not yet looked at. Raises TamperedBody."""
    index_id = sealed[:_ID]
    try:
        packed = _cipher(index_key, index_id).decrypt(_NO_NONCE, sealed[_ID:], None)
    except InvalidTag:
        raise TamperedBody("index") from None
    if not compare_digest(digest(index_key, b"run\x00" + packed, "sha256")[:_ID], index_id):
        raise TamperedBody("id of the index")
    found = unpack_fields(packed, length_bytes=4)
    if (
        not found
        or unknown_fields(found, _MULTI if multipart else _SINGLE)
        or (multipart and PARTS not in found)
    ):
        raise TamperedBody("columns of the index")
    return found


def unpack_groups(packed: bytes) -> Iterator[tuple[int, int, int]]:
    """Of column 01: number of the first, count, and plaintext length of each. Raises TamperedBody."""
    if not packed or len(packed) % _GROUP.size:
        raise TamperedBody("part list")
    before, empty_seen = 0, False
    for first, count, high, low in _GROUP.iter_unpack(packed):
        length = high << 32 | low
        if count == 0 or first <= before or first + count - 1 > MOST_PARTS or empty_seen:
            raise TamperedBody("part list")
        if length == 0 and count > 1:
            raise TamperedBody("part list")
        before, empty_seen = first + count - 1, length == 0
        yield first, count, length


def checked_run_ids(packed: bytes, parts: int) -> bytes:
    """Column 02, which has RUN_ID bytes for each part, all zero where not known. Raises TamperedBody."""
    if len(packed) != RUN_ID * parts:
        raise TamperedBody("run ids")
    return packed


def checked_checksums(packed: bytes) -> dict[int, bytes]:
    """Column 03, by code. Raises TamperedBody."""
    checksums = unpack_checksums(packed)
    if not checksums:
        raise TamperedBody("checksums in the index")
    return checksums


def checked_part_checksums(packed: bytes, parts: int) -> tuple[int, int]:
    """Of column 04: the code, and the bytes of each checksum behind it. Raises TamperedBody."""
    size = checksum_size(packed[0]) if packed else None
    if size is None or len(packed) != 1 + size * parts:
        raise TamperedBody("checksums of parts")
    return packed[0], size


def _cipher(index_key: bytes, index_id: bytes) -> AESGCM:
    return AESGCM(digest(index_key, b"key\x00" + index_id, "sha256"))


def _columns(index: Index) -> dict[int, bytes]:
    columns = {
        PARTS: _pack_parts(index.parts),
        RUNS: b"".join(run_id or bytes(RUN_ID) for run_id in index.run_ids),
        OBJECT: pack_checksums(index.checksums),
    }
    if index.part_checksums is not None:
        columns[OF_PARTS] = bytes((index.part_checksums.code,)) + b"".join(index.part_checksums.values)
    return {tag: value for tag, value in columns.items() if value}


def _index(found: Mapping[int, bytes]) -> Index:
    parts = tuple(_unpack_parts(found[PARTS])) if PARTS in found else ()
    return Index(
        parts=parts,
        run_ids=_unpack_runs(found[RUNS], len(parts)) if RUNS in found else (),
        checksums=checked_checksums(found[OBJECT]) if OBJECT in found else {},
        part_checksums=_unpack_part_checksums(found[OF_PARTS], len(parts)) if OF_PARTS in found else None,
    )


def _pack_parts(parts: Sequence[Part]) -> bytes:
    """Neighbours with consecutive numbers and the same length make one group."""
    packed = []
    for _, members in groupby(enumerate(parts), key=lambda at: (at[1].plain_length, at[1].number - at[0])):
        group = [part for _, part in members]
        length = group[0].plain_length
        packed.append(_GROUP.pack(group[0].number, len(group), length >> 32, length & 0xFFFF_FFFF))
    return b"".join(packed)


def _unpack_parts(packed: bytes) -> Iterator[Part]:
    for first, count, length in unpack_groups(packed):
        yield from (Part(number=number, plain_length=length) for number in range(first, first + count))


def _unpack_runs(packed: bytes, parts: int) -> tuple[bytes | None, ...]:
    checked_run_ids(packed, parts)
    cut = (packed[at : at + RUN_ID] for at in range(0, len(packed), RUN_ID))
    return tuple(run_id if any(run_id) else None for run_id in cut)


def _unpack_part_checksums(packed: bytes, parts: int) -> PartChecksums:
    code, size = checked_part_checksums(packed, parts)
    values = tuple(packed[at : at + size] for at in range(1, len(packed), size))
    return PartChecksums(code=code, values=values)
