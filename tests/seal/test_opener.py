"""Opening: any range, any damage."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.seal.errors import TamperedBody
from proxy.seal.geometry import SEALED_SEGMENT, SEGMENT, WHOLE, run_size, tail_first, window
from proxy.seal.layout import OneRun
from proxy.seal.opener import GROUP, Opener
from proxy.seal.sealer import seal_body
from proxy.seal.tail import index_length, sealed_index, tail_checksums
from tests.seal.material import (
    BY_NAME,
    SINGLE,
    Vector,
    body_of,
    checksums,
    cut_out,
    edited,
    load,
    named,
    opened_whole,
    opener_of,
    pieces,
    plaintext,
    present,
)

CASES: list[Vector] = load("bodies")["refused"]
CONTENT_KEY, OUTER_KEY, RUN_ID = bytes(range(32)), bytes(range(32, 64)), bytes(range(12))
LARGE = bytes(range(251)) * ((2 * GROUP * SEGMENT + 2 * SEGMENT + 100) // 251)
SEALED_LARGE = {
    key: bytes(seal_body(LARGE, content_key=CONTENT_KEY, run_id=RUN_ID, outer_content_key=key))
    for key in (None, OUTER_KEY)
}
EDGES = [
    0,
    1,
    SEGMENT - 1,
    SEGMENT,
    GROUP * SEGMENT - 1,
    GROUP * SEGMENT,
    len(LARGE) - SEGMENT,
    len(LARGE) - 1,
]


@pytest.mark.parametrize("vector", SINGLE, ids=named(SINGLE))
def test_every_object_of_the_vectors_opens(vector: Vector) -> None:
    opener = opener_of(vector)

    opened = b"".join(pieces(opener, body_of(vector)))

    assert opened == plaintext(vector)
    assert opener.checksums == checksums(vector, "checksums_in_index")


@pytest.mark.parametrize("vector", SINGLE, ids=named(SINGLE))
def test_the_checksums_of_an_index_can_be_read_alone(vector: Vector) -> None:
    """Whoever must send them before the body asks for the tail first."""
    tail = body_of(vector)[tail_first(vector["plain_length"]) :]

    assert tail_checksums(
        tail, content_key=present(vector, "content_key"), plain_length=vector["plain_length"]
    ) == checksums(vector, "checksums_in_index")


def large_opener(first: int, last: int | None, outer_key: bytes | None = None) -> tuple[Opener, bytes, bytes]:
    """The opener of a range, the store's answer, and what should come out."""
    where = window(first, last)
    plain_last = len(LARGE) - 1 if last is None else min(last, len(LARGE) - 1)
    opener = Opener(
        content_key=CONTENT_KEY,
        layout=OneRun(len(LARGE)),
        window=where,
        plain_last=plain_last,
        outer_content_key=outer_key,
    )
    return opener, cut_out(SEALED_LARGE[outer_key], where), LARGE[first : plain_last + 1]


def until_refused(opener: Opener, answer: bytes) -> tuple[bytes, TamperedBody]:
    """What comes out before the damage is found, and how it is named."""
    given_out = b""
    try:
        for piece in pieces(opener, answer):
            given_out += piece
    except TamperedBody as refusal:
        return given_out, refusal
    raise AssertionError


@pytest.mark.parametrize("outer_key", [None, OUTER_KEY], ids=["one layer", "two layers"])
@pytest.mark.parametrize("first", EDGES)
@pytest.mark.parametrize("last", [*EDGES, len(LARGE), len(LARGE) + SEGMENT, 10 * len(LARGE), None])
def test_a_range_opens_to_its_bytes_and_no_others(
    first: int, last: int | None, outer_key: bytes | None
) -> None:
    """Also one that ends behind the object, asked for before its size was known."""
    if last is not None and last < first:
        return
    opener, answer, expected = large_opener(first, last, outer_key)

    given_out = list(pieces(opener, answer))

    assert b"".join(given_out) == expected
    assert all(given_out)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(LARGE) - 1), st.integers(0, 2 * len(LARGE)))
def test_any_range_opens_to_its_bytes(first: int, length: int) -> None:
    opener, answer, expected = large_opener(first, first + length)

    assert b"".join(pieces(opener, answer)) == expected


def test_a_range_that_ends_with_the_object_opens_the_final_segment() -> None:
    """So a cut object is found out by whoever reads its end."""
    vector = {**BY_NAME["3S+7"], "plain_length": 2 * SEGMENT}
    cut = body_of(BY_NAME["3S+7"])[: 2 * SEALED_SEGMENT]
    where = window(SEGMENT, 2 * SEGMENT - 1)

    with pytest.raises(TamperedBody):
        list(pieces(opener_of(vector, where), cut_out(cut, where)))


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_a_damaged_body_is_refused_at_the_damage(case: Vector) -> None:
    vector = BY_NAME[case["object"]]
    body = edited(vector, case["edits"])
    assert body != body_of(vector)

    with pytest.raises(TamperedBody) as tampered:
        opened_whole(vector, body)

    assert tampered.value.segment == case.get("segment")


@pytest.mark.parametrize("name", ["1 byte", "index with CRC32", "double empty", "client empty"])
def test_no_byte_of_a_body_can_change(name: str) -> None:
    """Neither in a segment, nor in the zeros, the index or the footer."""
    vector = BY_NAME[name]
    body = body_of(vector)

    for place in range(len(body)):
        with pytest.raises(TamperedBody):
            opened_whole(vector, edited(vector, [{"flip": place}]))
    for length in range(len(body)):
        with pytest.raises(TamperedBody):
            opened_whole(vector, body[:length])


