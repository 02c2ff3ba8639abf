"""Where the bytes of many parts lie, against counting by hand; and that many parts are no great weight."""

import tracemalloc
from itertools import accumulate

import pytest

from proxy.seal.errors import TamperedBody
from proxy.seal.geometry import (
    SEALED_SEGMENT,
    SEGMENT,
    Window,
    run_size,
    sealed_size,
    segment_count,
    tail_size,
    window,
)
from proxy.seal.index import Index, Part, PartChecksums, seal_index
from proxy.seal.keys import index_key
from proxy.seal.layout import OneRun
from proxy.seal.opener import Opener
from proxy.seal.parts import Parts, missing_of_index, open_parts
from proxy.seal.segments import Run

M = 5 * 1024 * 1024
CONTENT_KEY = bytes(range(32))
RUN_ID = b"of each part"
SHA256 = 6

SHAPES: dict[str, list[tuple[int, int]]] = {
    "one byte": [(1, 1)],
    "one empty part": [(10_000, 0)],
    "equal parts": [(number, M) for number in range(1, 8)],
    "equal parts and a rest": [(1, M), (2, M), (3, M), (4, 7)],
    "numbers with gaps": [(3, M), (4, M), (9_999, M), (10_000, SEGMENT)],
    "odd sizes": [(1, M + 1), (2, M + SEGMENT - 1), (3, M + SEGMENT), (4, M + SEGMENT + 1), (5, 1)],
    "an empty end": [(2, M), (5, 0)],
    "all different": [(number, M + number) for number in range(1, 10_001)],
    "all equal": [(number, M) for number in range(1, 10_001)],
}


def end_of(shape: list[tuple[int, int]], *, checksums: bool = False) -> tuple[bytes, int]:
    """Index and footer of a body of these parts, and its plaintext's length."""
    plain_length = sum(length for _, length in shape)
    values = tuple(number.to_bytes(32, "big") for number, _ in shape)
    index = Index(
        parts=tuple(Part(number=number, plain_length=length) for number, length in shape),
        run_ids=tuple(RUN_ID for _ in shape) if checksums else (),
        part_checksums=PartChecksums(code=SHA256, values=values) if checksums else None,
    )
    room = tail_size(plain_length) - 8
    sealed = seal_index(index, index_key=index_key(CONTENT_KEY), room=room)
    return sealed + len(sealed).to_bytes(4, "big") + b"SGB1", plain_length


def parts_of(shape: list[tuple[int, int]], *, checksums: bool = False) -> Parts:
    end, plain_length = end_of(shape, checksums=checksums)
    return open_parts(end, content_key=CONTENT_KEY, plain_length=plain_length)


@pytest.mark.parametrize("name", SHAPES)
def test_every_part_lies_behind_the_one_before(name: str) -> None:
    shape = SHAPES[name]
    parts = parts_of(shape)
    lengths = [length for _, length in shape]
    plain = [0, *accumulate(lengths)]
    sealed = [0, *accumulate(map(run_size, lengths))]
    segments = [0, *accumulate(map(segment_count, lengths))]

    assert (parts.plain_length, parts.sealed_end, parts.segments) == (plain[-1], sealed[-1], segments[-1])
    assert parts.count == len(shape)
    for ordinal, (number, length) in enumerate(shape):
        place = parts.run_of_number(number)
        assert place is not None
        assert tuple(place) == (
            ordinal,
            number,
            plain[ordinal],
            length,
            sealed[ordinal],
            segments[ordinal],
            segment_count(length),
        )
        for segment in {segments[ordinal], segments[ordinal + 1] - 1}:
            assert parts.run_of_segment(segment) == place
        for byte in {plain[ordinal], plain[ordinal + 1] - 1} if length else ():
            assert parts.run_of_byte(byte) == place
        assert parts.sealed_start(segments[ordinal]) == sealed[ordinal]
        assert parts.plain_start(segments[ordinal]) == plain[ordinal]
    assert parts.sealed_start(segments[-1]) == sealed[-1]
    assert parts.plain_start(segments[-1]) == plain[-1]


@pytest.mark.parametrize("name", SHAPES)
def test_numbers_that_the_object_does_not_have_are_no_parts(name: str) -> None:
    parts = parts_of(SHAPES[name])
    numbers = {number for number, _ in SHAPES[name]}

    for number in {0, 1, 2, 3, 5, 8, 9_998, 9_999, 10_000, 10_001, 2**40} - numbers:
        assert parts.run_of_number(number) is None


@pytest.mark.parametrize("name", SHAPES)
def test_parts_are_listed_from_any_number_on(name: str) -> None:
    numbers = [number for number, _ in SHAPES[name]]
    parts = parts_of(SHAPES[name])

    for after in (0, 1, 2, 3, 4, 9_998, 9_999, 10_000, 20_000):
        for most in (0, 1, 2, 1000):
            listed = [place.number for place in parts.parts_after(after, most=most)]
            assert listed == [number for number in numbers if number > after][:most]


