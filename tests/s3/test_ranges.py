"""Ranges: RFC 9110's examples, the borders of a size, and what S3 ignores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.s3.errors import S3Error
from proxy.s3.ranges import Range, content_range, parse_range, resolve


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        ("bytes=0-499", 10000, (0, 499)),
        ("bytes=500-999", 10000, (500, 999)),
        ("bytes=-500", 10000, (9500, 9999)),
        ("bytes=9500-", 10000, (9500, 9999)),
        ("bytes=0-0", 10000, (0, 0)),
        ("bytes=-1", 10000, (9999, 9999)),
        ("bytes=0-", 1, (0, 0)),
        ("bytes=0-9", 10, (0, 9)),
        ("bytes=0-10", 10, (0, 9)),
        ("bytes=9-9", 10, (9, 9)),
        ("bytes=-10", 10, (0, 9)),
        ("bytes=-11", 10, (0, 9)),
        ("Bytes = 1 - 2 ", 10, (1, 2)),
        ("bytes=1-" + "9" * 5000, 10, (1, 9)),
        ("bytes=-" + "9" * 5000, 10, (0, 9)),
        ("bytes=" + "0" * 40 + "1-2", 10, (1, 2)),
    ],
)
def test_a_range_is_the_bytes_it_names(header: str, size: int, expected: tuple[int, int]) -> None:
    wanted = parse_range(header)

    assert wanted is not None
    assert resolve(wanted, size) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-4",
        "bytes=0-1,3-4",
        "bytes=0-1,",
        "bytes=a-b",
        "bytes=--1",
        "bytes=1--2",
        "bytes=+1-2",
        "bytes=0x1-2",
        "bytes=\u0661-\u0662",
        "items=0-1",
        "bytes=1",
        "bytes=0-1\n",
    ],
)
def test_what_is_no_single_range_is_ignored(header: str | None) -> None:
    """S3 answers with the whole object then."""
    assert parse_range(header) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)],
)
def test_a_range_without_a_byte_is_invalid_and_tells_the_size(header: str, size: int) -> None:
    wanted = parse_range(header)
    assert wanted is not None
    with pytest.raises(S3Error) as caught:
        resolve(wanted, size)

    assert (caught.value.code, caught.value.status) == ("InvalidRange", 416)
    assert caught.value.fields == {"RangeRequested": header, "ActualObjectSize": str(size)}


@given(first=st.integers(0, 2**62), length=st.integers(0, 2**62), size=st.integers(1, 2**60))
def test_what_is_resolved_lies_inside(first: int, length: int, size: int) -> None:
    wanted = Range(first=first, last=first + length)
    assert parse_range(str(wanted)) is not None
    if first < size:
        got_first, got_last = resolve(wanted, size)
        assert (got_first, got_last) == (first, min(first + length, size - 1))


def test_content_range_counts_like_the_header() -> None:
    assert content_range(0, 4, 10) == "bytes 0-4/10"
