"""Multipart objects from the tests' own sealer: parts of any size and number, with and without run ids."""

from dataclasses import replace

import pytest

from recovery.errors import SegmentDamaged, TailDamaged, WrongSize
from tests.recovery.made import (
    CLIENT,
    TWO_LAYERS,
    Made,
    multipart,
    opened,
    run_ids_column,
    runs_of,
    single,
)
from tests.recovery.sealing import M, S, column, groups_of, parts_column

SHAPES: dict[str, list[tuple[int, int]]] = {
    "one part": [(1, 1)],
    "one empty part": [(1, 0)],
    "one empty part, number 10000": [(10_000, 0)],
    "two tiny parts": [(1, 3), (2, 4)],
    "an empty last part": [(1, S), (2, 0)],
    "segment borders": [(1, M), (2, M - 1)],
    "odd parts": [(3, M + 1), (9, M + S - 1), (10, 17)],
    "the last number": [(9_999, M), (10_000, S + 1)],
}


@pytest.mark.parametrize("mode", [CLIENT, TWO_LAYERS])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_parts_of_any_size_and_number_open(shape: str, mode: int, *, named: bool) -> None:
    """With the run ids in the index and without them, in one layer and in two."""
    runs = runs_of(*SHAPES[shape])
    columns = parts_column(groups_of(runs))
    if named and sum(len(run.plain) for run in runs) >= M:
        columns += run_ids_column(*(run.run_id for run in runs))

    found = opened(multipart(runs, columns, mode=mode))

    assert b"".join(found.plaintext()) == b"".join(run.plain for run in runs)
    assert [part.number for part in found.parts] == [run.number for run in runs]


def test_equal_parts_may_share_a_group() -> None:
    runs = runs_of((4, M), (5, M), (6, 5))

    found = opened(multipart(runs, parts_column([(4, 2, M), (6, 1, 5)])))

    assert b"".join(found.plaintext()) == b"".join(run.plain for run in runs)


def test_a_run_id_that_is_not_known_is_not_compared() -> None:
    runs = runs_of((1, M), (2, 1))
    columns = parts_column(groups_of(runs)) + run_ids_column(bytes(12), runs[1].run_id)

    found = opened(multipart(runs, columns))

    assert [part.run_id for part in found.parts] == [None, runs[1].run_id]
    assert b"".join(found.plaintext()) == b"".join(run.plain for run in runs)


def test_another_attempt_at_a_part_is_refused_where_the_index_names_the_run() -> None:
    """Such a run opens well: its own key follows from its own id."""
    runs = runs_of((1, M), (2, 1))
    columns = parts_column(groups_of(runs)) + run_ids_column(*(run.run_id for run in runs))
    again = replace(runs[1], run_id=b"another time")
    pieces: list[bytes] = []

    with pytest.raises(SegmentDamaged) as caught:
        pieces.extend(opened(multipart([runs[0], again], columns)).plaintext())

    assert (caught.value.part, caught.value.segment) == (2, 0)
    assert b"".join(pieces) == runs[0].plain


def test_checksums_of_the_object_and_its_parts_are_handed_back() -> None:
    """80 on a code is hexadecimal: COMPOSITE CRC32C is 83."""
    runs = runs_of((1, M), (2, 1))
    columns = parts_column(groups_of(runs)) + column(3, b"\x83abcd") + column(4, b"\x03efghijkl")

    index = opened(multipart(runs, columns)).index

    assert index.checksums == {0x83: b"abcd"}
    assert (index.part_checksum_code, index.part_checksums) == (3, (b"efgh", b"ijkl"))


def swapped(made: Made, size: int) -> Made:
    """The first two runs, of `size` sealed bytes each, in each other's place."""
    body = made.body
    return replace(made, body=body[size : 2 * size] + body[:size] + body[2 * size :])


@pytest.mark.parametrize("mode", [CLIENT, TWO_LAYERS])
def test_parts_in_each_others_place_are_refused(mode: int) -> None:
    """A run's key knows its part's number, so no index is needed to find this."""
    made = swapped(multipart(runs_of((1, 9), (2, 9)), mode=mode), 9 + 28)

    with pytest.raises(SegmentDamaged) as caught:
        list(opened(made).plaintext())

    assert (caught.value.part, caught.value.segment) == (1, 0)


def test_parts_that_do_not_sum_up_to_the_body_are_refused() -> None:
    runs = runs_of((1, 9), (2, 9))

    with pytest.raises(WrongSize, match=r"18 bytes; the parts of its index have 17"):
        opened(multipart(runs, parts_column([(1, 1, 9), (2, 1, 8)])))


def test_parts_that_leave_no_room_for_the_index_are_refused() -> None:
    """The lengths sum up, but each part more has a segment more."""
    with pytest.raises(TailDamaged, match="do not fit"):
        opened(multipart(runs_of((1, 30)), parts_column([(1, 3, 10)])))


@pytest.mark.parametrize(("size", "fits"), [(0, False), (41, False), (42, True), (88, True), (89, False)])
def test_a_multipart_index_has_42_bytes_or_more_and_ends_behind_the_runs(size: int, *, fits: bool) -> None:
    """What has room is then opened, and found to be no index."""
    body = multipart(runs_of((1, 5))).body
    made = replace(multipart(runs_of((1, 5))), body=body[:-8] + size.to_bytes(4, "big") + body[-4:])

    if size == 42:
        assert b"".join(opened(made).plaintext()) == made.plain
        return
    with pytest.raises(TailDamaged, match="tag is not good" if fits else f"cannot have {size} bytes"):
        opened(made)


@pytest.mark.parametrize("flags_of", ["single", "multipart"])
def test_the_two_kinds_of_object_are_not_exchanged(flags_of: str) -> None:
    """The seal of a header covers its kind, and each kind has its own run keys and its own index."""
    one, other = single(b"123456789"), multipart(runs_of((1, 9)))
    if flags_of == "multipart":
        one, other = other, one

    with pytest.raises((SegmentDamaged, TailDamaged)):
        list(opened(replace(one, body=other.body)).plaintext())
