"""What a Complete comes to, decided from lists alone."""

import zlib
from collections.abc import Sequence

import pytest

from proxy.gateway.multipart.memory import PartNote
from proxy.gateway.multipart.plan import (
    StoreParts,
    check_size,
    end_of,
    index_of,
    named_by_record,
    plain_parts,
)
from proxy.s3.errors import S3Error
from proxy.s3.multipart import CompletedPart, StorePart, build_complete, parse_complete
from proxy.s3.upload_checksums import UploadChecksum, WholeClaims
from proxy.seal.errors import DamagedRecord
from proxy.seal.geometry import SMALLEST_PART, run_size, sealed_size
from proxy.seal.index import Index, Part, open_index
from proxy.seal.tail import multipart_tail, sealed_index
from proxy.upstream.capabilities import Capabilities

PLAIN = Capabilities()
NO_CLAIMS = WholeClaims(checksums={}, type=None, size=None)


def wished(*numbers: int) -> list[CompletedPart]:
    return [CompletedPart(number=number, etag=f"e{number}") for number in numbers]


def stored(sizes: dict[int, int]) -> StoreParts:
    return {(n, f"e{n}"): StorePart(number=n, etag=f"e{n}", size=run_size(size)) for n, size in sizes.items()}


def parts_of(sizes: dict[int, int]) -> tuple[Part, ...]:
    return plain_parts(wished(*sizes), stored(sizes), None)


def note(number: int, size: int, crc: int | None = None) -> PartNote:
    checksums = {} if crc is None else {2: crc.to_bytes(4, "big")}
    return PartNote(
        etag=f"e{number}", plain_length=size, run_id=number.to_bytes(12, "big"), checksums=checksums
    )


@pytest.mark.parametrize(
    ("sizes", "wants", "keeps_last", "pieces", "numbers"),
    [
        ({1: SMALLEST_PART}, {}, False, 1, [10_000]),
        ({1: 0}, {}, True, 1, [10_000]),
        ({1: SMALLEST_PART, 10_000: SMALLEST_PART}, {}, True, 1, [10_000]),
        ({1: SMALLEST_PART, 2: SMALLEST_PART}, {"consecutive_parts": True}, False, 1, [3]),
        ({1: SMALLEST_PART, 2: 9}, {"consecutive_parts": True}, True, 1, [2]),
        ({1: SMALLEST_PART, 2: SMALLEST_PART}, {"equal_parts": True}, False, 1, [10_000]),
        ({1: SMALLEST_PART + 9, 2: SMALLEST_PART}, {"equal_parts": True}, True, 2, [9_999, 10_000]),
    ],
)
def test_where_the_end_goes(
    *, sizes: dict[int, int], wants: dict[str, bool], keeps_last: bool, pieces: int, numbers: list[int]
) -> None:
    capabilities = Capabilities(**wants)  # type: ignore[arg-type]  # a table of flags
    end = end_of(wished(*sizes), parts_of(sizes), capabilities)

    assert end.keeps_last is keeps_last
    assert len(end.listed) == len(sizes) - keeps_last
    assert list(end.numbers(pieces, last=max(sizes), capabilities=capabilities)) == numbers


def test_a_store_without_a_number_left_says_so() -> None:
    """Equal parts up to number 10,000, and an end that spills over."""
    capabilities = Capabilities(equal_parts=True)
    sizes = {9_999: SMALLEST_PART + 9, 10_000: SMALLEST_PART}
    end = end_of(wished(*sizes), parts_of(sizes), capabilities)

    with pytest.raises(S3Error) as refused:
        end.numbers(2, last=10_000, capabilities=capabilities)
    assert refused.value.code == "InvalidRequest"


@pytest.mark.parametrize(
    ("numbers", "consecutive", "by_record"), [([1], False, False), ([10_000], False, True), ([1], True, True)]
)
def test_whose_last_part_an_earlier_complete_may_have_replaced(
    *, numbers: list[int], consecutive: bool, by_record: bool
) -> None:
    assert named_by_record(wished(*numbers), Capabilities(consecutive_parts=consecutive)) is by_record


def refusal_of(wish: Sequence[CompletedPart], at_store: StoreParts) -> str:
    with pytest.raises(S3Error) as refused:
        plain_parts(wish, at_store, None)
    return refused.value.code


def test_parts_are_the_stores() -> None:
    at_store = stored({1: SMALLEST_PART, 2: 5, 3: 5})

    assert refusal_of(wished(1, 4), at_store) == "InvalidPart"
    assert refusal_of([CompletedPart(number=1, etag="other")], at_store) == "InvalidPart"
    assert refusal_of(wished(2, 3), at_store) == "EntityTooSmall"
    assert plain_parts(wished(1, 4), at_store, note(4, 77))[-1].plain_length == 77
    with pytest.raises(DamagedRecord):
        plain_parts(wished(1), {(1, "e1"): StorePart(number=1, etag="e1", size=5)}, None)


def test_the_whole_has_the_size_that_was_claimed() -> None:
    parts = parts_of({1: SMALLEST_PART, 2: 5})

    check_size(WholeClaims(checksums={}, type=None, size=SMALLEST_PART + 5), parts)
    with pytest.raises(S3Error):
        check_size(WholeClaims(checksums={}, type=None, size=SMALLEST_PART), parts)


def test_a_record_and_the_store_must_agree_on_a_length() -> None:
    with pytest.raises(DamagedRecord):
        index_of(None, wished(1), parts_of({1: 5}), {1: note(1, 6)}, NO_CLAIMS)


def test_a_composite_of_parts_that_nobody_knows_is_left_out() -> None:
    """Another worker had them, and the client lists none."""
    checksum = UploadChecksum(code=2, composite=True)
    sizes = {1: SMALLEST_PART, 2: 5}
    notes = {1: note(1, SMALLEST_PART, 1)}

    index = index_of(checksum, wished(*sizes), parts_of(sizes), notes, NO_CLAIMS)
    assert (index.checksums, index.part_checksums) == ({}, None)
    assert index.run_ids == (notes[1].run_id, None)
    claimed = WholeClaims(checksums={2: "AAAAAA==-2"}, type=None, size=None)
    with pytest.raises(S3Error) as refused:
        index_of(checksum, wished(*sizes), parts_of(sizes), notes, claimed)
    assert refused.value.code == "InvalidRequest"


def test_the_most_parts_that_an_upload_can_have() -> None:
    """9,999 of odd sizes and a short last one: read, held together, combined, sealed, found again."""
    sizes = {number: SMALLEST_PART + number % 3 for number in range(1, 10_000)} | {10_000: 7}
    wish = parse_complete(build_complete((n, f"e{n}") for n in sizes))
    notes = {n: note(n, size, zlib.crc32(bytes([n % 251]))) for n, size in sizes.items()}
    parts = plain_parts(wish, stored(sizes), None)

    index = index_of(UploadChecksum(code=2, composite=False), wish, parts, notes, NO_CLAIMS)
    tail = multipart_tail(index, index_key=bytes(32))

    assert len(tail) + sum(map(run_size, sizes.values())) == sealed_size(sum(sizes.values()))
    found: Index = open_index(sealed_index(tail, multipart=True), index_key=bytes(32), multipart=True)
    assert [(part.number, part.plain_length) for part in found.parts] == list(sizes.items())
    assert found.part_checksums is not None
    assert len(found.part_checksums.values) == len(found.run_ids) == 10_000
