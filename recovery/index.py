"""Opens an object's index and reads its columns (docs/FORMAT.md, "The index").

Fed the index's bytes and its key; knows nothing of the body that the columns describe.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag

from recovery.checksums import checksum_size, read_checksums
from recovery.errors import TailDamaged
from recovery.keys import ONLY_NONCE, mac, open_gcm
from recovery.reader import FIRST_OPTIONAL, Reader
from recovery.sizes import MOST_PARTS, RUN_ID

ID = 12
PARTS, RUN_IDS, CHECKSUMS, PART_CHECKSUMS = 1, 2, 3, 4
MULTIPART_ALONE = (PARTS, RUN_IDS, PART_CHECKSUMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One run of the body. `number` is 0 in a single-part object; `run_id` is None where none is named."""

    number: int
    plain_size: int
    run_id: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What the columns say. `parts` is empty in a single-part object; the rest, where it has no column."""

    parts: tuple[Part, ...] = ()
    checksums: dict[int, bytes] = field(default_factory=dict)
    part_checksum_code: int | None = None
    part_checksums: tuple[bytes, ...] = ()


def open_index(sealed: bytes, key: bytes, *, multipart: bool) -> Index:
    """The columns of the index `sealed`; `key` is the object's index key. Raises TailDamaged."""
    index_id, ciphertext = sealed[:ID], sealed[ID:]
    try:
        columns = open_gcm(mac(key, b"key\x00" + index_id), ONLY_NONCE, ciphertext)
    except InvalidTag as exc:
        raise TailDamaged("the index's tag is not good") from exc
    if not hmac.compare_digest(index_id, mac(key, b"run\x00" + columns)[:ID]):
        raise TailDamaged("the index's id is not that of its columns")
    return _read(columns, multipart=multipart)


def _read(data: bytes, *, multipart: bool) -> Index:
    columns = dict(Reader(data, "the index's columns", TailDamaged).tagged(4))
    _check(columns, multipart=multipart)
    parts = list(_parts(columns[PARTS])) if multipart else []
    if RUN_IDS in columns:
        parts = _with_run_ids(parts, columns[RUN_IDS])
    code, part_checksums = _part_checksums(columns.get(PART_CHECKSUMS), len(parts))
    return Index(
        parts=tuple(parts),
        checksums=_checksums(columns.get(CHECKSUMS)),
        part_checksum_code=code,
        part_checksums=part_checksums,
    )


def _check(columns: dict[int, bytes], *, multipart: bool) -> None:
    if not columns:
        raise TailDamaged("the index has no columns")
    for tag in columns:
        if tag < FIRST_OPTIONAL and tag not in (PARTS, RUN_IDS, CHECKSUMS, PART_CHECKSUMS):
            raise TailDamaged(f"column {tag:02X} of the index is unknown and may not be skipped")
        if tag in MULTIPART_ALONE and not multipart:
            raise TailDamaged(f"column {tag:02X} of the index has no place in a single-part object")
    if multipart and PARTS not in columns:
        raise TailDamaged("the index of a multipart object has no column of parts")


def _parts(column: bytes) -> Iterator[Part]:
    """Groups of equal parts, spelt out. Bounded: numbers rise, so there are at most 10,000."""
    reader = Reader(column, "the index's parts", TailDamaged)
    before = 0
    if not reader:
        raise TailDamaged("the index's parts: there is none")
    while reader:
        first, count, plain_size = reader.number(2), reader.number(2), reader.number(5)
        last = first + count - 1
        if count == 0 or first <= before or last > MOST_PARTS:
            raise TailDamaged(
                f"the index's parts: {count} from number {first} on cannot follow number {before}"
            )
        if plain_size == 0 and (count > 1 or reader):
            raise TailDamaged("the index's parts: one before the last is empty")
        yield from (Part(number=number, plain_size=plain_size) for number in range(first, last + 1))
        before = last


def _with_run_ids(parts: list[Part], column: bytes) -> list[Part]:
    if len(column) != RUN_ID * len(parts):
        raise TailDamaged(f"the index's run ids: {len(column)} bytes for {len(parts)} parts")
    ids = [column[at : at + RUN_ID] for at in range(0, len(column), RUN_ID)]
    return [
        Part(number=part.number, plain_size=part.plain_size, run_id=run_id if any(run_id) else None)
        for part, run_id in zip(parts, ids, strict=True)
    ]


def _checksums(column: bytes | None) -> dict[int, bytes]:
    if column is None:
        return {}
    if not column:
        raise TailDamaged("the index's checksums: there is none")
    return read_checksums(column, "the index's checksums", TailDamaged)


def _part_checksums(column: bytes | None, parts: int) -> tuple[int | None, tuple[bytes, ...]]:
    if column is None:
        return None, ()
    what = "the index's checksums of parts"
    reader = Reader(column, what, TailDamaged)
    code = reader.number(1)
    size = checksum_size(code, what, TailDamaged)
    if len(column) != 1 + size * parts:
        raise TailDamaged(f"{what}: {len(column)} bytes for {parts} parts")
    return code, tuple(reader.take(size) for _ in range(parts))
