"""Multipart objects: every range over every border, and every way in which parts can be wrong."""

import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.seal.errors import TamperedBody
from proxy.seal.geometry import SEGMENT, WHOLE, Window, plain_size, run_size
from proxy.seal.opener import Opener
from proxy.seal.parts import Parts, open_parts
from tests.recovery.sealing import Run, body_of, column, groups_of, parts_column, seal_index, seal_run
from tests.seal.material import (
    MULTIPART,
    Vector,
    cut_out,
    edited,
    load,
    named,
    opened_whole,
    pieces,
    plaintext,
)
from tests.seal.material import body_of as body_of_vector

REFUSED: list[Vector] = load("multipart")["refused"]
M = 5 * 1024 * 1024
CONTENT_KEY, OUTER_KEY = bytes(range(32)), bytes(range(32, 64))
# A part that ends just behind a segment, two of one segment, one just short of a segment's end, an empty one.
SIZES = {3: M + 1, 4: SEGMENT, 5: SEGMENT, 9: M + SEGMENT - 1, 10_000: 0}
PLAIN = hashlib.shake_256(b"several parts").digest(sum(SIZES.values()))
RUN_IDS = {number: number.to_bytes(2, "big") * 6 for number in SIZES}


@cache
def runs() -> tuple[Run, ...]:
    made, at = [], 0
    for number, size in SIZES.items():
        made.append(Run(number, RUN_IDS[number], PLAIN[at : at + size]))
        at += size
    return tuple(made)


@cache
def sealed_runs(outer: bytes | None = None) -> tuple[bytes, ...]:
    return tuple(seal_run(run, CONTENT_KEY, outer) for run in runs())


def body_from(*pieces_of_it: bytes, columns: bytes | None = None) -> bytes:
    """A body of these sealed runs under an index of the right parts, or of other columns."""
    columns = columns or parts_column(groups_of(runs())) + column(2, b"".join(RUN_IDS.values()))
    return body_of(b"".join(pieces_of_it), seal_index(columns, CONTENT_KEY), len(PLAIN))


@cache
def body(outer: bytes | None = None) -> bytes:
    return body_from(*sealed_runs(outer))


def parts_in(sealed: bytes) -> Parts:
    return open_parts(sealed, content_key=CONTENT_KEY, plain_length=plain_size(len(sealed)))


def opened(
    sealed: bytes, window: Window = WHOLE, plain_last: int = len(PLAIN) - 1, outer: bytes | None = None
) -> Iterator[bytes]:
    opener = Opener(
        content_key=CONTENT_KEY,
        layout=parts_in(sealed),
        window=window,
        plain_last=plain_last,
        outer_content_key=outer,
    )
    return pieces(opener, cut_out(sealed, window))


PART_BORDERS = [0, M + 1, M + 1 + SEGMENT, M + 1 + 2 * SEGMENT, len(PLAIN)]
EDGES = sorted(
    {
        at
        for border in [*PART_BORDERS, SEGMENT, M, M + 1 + 3 * SEGMENT, len(PLAIN) - SEGMENT + 1]
        for at in (border - 1, border, border + 1)
        if 0 <= at < len(PLAIN)
    }
)


@pytest.mark.parametrize("outer", [None, OUTER_KEY], ids=["one layer", "two layers"])
@pytest.mark.parametrize("first", EDGES)
def test_every_range_over_every_border_opens_to_its_bytes(first: int, outer: bytes | None) -> None:
    sealed = body(outer)
    parts = parts_in(sealed)
    for last in (edge for edge in EDGES if edge >= first):
        given_out = list(opened(sealed, parts.window(first, last), last, outer))

        assert b"".join(given_out) == PLAIN[first : last + 1]
        assert all(given_out[:-1])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(PLAIN) - 1), st.integers(0, 20 * SEGMENT))
def test_any_range_opens_to_its_bytes(first: int, length: int) -> None:
    last = min(first + length, len(PLAIN) - 1)

    assert b"".join(opened(body(), parts_in(body()).window(first, last), last)) == PLAIN[first : last + 1]


@pytest.mark.parametrize("surplus", [1, 28, SEGMENT, 10**12])
def test_an_answer_that_reaches_further_than_the_range_is_read_to_its_end(surplus: int) -> None:
    """It was asked for before the parts were known; what was not asked for is not opened."""
    first, last = M - 5, M + 5
    exact = parts_in(body()).window(first, last)
    assert exact.sealed_last is not None
    window = Window(
        first_segment=exact.first_segment,
        sealed_first=exact.sealed_first,
        sealed_last=exact.sealed_last + surplus,
        plain_skip=exact.plain_skip,
    )

    assert b"".join(opened(body(), window, last)) == PLAIN[first : last + 1]


