"""Every form of Range, at the borders of segments, against slices of the plaintext."""

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.sdk import refused, request_id
from tests.e2e.trail import Trail
from tests.e2e.wire import send
from tests.stores.sealgate import Sealgate

S = 65_536
SIZES = {"empty": 0, "one": 1, "segment": S, "segment-and-one": S + 1, "some": 3 * S + 7}
SIZE = SIZES["some"]
LARGE = 20 * S + 5


@pytest.fixture(scope="module")
def objects(s3: Any, bucket: str) -> str:
    """A bucket with one object of each size."""
    for key, size in {**SIZES, "large": LARGE}.items():
        s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size))
    return bucket


BORDERS = sorted({0, 1, S - 1, S, S + 1, 2 * S - 1, 2 * S, 3 * S - 1, 3 * S, SIZE - 1})
CLOSED = [(first, last) for first in BORDERS for last in BORDERS if first <= last]


def test_closed_ranges_give_their_bytes(s3: Any, objects: str) -> None:
    """`a-b`, with a and b on, before and behind every border of a segment."""
    plain = plaintext(SIZE)
    for first, last in CLOSED:
        got = s3.get_object(Bucket=objects, Key="some", Range=f"bytes={first}-{last}")

        assert got["Body"].read() == plain[first : last + 1]
        assert got["ContentRange"] == f"bytes {first}-{last}/{SIZE}"
        assert got["ContentLength"] == last - first + 1
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


@pytest.mark.parametrize("first", BORDERS)
def test_open_ranges_go_to_the_end(s3: Any, objects: str, first: int) -> None:
    got = s3.get_object(Bucket=objects, Key="some", Range=f"bytes={first}-")

    assert got["Body"].read() == plaintext(SIZE)[first:]
    assert got["ContentRange"] == f"bytes {first}-{SIZE - 1}/{SIZE}"


@pytest.mark.parametrize("count", [1, 6, 7, 8, S, S + 6, S + 7, S + 8, SIZE - 1, SIZE, SIZE + 1, 10**15])
def test_suffixes_count_from_the_end(s3: Any, objects: str, count: int) -> None:
    """A suffix longer than the object is the whole object, as a 206."""
    got = s3.get_object(Bucket=objects, Key="some", Range=f"bytes=-{count}")

    first = max(0, SIZE - count)
    assert got["Body"].read() == plaintext(SIZE)[first:]
    assert got["ContentRange"] == f"bytes {first}-{SIZE - 1}/{SIZE}"


@pytest.mark.parametrize("last", [SIZE, SIZE + S, 10**15, 10**40])
def test_a_range_that_ends_past_the_end_is_cut_there(s3: Any, objects: str, last: int) -> None:
    got = s3.get_object(Bucket=objects, Key="some", Range=f"bytes={S}-{last}")

    assert got["Body"].read() == plaintext(SIZE)[S:]
    assert got["ContentRange"] == f"bytes {S}-{SIZE - 1}/{SIZE}"


PAST_THE_END = [
    *(
        ("some", f"bytes={first}-{last}")
        for first in (SIZE, SIZE + 1, 4 * S, 10**15)
        for last in ("", 10**16)
    ),
    ("some", "bytes=-0"),
    ("one", "bytes=1-"),
    ("segment", f"bytes={S}-"),
    ("segment-and-one", f"bytes={S + 1}-{S + 1}"),
    ("empty", "bytes=0-"),
    ("empty", "bytes=0-0"),
    ("empty", "bytes=-1"),
    ("empty", "bytes=5-9"),
]


@pytest.mark.parametrize(("key", "wanted"), PAST_THE_END)
def test_a_range_without_a_byte_is_refused_with_the_true_size(
    s3: Any, objects: str, key: str, wanted: str
) -> None:
    """416, and the size that it tells is the plaintext's."""
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=objects, Key=key, Range=wanted)

    assert refused(caught.value) == (416, "InvalidRange")
    assert caught.value.response["Error"]["ActualObjectSize"] == str(SIZES[key])
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket=objects, Key=key, Range=wanted)
    assert refused(caught.value) == (416, "416")


@pytest.mark.parametrize(
    "header",
    [
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=0-1,4-5",
        "lines=0-1",
        "0-1",
        "bytes 0-1",
        "bytes=1",
    ],
)
def test_what_is_no_single_range_gives_the_whole_object(
    sealgate: Sealgate, objects: str, header: str
) -> None:
    """RFC 9110 lets a server ignore what it does not understand, and S3 does."""
    answer = send("GET", f"{sealgate.url}/{objects}/some", headers={"range": header})

    assert answer.status == 200
    assert answer.body == plaintext(SIZE)
    assert "content-range" not in answer.headers


@dataclass(frozen=True, slots=True)
class Ends:
    key: str
    first: int
    last: int


@pytest.mark.parametrize(
    "ends",
    [
        Ends("one", 0, 0),
        Ends("segment", 0, 0),
        Ends("segment", S - 1, S - 1),
        Ends("segment-and-one", S, S),
        Ends("segment-and-one", S - 1, S),
    ],
)
def test_the_last_byte_of_small_objects_is_reached(s3: Any, objects: str, ends: Ends) -> None:
    got = s3.get_object(Bucket=objects, Key=ends.key, Range=f"bytes={ends.first}-{ends.last}")

    assert got["Body"].read() == plaintext(SIZES[ends.key])[ends.first : ends.last + 1]


@pytest.mark.parametrize(
    ("first", "last"),
    [(0, LARGE - 1), (1, LARGE - 2), (7 * S - 1, 17 * S), (S, 16 * S), (LARGE - S, LARGE - 1)],
)
def test_ranges_over_many_segments_are_opened_in_order(s3: Any, objects: str, first: int, last: int) -> None:
    got = s3.get_object(Bucket=objects, Key="large", Range=f"bytes={first}-{last}")

    assert got["Body"].read() == plaintext(LARGE)[first : last + 1]


def test_head_tells_of_a_range_what_get_would(s3: Any, objects: str) -> None:
    for wanted in ("bytes=0-0", f"bytes={S}-", "bytes=-7", f"bytes=1-{10**12}"):
        got = s3.get_object(Bucket=objects, Key="some", Range=wanted)
        head = s3.head_object(Bucket=objects, Key="some", Range=wanted)

        got["Body"].close()
        assert head["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert (head["ContentLength"], head["ContentRange"]) == (got["ContentLength"], got["ContentRange"])


def test_a_range_is_in_the_trail_with_the_bytes_that_left(s3: Any, objects: str, trail: Trail) -> None:
    got = s3.get_object(Bucket=objects, Key="some", Range="bytes=5-14")

    assert len(got["Body"].read()) == 10
    event = trail.of(request_id(got))
    assert event["requestParameters"]["range"] == "bytes=5-14"
    assert event["additionalEventData"]["bytesTransferredOut"] == 10


def test_a_range_with_if_range_is_the_whole_object(sealgate: Sealgate, objects: str) -> None:
    """RFC 9110 allows the whole object as an answer to any If-Range."""
    answer = send(
        "GET", f"{sealgate.url}/{objects}/some", headers={"range": "bytes=0-1", "if-range": '"another"'}
    )

    assert (answer.status, answer.body) == (200, plaintext(SIZE))