def test_equal_lengths_make_a_window_as_in_one_run() -> None:
    """Parts of whole segments, as clients send them, leave every segment where one PUT would have put it.

    So a range can be asked for before it is known that the object has parts, and usually be right.
    """
    parts = parts_of(SHAPES["equal parts and a rest"])

    for first in (0, SEGMENT - 1, SEGMENT, M - 1, M, 2 * M + 77, 3 * M + 6):
        for last in (first, min(first + M, 3 * M + 6)):
            guess, exact = window(first, last), parts.window(first, last)
            assert (guess.sealed_first, guess.plain_skip) == (exact.sealed_first, exact.plain_skip)
            assert guess.sealed_last is not None
            assert exact.sealed_last is not None
            assert guess.sealed_last >= exact.sealed_last


def test_a_single_run_is_a_layout_like_any_other() -> None:
    for length in (0, 1, SEGMENT, SEGMENT + 1, 10**15):
        one = OneRun(length)
        assert (one.plain_start(one.segments), one.sealed_start(one.segments)) == (length, run_size(length))
        assert one.run_of_byte(max(0, length - 1)) == one.run_of_segment(one.segments - 1)
        assert one.run_id(0) is None
        for first in {0, length // 2, max(0, length - 1)}:
            assert one.window(first, length - 1) == Window(
                first_segment=first // SEGMENT,
                sealed_first=first // SEGMENT * SEALED_SEGMENT,
                sealed_last=run_size(length) - 1,
                plain_skip=first % SEGMENT,
            )


@pytest.mark.parametrize("name", ["all different", "all equal"])
def test_ten_thousand_parts_take_little_memory(name: str) -> None:
    """With all that an index can say of them: run ids and checksums, here of 32 bytes each."""
    end, plain_length = end_of(SHAPES[name], checksums=True)

    tracemalloc.start()
    parts = open_parts(end, content_key=CONTENT_KEY, plain_length=plain_length)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept < 1_000_000
    assert 0.8 * kept < parts.held_bytes < 1.2 * kept
    assert parts.run_id(9_999) == RUN_ID
    assert parts.part_checksum(9_999) == (SHA256, (10_000).to_bytes(32, "big"))


def test_the_last_of_ten_thousand_parts_opens_from_its_own_segments() -> None:
    """Some five gigabytes before it are neither read nor counted through."""
    shape = SHAPES["all different"]
    parts = parts_of(shape, checksums=True)
    plain = [bytes([9]) * (M + 9_999 - 80 * SEGMENT), bytes([10]) * SEGMENT]
    final = Run(content_key=CONTENT_KEY, run_id=RUN_ID, part=9_999)
    first = Run(content_key=CONTENT_KEY, run_id=RUN_ID, part=10_000)
    sealed = [bytearray(len(piece) + 28) for piece in plain]
    final.seal(plain[0], memoryview(sealed[0]), index=80, last=True)
    first.seal(plain[1], memoryview(sealed[1]), index=0, last=False)
    place = parts.run_of_number(10_000)
    assert place is not None
    where = parts.window(place.plain_first - 1, place.plain_first)

    opener = Opener(content_key=CONTENT_KEY, layout=parts, window=where, plain_last=place.plain_first)
    opener.wanted()[:] = sealed[0] + sealed[1]

    assert bytes(opener.open()) == b"\x09\x0a"
    assert where.sealed_first == place.sealed_first - len(sealed[0])


def test_an_index_longer_than_what_was_fetched_says_how_much_is_missing() -> None:
    end, plain_length = end_of(SHAPES["all different"], checksums=True)

    for held in (8, 9, 1000, len(end) - 1, len(end)):
        assert missing_of_index(end[-held:], plain_length=plain_length) == len(end) - held
    assert missing_of_index(bytes(100) + end, plain_length=plain_length) == 0
    with pytest.raises(ValueError, match="1 bytes of the index are missing"):
        open_parts(end[1:], content_key=CONTENT_KEY, plain_length=plain_length)


@pytest.mark.parametrize("length", [0, 41, tail_size(M) - 7, 2**32 - 1])
def test_a_footer_that_no_writer_writes_is_refused_before_more_is_fetched(length: int) -> None:
    with pytest.raises(TamperedBody):
        missing_of_index(length.to_bytes(4, "big") + b"SGB1", plain_length=M)


def test_zero_bytes_are_checked_as_far_as_they_were_fetched() -> None:
    end, plain_length = end_of(SHAPES["equal parts and a rest"])
    zeros = sealed_size(plain_length) - parts_of(SHAPES["equal parts and a rest"]).sealed_end - len(end)
    assert zeros > 3

    for fetched in (1, zeros, zeros + 5):
        held = bytes([1]) * (fetched - min(fetched, zeros)) + bytes(min(fetched, zeros)) + end
        open_parts(held, content_key=CONTENT_KEY, plain_length=plain_length)
        damaged = bytearray(held)
        damaged[-len(end) - 1] = 1
        with pytest.raises(TamperedBody):
            open_parts(bytes(damaged), content_key=CONTENT_KEY, plain_length=plain_length)
