"""Listings: plaintext sizes, and everything else exactly as the bare store lists it."""

import hashlib
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.e2e.sdk import request_id
from tests.e2e.trail import Trail
from tests.e2e.wire import send
from tests.stores.sealgate import Sealgate

SIZES = {
    "a": 0,
    "b/one": 1,
    "b/two": 65_536,
    "b/deep/three": 65_537,
    "c+d e%2F&<f>": 1000,
    "ä€/日本": 17,
    "z": 5 * 1024 * 1024,
}
OPERATIONS = ["list_objects", "list_objects_v2"]


@pytest.fixture(scope="module")
def listed(s3: Any, bucket: str) -> str:
    for key, size in SIZES.items():
        s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size))
    return bucket


@pytest.mark.parametrize("operation", OPERATIONS)
def test_sizes_are_the_plaintexts(s3: Any, listed: str, operation: str) -> None:
    found = getattr(s3, operation)(Bucket=listed)["Contents"]

    assert {each["Key"]: each["Size"] for each in found} == SIZES
    for each in found:
        assert each["ETag"] == s3.head_object(Bucket=listed, Key=each["Key"])["ETag"]


PARAMETERS: list[dict[str, Any]] = [
    {},
    {"Prefix": "b/"},
    {"Prefix": "b/", "Delimiter": "/"},
    {"Delimiter": "/"},
    {"Prefix": "nothing"},
    {"Prefix": "c+d e%2"},
    {"Prefix": "ä"},
    {"MaxKeys": 2},
    {"MaxKeys": 0},
    {"MaxKeys": 2, "Delimiter": "/"},
    {"EncodingType": "url"},
    {"EncodingType": "url", "Prefix": "c+", "Delimiter": "&"},
]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_a_listing_is_the_stores_but_for_the_sizes(
    *, s3: Any, raw: Any, listed: str, operation: str, parameters: dict[str, Any]
) -> None:
    ours, theirs = (getattr(each, operation)(Bucket=listed, **parameters) for each in (s3, raw))

    for answer in (ours, theirs):
        del answer["ResponseMetadata"]
        for each in answer.get("Contents", []):
            del each["Size"]
        answer.pop("NextContinuationToken", None)
    assert ours == theirs


def test_more_of_version_two(s3: Any, raw: Any, listed: str) -> None:
    for more in ({"StartAfter": "b/one"}, {"FetchOwner": True}):
        ours, theirs = (each.list_objects_v2(Bucket=listed, **more) for each in (s3, raw))

        for mine, their in zip(ours["Contents"], theirs["Contents"], strict=True):
            assert mine["Key"] == their["Key"]
            assert mine.get("Owner") == their.get("Owner")
            assert mine["Size"] == SIZES[mine["Key"]]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("page", [1, 2, 3, 7])
def test_pages_together_are_the_whole(s3: Any, listed: str, operation: str, page: int) -> None:
    """Markers and tokens of one answer lead to the next.

    Version 1 only among plain names: SeaweedFS 4.48 forgets to encode NextMarker where it encodes keys.
    """
    prefix = "b/" if operation == "list_objects" else ""
    expected = {key: size for key, size in SIZES.items() if key.startswith(prefix)}

    pages = s3.get_paginator(operation).paginate(
        Bucket=listed, Prefix=prefix, PaginationConfig={"PageSize": page}
    )

    found = [each for answer in pages for each in answer.get("Contents", [])]
    assert {each["Key"]: each["Size"] for each in found} == expected
    assert len(found) == len(expected)


def test_a_marker_goes_on_behind_a_name(s3: Any, listed: str) -> None:
    found = s3.list_objects(Bucket=listed, Marker="b/two")["Contents"]

    assert sorted(each["Key"] for each in found) == sorted(key for key in SIZES if key.encode() > b"b/two")


def test_common_prefixes_are_shown(s3: Any, listed: str) -> None:
    found = s3.list_objects_v2(Bucket=listed, Delimiter="/")

    assert [each["Prefix"] for each in found["CommonPrefixes"]] == ["b/", "ä€/"]
    assert {each["Key"] for each in found["Contents"]} == {"a", "c+d e%2F&<f>", "z"}
    assert found["KeyCount"] == 5


def test_an_empty_bucket_lists_nothing(s3: Any, raw: Any) -> None:
    name = "e2e-empty-" + hashlib.sha256(str(id(s3)).encode()).hexdigest()[:20]
    s3.create_bucket(Bucket=name)

    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0
    assert "Contents" not in s3.list_objects(Bucket=name)
    raw.delete_bucket(Bucket=name)


def test_a_slash_behind_the_bucket_is_the_bucket(sealgate: Sealgate, listed: str) -> None:
    answer = send("GET", f"{sealgate.url}/{listed}/?list-type=2&prefix=b%2Fone")

    assert answer.status == 200
    assert b"<Size>1</Size>" in answer.body


def test_what_no_listing_has_is_refused(sealgate: Sealgate, listed: str) -> None:
    unknown_type = send("GET", f"{sealgate.url}/{listed}?list-type=3")
    unknown_name = send("GET", f"{sealgate.url}/{listed}?list-type=2&new-thing=1")

    assert (unknown_type.status, unknown_type.code) == (400, "InvalidArgument")
    assert (unknown_name.status, unknown_name.code) == (501, "NotImplemented")


def test_listings_are_in_the_trail(s3: Any, listed: str, trail: Trail) -> None:
    """Both versions have CloudTrail's one name, and no key was needed."""
    for operation in OPERATIONS:
        event = trail.of(request_id(getattr(s3, operation)(Bucket=listed)))

        assert event["eventName"] == "ListObjects"
        assert event["requestParameters"]["bucketName"] == listed
        assert "keyArn" not in event["additionalEventData"]
        assert event["additionalEventData"]["bytesTransferredOut"] > 0
