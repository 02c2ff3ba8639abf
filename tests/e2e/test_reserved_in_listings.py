"""Listings of a bucket that holds the proxy's own names: as if it did not, page by page."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.fronts import Front
from tests.e2e.sdk import refused

# SeaweedFS 4.48 forgets to encode NextMarker, and boto3 decodes it: names that are the same both ways. And it
# lists versions in another order than it compares markers in: names that both orders put in the same place.
NAMES = ["!x", "-y", ".git/a", ".git/b", ".sealgate0", ".z", "a b-c", "b/c", "b/d/e", "ä", "z"]
SIZES = {name: 7 * place for place, name in enumerate(NAMES)}
RESERVED = [".sealgate/bucket", *(f".sealgate/uploads/{number:03}/a" for number in range(40))]
OPERATIONS = ["list_objects", "list_objects_v2", "list_object_versions"]


# Each operation with the stores that page it: JuiceFS has no versions, and lists them as one page or none.
WHERE = [
    *((store, operation) for store in ("seaweedfs", "juicefs") for operation in OPERATIONS[:2]),
    ("seaweedfs", "list_object_versions"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An operation on two buckets with the same names, and the proxy's own beside them in the first."""

    front: Front
    operation: str
    reserved: str
    bare: str


@pytest.fixture(scope="module", params=WHERE, ids=" ".join)
def listed(request: pytest.FixtureRequest, filled: dict[str, tuple[str, str]]) -> Listed:
    store, operation = request.param
    front: Front = request.getfixturevalue(f"{store}_front")
    if store not in filled:
        filled[store] = _fill(front)
    reserved, bare = filled[store]
    return Listed(front=front, operation=operation, reserved=reserved, bare=bare)


@pytest.fixture(scope="module")
def filled() -> dict[str, tuple[str, str]]:
    """The two buckets of each store, once they are there."""
    return {}


def _fill(front: Front) -> tuple[str, str]:
    both = front.bucket(), front.bucket()
    for bucket in both:
        for name, size in SIZES.items():
            front.s3.put_object(Bucket=bucket, Key=name, Body=plaintext(size))
    for name in RESERVED:
        front.raw.put_object(Bucket=both[0], Key=name, Body=b"state")
    return both


def pages(client: Any, operation: str, bucket: str, **parameters: Any) -> Iterator[dict[str, Any]]:
    """Page after page, in the words that a client goes on with."""
    for _ in range(4 * len(NAMES)):
        answer = getattr(client, operation)(Bucket=bucket, **parameters)
        yield answer
        if not answer["IsTruncated"]:
            return
        parameters |= {
            "list_objects": lambda answer=answer: {"Marker": answer["NextMarker"]},
            "list_objects_v2": lambda answer=answer: {"ContinuationToken": answer["NextContinuationToken"]},
            "list_object_versions": lambda answer=answer: {
                "KeyMarker": answer["NextKeyMarker"],
                **(
                    {"VersionIdMarker": answer["NextVersionIdMarker"]}
                    if answer.get("NextVersionIdMarker")
                    else {}
                ),
            },
        }[operation]()
    raise AssertionError("the pages do not end")


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """What a page says, but for what is different for each object and request."""
    entries = answer.get("Contents", answer.get("Versions", []))
    return {
        "keys": [entry["Key"] for entry in entries],
        "groups": [each["Prefix"] for each in answer.get("CommonPrefixes", [])],
        **{
            name: answer.get(name)
            for name in ("IsTruncated", "KeyCount", "NextMarker", "NextKeyMarker", "NextVersionIdMarker")
        },
    }


PARAMETERS: list[dict[str, Any]] = [
    *({"MaxKeys": size} for size in (1, 2, 3, 4, 5, 7, 1000)),
    *({"MaxKeys": size, "Delimiter": "/"} for size in (1, 2, 3, 4, 1000)),
    {"MaxKeys": 1, "Prefix": ".s", "Delimiter": "/"},
    {"MaxKeys": 1, "Prefix": ".s"},
    {"MaxKeys": 2, "Prefix": "b/"},
    {"Delimiter": "a"},
    {"Delimiter": "u"},
    {"Delimiter": "sealgate/"},
    {"MaxKeys": 0},
]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_pages_are_those_of_a_bucket_without_them(listed: Listed, parameters: dict[str, Any]) -> None:
    """In the store's own order, with its words about the next page."""
    front, operation = listed.front, listed.operation
    ours = [told(page) for page in pages(front.s3, operation, listed.reserved, **parameters)]
    theirs = [told(page) for page in pages(front.raw, operation, listed.bare, **parameters)]

    assert ours == theirs


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_paginators_find_every_name_once_with_its_size(listed: Listed, page: int) -> None:
    paginator = listed.front.s3.get_paginator(listed.operation)
    found = [
        (entry["Key"], entry["Size"])
        for answer in paginator.paginate(Bucket=listed.reserved, PaginationConfig={"PageSize": page})
        for entry in answer.get("Contents", answer.get("Versions", []))
    ]

    assert dict(found) == SIZES
    assert len(found) == len(SIZES)


@pytest.mark.parametrize("prefix", [".sealgate/", ".sealgate/uploads"])
def test_a_listing_of_the_reserved_names_is_refused(listed: Listed, prefix: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(listed.front.s3, listed.operation)(Bucket=listed.reserved, Prefix=prefix)

    assert refused(caught.value) == (403, "AccessDenied")


START = {
    "list_objects": "Marker",
    "list_objects_v2": "StartAfter",
    "list_object_versions": "KeyMarker",
}


def test_a_start_among_them_shows_none(listed: Listed) -> None:
    start = {START[listed.operation]: ".sealgate/uploads/003", "MaxKeys": 1}
    found = getattr(listed.front.s3, listed.operation)(Bucket=listed.reserved, **start)

    assert told(found)["keys"] == [".sealgate0"]
    assert found["IsTruncated"]


def test_a_bucket_with_nothing_else_is_empty(listed: Listed) -> None:
    front = listed.front
    bucket = front.bucket()
    for number in range(5):
        front.raw.put_object(Bucket=bucket, Key=f".sealgate/uploads/{number}", Body=b"state")

    for parameters in ({}, {"MaxKeys": 2}, {"Delimiter": "/"}):
        page = getattr(front.s3, listed.operation)(Bucket=bucket, **parameters)
        assert told(page)["keys"] == told(page)["groups"] == []
        assert not page["IsTruncated"]