def test_an_answer_that_ends_before_the_range_is_the_callers_mistake() -> None:
    window = parts_in(body()).window(0, 10)

    with pytest.raises(ValueError, match="before the range"):
        list(opened(body(), window, M))


@pytest.mark.parametrize("outer", [None, OUTER_KEY], ids=["one layer", "two layers"])
def test_the_whole_object_opens(outer: bytes | None) -> None:
    assert b"".join(opened(body(outer), outer=outer)) == PLAIN


def test_each_part_opens_by_itself() -> None:
    """An empty one too: its only segment proves that it is empty, also to who reads the part before it."""
    parts = parts_in(body())
    for run in runs():
        place = parts.run_of_number(run.number)
        assert place is not None

        window = parts.window(place.plain_first, place.plain_last)

        assert b"".join(opened(body(), window, place.plain_last)) == run.plain
        assert len(cut_out(body(), window)) == run_size(len(run.plain)) + (run.number == 9) * 28


def test_the_empty_part_at_the_end_is_part_of_what_ends_there() -> None:
    """Else an attempt with another length could have been put there."""
    changed = body_from(*sealed_runs()[:-1], seal_run(Run(10_000, b"other run id", b""), CONTENT_KEY))
    window = parts_in(changed).window(len(PLAIN) - 1, len(PLAIN) - 1)

    with pytest.raises(TamperedBody):
        list(opened(changed, window))
    assert b"".join(opened(changed, parts_in(changed).window(0, len(PLAIN) - 2), len(PLAIN) - 2))


@pytest.mark.parametrize("vector", MULTIPART, ids=named(MULTIPART))
def test_every_object_of_the_vectors_opens(vector: Vector) -> None:
    assert opened_whole(vector, body_of_vector(vector)) == plaintext(vector)


@pytest.mark.parametrize("case", REFUSED, ids=named(REFUSED))
def test_parts_cannot_be_cut_dropped_or_exchanged(case: Vector) -> None:
    """Nor exchanged for another attempt that the index does not name, nor for the other kind of body."""
    [vector] = [vector for vector in MULTIPART if vector["name"] == case["object"]]

    with pytest.raises(TamperedBody) as tampered:
        opened_whole(vector, edited(vector, case["edits"]))

    assert (tampered.value.segment is None) == (case["why"] == "tail")


def _of_another_upload(number: int) -> bytes:
    [run] = [run for run in runs() if run.number == number]
    return seal_run(run, bytes(32))


def _attempt(number: int, run_id: bytes, plain: bytes) -> bytes:
    return seal_run(Run(number, run_id, plain), CONTENT_KEY)


def _spliced(first: bytes, second: bytes, at: int) -> bytes:
    return first[:at] + second[at:]


FIRST, SECOND, THIRD, FOURTH, LAST = sealed_runs()
ZEROS = bytes(len(SECOND))
ANOTHER = _attempt(3, b"second tries", runs()[0].plain)
# What lies in the body, and the segment at which it is found out (80 whole ones and a short one in part 3).
WRONG_PARTS = {
    "dropped": ((FIRST, THIRD, FOURTH, LAST, ZEROS), 81),
    "dropped, zeros in its place": ((FIRST, ZEROS, THIRD, FOURTH, LAST), 81),
    "exchanged": ((FIRST, THIRD, SECOND, FOURTH, LAST), 81),
    "repeated": ((FIRST, SECOND, SECOND, FOURTH, LAST), 82),
    "of another upload": ((FIRST, SECOND, _of_another_upload(5), FOURTH, LAST), 82),
    "of another attempt": ((ANOTHER, SECOND, THIRD, FOURTH, LAST), 0),
    "spliced of two attempts": ((_spliced(FIRST, ANOTHER, 3 * 65_564), SECOND, THIRD, FOURTH, LAST), 3),
    "last one of its segments of another part": (
        (FIRST[:-29] + LAST + b"x", SECOND, THIRD, FOURTH, LAST),
        80,
    ),
    "of another number": ((FIRST, _attempt(8, RUN_IDS[4], runs()[1].plain), THIRD, FOURTH, LAST), 81),
}


@pytest.mark.parametrize("how", WRONG_PARTS)
def test_a_wrong_part_is_found_out_where_it_begins_to_be_wrong(how: str) -> None:
    wrong, segment = WRONG_PARTS[how]

    with pytest.raises(TamperedBody) as tampered:
        list(opened(body_from(*wrong)))

    assert tampered.value.segment == segment