@pytest.mark.parametrize("name", ["3S+7", "double 3S+7"])
def test_no_place_around_a_segments_border_can_change(name: str) -> None:
    vector = BY_NAME[name]
    body = body_of(vector)
    borders = [index * SEALED_SEGMENT for index in range(4)] + [run_size(vector["plain_length"])]

    for place in sorted({max(0, border + step) for border in borders for step in range(-17, 30)}):
        changed = bytearray(body)
        changed[place] ^= 0x80
        with pytest.raises(TamperedBody):
            opened_whole(vector, bytes(changed))


@pytest.mark.parametrize("name", named(v for v in SINGLE if v["name"] != "owned"))
def test_another_objects_body_does_not_open(name: str) -> None:
    """Even of the same length, it has another content key."""
    other = {**BY_NAME["owned"], "plain_length": BY_NAME[name]["plain_length"]}

    with pytest.raises(TamperedBody):
        list(pieces(opener_of(other), body_of(BY_NAME[name])))


def test_nothing_of_a_damaged_group_comes_out_but_the_groups_before_it_do() -> None:
    opener, answer, expected = large_opener(0, None)
    damaged = bytearray(answer)
    damaged[(GROUP + 3) * SEALED_SEGMENT + 500] ^= 1

    given_out, refusal = until_refused(opener, bytes(damaged))

    assert given_out == expected[: GROUP * SEGMENT]
    assert refusal.segment == GROUP + 3
    assert len(opener.wanted()) == 0


def test_a_view_that_was_kept_shows_no_unproven_bytes() -> None:
    """The buffer is used again; after a refusal it is empty."""
    opener, answer, _ = large_opener(0, None)
    opener.wanted()[:] = answer[: GROUP * SEALED_SEGMENT]
    kept = opener.open()
    damaged = bytearray(answer[GROUP * SEALED_SEGMENT : 2 * GROUP * SEALED_SEGMENT])
    damaged[-1] ^= 1
    opener.wanted()[:] = damaged

    with pytest.raises(TamperedBody):
        opener.open()

    assert not any(kept)


def test_the_end_of_a_whole_object_waits_for_its_tail() -> None:
    """The last group comes out only after zeros, index and footer were found good."""
    opener, answer, expected = large_opener(0, None)
    damaged = answer[:-1] + bytes([answer[-1] ^ 1])

    given_out, refusal = until_refused(opener, damaged)

    assert given_out == expected[: 2 * GROUP * SEGMENT]
    assert refusal.segment is None


def test_the_tail_can_be_left_to_the_caller() -> None:
    """With read_tail=False nothing behind the last segment is wanted."""
    vector = BY_NAME["owned"]

    opener = opener_of(vector, read_tail=False)

    assert b"".join(pieces(opener, body_of(vector)[: run_size(1000)])) == plaintext(vector)


def test_an_incomplete_tail_is_read_and_passes() -> None:
    """A window that was cut before the object's size was known may end in the middle of the tail."""
    plain = bytes(SEGMENT - 50)
    body = bytes(seal_body(plain, content_key=CONTENT_KEY, run_id=RUN_ID))
    where = window(10, 20)
    opener = Opener(content_key=CONTENT_KEY, layout=OneRun(len(plain)), window=where, plain_last=20)

    answer = cut_out(body, where)

    assert run_size(len(plain)) < len(answer) < len(body)
    assert b"".join(pieces(opener, answer)) == plain[10:21]


def test_buffers_are_no_larger_than_the_window_needs() -> None:
    """Many small objects are open at once."""
    small = opener_of(BY_NAME["owned"])
    large, _, _ = large_opener(0, None)

    assert len(small.wanted()) == BY_NAME["owned"]["body_length"]
    assert len(large.wanted()) == GROUP * SEALED_SEGMENT


def test_a_window_behind_the_object_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="segment 1 of 1"):
        Opener(content_key=CONTENT_KEY, layout=OneRun(5), window=window(SEGMENT, None), plain_last=4)


@pytest.mark.parametrize("length", [0, 1, 37, 41, 89, 2**32 - 1])
def test_a_multipart_tail_needs_an_index_that_fits(length: int) -> None:
    with pytest.raises(TamperedBody):
        sealed_index(bytes(88) + length.to_bytes(4, "big") + b"SGB1", multipart=True)


@pytest.mark.parametrize(
    ("length", "multipart"), [(0, False), (38, False), (88, False), (42, True), (88, True)]
)
def test_a_tail_gives_its_index(length: int, multipart: bool) -> None:  # noqa: FBT001 - a table's column
    index = bytes([7]) * length
    tail = bytes(88 - length) + index + length.to_bytes(4, "big") + b"SGB1"

    assert sealed_index(tail, multipart=multipart) == index


@pytest.mark.parametrize("length", [89, 2**32 - 1])
def test_an_index_longer_than_its_room_is_refused_before_it_is_read(length: int) -> None:
    """Or a store could make a reader hold as much as it likes."""
    footer = length.to_bytes(4, "big") + b"SGB1"

    assert index_length(footer, room=length) == length
    with pytest.raises(TamperedBody):
        index_length(footer, room=88)


def test_a_tail_of_another_size_is_refused() -> None:
    good = bytes(4) + b"SGB1"

    assert tail_checksums(bytes(88) + good, content_key=CONTENT_KEY, plain_length=0) == {}
    for zeros in (87, 89, 88 + 96):
        with pytest.raises(TamperedBody):
            tail_checksums(bytes(zeros) + good, content_key=CONTENT_KEY, plain_length=0)


def test_the_whole_window_of_an_empty_object_opens_to_nothing() -> None:
    vector = BY_NAME["empty"]

    assert list(pieces(opener_of(vector, WHOLE), body_of(vector))) == [b""]
