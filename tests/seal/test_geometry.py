"""Sizes and places."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.seal.errors import NotSealed
from proxy.seal.geometry import (
    SEALED_SEGMENT,
    SEGMENT,
    SMALLEST_PART,
    WHOLE,
    plain_size,
    run_size,
    sealed_size,
    tail_first,
    tail_size,
    window,
)
from tests.seal.material import load

TIB = 1 << 40


@pytest.mark.parametrize(("plain", "sealed"), load("sizes")["pairs"])
def test_the_sizes_of_the_vectors_hold_in_both_directions(plain: int, sealed: int) -> None:
    assert sealed_size(plain) == sealed
    assert plain_size(sealed) == plain


@pytest.mark.parametrize("sealed", load("sizes")["not_sealed"])
def test_a_size_that_no_object_has_is_refused_with_the_size(sealed: int) -> None:
    with pytest.raises(NotSealed) as refused:
        plain_size(sealed)

    assert refused.value.sealed == sealed


@pytest.mark.parametrize(
    "border",
    [
        0,
        SEGMENT,
        2 * SEGMENT,
        3 * SEGMENT,
        SMALLEST_PART,
        2 * SMALLEST_PART,
        9_999 * SMALLEST_PART,
        10_000 * SMALLEST_PART,
        10_001 * SMALLEST_PART,
    ],
)
def test_every_size_around_a_border_either_inverts_or_is_refused(border: int) -> None:
    """Each body size belongs to one plaintext size at most, and none is missed."""
    plains = range(max(0, border - 300), border + 300)
    sizes = {sealed_size(plain): plain for plain in plains}

    found = {}
    for sealed in range(min(sizes), max(sizes) + 1):
        try:
            found[sealed] = plain_size(sealed)
        except NotSealed:
            continue

    assert found == sizes


@settings(deadline=None)
@given(st.integers(0, 6 * TIB))
def test_every_plaintext_size_comes_back(plain: int) -> None:
    assert plain_size(sealed_size(plain)) == plain
    assert sealed_size(plain) < sealed_size(plain + 1)
    assert run_size(plain) + tail_size(plain) == sealed_size(plain)
    assert tail_first(plain) == run_size(plain)


@settings(deadline=None)
@given(st.integers(0, 6 * TIB))
def test_a_size_is_accepted_only_where_it_is_some_plaintexts(sealed: int) -> None:
    try:
        plain = plain_size(sealed)
    except NotSealed:
        return

    assert sealed_size(plain) == sealed


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0, None, (0, 0, None, 0)),
        (0, 0, (0, 0, SEALED_SEGMENT - 1, 0)),
        (0, SEGMENT - 1, (0, 0, SEALED_SEGMENT - 1, 0)),
        (0, SEGMENT, (0, 0, 2 * SEALED_SEGMENT - 1, 0)),
        (SEGMENT - 1, SEGMENT - 1, (0, 0, SEALED_SEGMENT - 1, SEGMENT - 1)),
        (SEGMENT, SEGMENT, (1, SEALED_SEGMENT, 2 * SEALED_SEGMENT - 1, 0)),
        (3 * SEGMENT + 7, 5 * SEGMENT - 1, (3, 3 * SEALED_SEGMENT, 5 * SEALED_SEGMENT - 1, 7)),
        (3 * SEGMENT + 7, None, (3, 3 * SEALED_SEGMENT, None, 7)),
    ],
)
def test_a_window_is_the_segments_that_the_range_touches(
    first: int, last: int | None, expected: tuple[int, int, int | None, int]
) -> None:
    where = window(first, last)

    assert (where.first_segment, where.sealed_first, where.sealed_last, where.plain_skip) == expected


def test_the_whole_object_is_a_window_from_the_start_to_the_end() -> None:
    assert window(0, None) == WHOLE