def test_another_attempt_passes_where_the_index_does_not_name_the_run() -> None:
    """All zeros say so; the segments of one run must still be of one attempt."""
    ids = [RUN_IDS[number] if number != 3 else bytes(12) for number in SIZES]
    columns = parts_column(groups_of(runs())) + column(2, b"".join(ids))
    unnamed = body_from(ANOTHER, SECOND, THIRD, FOURTH, LAST, columns=columns)
    spliced = body_from(_spliced(FIRST, ANOTHER, 65_564), SECOND, THIRD, FOURTH, LAST, columns=columns)

    assert b"".join(opened(unnamed)) == PLAIN
    with pytest.raises(TamperedBody) as tampered:
        list(opened(spliced))
    assert tampered.value.segment == 1


@pytest.mark.parametrize("border", range(len(SIZES)))
def test_an_object_cut_at_the_end_of_a_part_is_refused(border: int) -> None:
    """By its end, and with an end by the index, which belongs to more parts, or by the part that is gone."""
    runs_left = b"".join(sealed_runs()[:border])
    plain_length = sum(list(SIZES.values())[:border])
    with_index = body_of(runs_left, seal_index(parts_column(groups_of(runs())), CONTENT_KEY), plain_length)
    for cut in (runs_left + bytes(len(with_index) - len(runs_left)), with_index):
        with pytest.raises(TamperedBody):
            list(opened(cut, plain_last=plain_length - 1))


A_PART_LESS = {number: size for number, size in SIZES.items() if number != 4}
MISMATCHED = {
    "a byte less": [(number, 1, size) for number, size in {**SIZES, 3: M}.items()],
    "a byte more": [(number, 1, size) for number, size in {**SIZES, 10_000: 1}.items()],
    "a part less": [(number, 1, size) for number, size in A_PART_LESS.items()],
    "more runs than there is room for": [(1, 1300, 8192), (2000, 1, len(PLAIN) - 1300 * 8192)],
}


@pytest.mark.parametrize("how", MISMATCHED)
def test_an_index_that_does_not_match_the_body_is_refused(how: str) -> None:
    wrong = body_from(*sealed_runs(), columns=parts_column(MISMATCHED[how]))

    with pytest.raises(TamperedBody) as tampered:
        parts_in(wrong)

    assert tampered.value.segment is None


def test_parts_of_the_right_sum_but_other_cuts_do_not_open() -> None:
    groups = [(3, 1, M), (4, 1, SEGMENT + 1), (5, 1, SEGMENT), (9, 1, M + SEGMENT - 1), (10_000, 1, 0)]
    wrong = body_from(*sealed_runs(), columns=parts_column(groups))

    with pytest.raises(TamperedBody) as tampered:
        list(opened(wrong))

    assert tampered.value.segment == 79


def test_no_byte_around_a_border_can_change() -> None:
    """Of segments, of parts, of zeros, index and footer."""
    sealed = body()
    ends = [0]
    for run in sealed_runs():
        ends.append(ends[-1] + len(run))
    tail_length = len(sealed) - ends[-1]
    places = {end + step for end in ends for step in (-17, -16, -1, 0, 11, 12)} | set(
        range(len(sealed) - tail_length, len(sealed))
    )
    for place in sorted(place for place in places if 0 <= place < len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 0x10
        with pytest.raises(TamperedBody):
            list(opened(bytes(changed)))


def test_a_tail_that_changed_since_its_index_was_read_holds_back_the_end() -> None:
    """The index may come from a cache, and be good; the body that is read must end in that very index."""
    sealed = body()
    parts = parts_in(sealed)
    for place in range(parts.sealed_end, len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        given_out = until_refused(
            Opener(content_key=CONTENT_KEY, layout=parts, window=WHOLE, plain_last=len(PLAIN) - 1),
            bytes(changed),
        )
        assert PLAIN.startswith(given_out)
        assert len(given_out) < len(PLAIN)


def until_refused(opener: Opener, answer: bytes) -> bytes:
    """What comes out before the damage is found."""
    given_out = b""
    try:
        for piece in pieces(opener, answer):
            given_out += piece
    except TamperedBody:
        return given_out
    raise AssertionError


def test_a_group_may_hold_several_parts() -> None:
    """Segments of different runs are opened together, and nothing of a group comes out if one is damaged."""
    sealed = bytearray(body())
    first_damaged = parts_in(body()).sealed_start(83)
    sealed[first_damaged + 100] ^= 1
    window = parts_in(body()).window(M, M + 1 + 3 * SEGMENT)

    opener = Opener(
        content_key=CONTENT_KEY, layout=parts_in(body()), window=window, plain_last=M + 1 + 3 * SEGMENT
    )
    opener.wanted()[:] = cut_out(bytes(sealed), window)
    with pytest.raises(TamperedBody) as tampered:
        opener.open()

    assert tampered.value.segment == 83
    assert len(opener.wanted()) == 0


def test_the_borders_of_these_tests_are_those_of_the_parts() -> None:
    assert [second - first for first, second in pairwise(PART_BORDERS)] == [
        size for size in SIZES.values() if size
    ]
