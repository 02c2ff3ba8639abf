"""Which way copies go, and how a large one is cut: the table is whole, and nothing sealed comes out by it."""

import itertools

import pytest

from proxy.gateway.copies.in_parts import PART_BYTES, part_ranges
from proxy.gateway.copies.ways import WAYS, Form, Way

GIB = 1 << 30


def test_the_table_has_every_case() -> None:
    """A source is never a marker: that is a plain source without bytes."""
    sources = (Form.SEALED, Form.PLAIN)

    assert set(WAYS) == set(itertools.product(sources, Form, (True, False)))


def test_what_was_sealed_never_lies_in_the_clear_by_the_table() -> None:
    """Markers hold nothing."""
    assert {WAYS[Form.SEALED, Form.PLAIN, stays] for stays in (True, False)} == {Way.REFUSED}
    assert Way.AS_IT_IS not in {WAYS[Form.SEALED, form, stays] for form in Form for stays in (True, False)}
    assert {WAYS[Form.PLAIN, Form.SEALED, stays] for stays in (True, False)} == {Way.THROUGH}


@pytest.mark.parametrize(
    ("length", "most", "count"),
    [
        (1, 5, 1),
        (5, 5, 1),
        (6, 5, 2),
        (10, 5, 2),
        (11, 5, 3),
        (5 * GIB + 1, 5 * GIB, 6),
        (10_000 * GIB, 5 * GIB, 10_000),
        (10_000 * GIB + 1, 5 * GIB, 10_000),
    ],
)
def test_a_large_copy_is_cut_into_equal_parts(length: int, most: int, count: int) -> None:
    ranges = part_ranges(length, most=most)

    assert len(ranges) == count
    assert ranges[0][0] == 0
    assert ranges[-1][1] == length - 1
    assert all(former[1] + 1 == latter[0] for former, latter in itertools.pairwise(ranges))
    sizes = {last - first + 1 for first, last in ranges[:-1]}
    assert len(sizes) <= 1
    assert max(last - first + 1 for first, last in ranges) <= max(min(most, PART_BYTES), -(-length // 10_000))
