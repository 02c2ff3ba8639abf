"""Listings of a bucket that holds the proxy's own names: as if it did not, page by page."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.sdk import refused

# SeaweedFS 4.48 forgets to encode NextMarker, and boto3 decodes it: names that are the same both ways. And it
# lists versions in another order than it compares markers in: names that both orders put in the same place.
NAMES = ["!x", "-y", ".git/a", ".git/b", ".sealgate0", ".z", "a b-c", "b/c", "b/d/e", "ä", "z"]
SIZES = {name: 7 * place for place, name in enumerate(NAMES)}
RESERVED = [".sealgate/bucket", *(f".sealgate/uploads/{number:03}/a" for number in range(40))]
OPERATIONS = ["list_objects", "list_objects_v2", "list_object_versions"]


@pytest.fixture(scope="module")
def buckets(s3: Any, raw: Any) -> tuple[str, str]:
    """Two buckets with the same names, and the proxy's own beside them in the first."""
    both = (f"reserved-{uuid.uuid4()}", f"bare-{uuid.uuid4()}")
    for bucket in both:
        s3.create_bucket(Bucket=bucket)
        for name, size in SIZES.items():
            s3.put_object(Bucket=bucket, Key=name, Body=plaintext(size))
    for name in RESERVED:
        raw.put_object(Bucket=both[0], Key=name, Body=b"state")
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
    {"MaxKeys": 2, "Prefix": ".", "Delimiter": "/"},
    {"MaxKeys": 1, "Prefix": ".s"},
    {"MaxKeys": 2, "Prefix": "b/"},
    {"Delimiter": "a"},
    {"Delimiter": "u"},
    {"Delimiter": "sealgate/"},
    {"MaxKeys": 0},
]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_pages_are_those_of_a_bucket_without_them(
    *, s3: Any, raw: Any, buckets: tuple[str, str], operation: str, parameters: dict[str, Any]
) -> None:
    """In the store's own order, with its words about the next page."""
    ours = [told(page) for page in pages(s3, operation, buckets[0], **parameters)]
    theirs = [told(page) for page in pages(raw, operation, buckets[1], **parameters)]

    assert ours == theirs


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("page", [1, 2, 1000])
def test_paginators_find_every_name_once_with_its_size(
    s3: Any, buckets: tuple[str, str], operation: str, page: int
) -> None:
    found = [
        (entry["Key"], entry["Size"])
        for answer in s3.get_paginator(operation).paginate(
            Bucket=buckets[0], PaginationConfig={"PageSize": page}
        )
        for entry in answer.get("Contents", answer.get("Versions", []))
    ]

    assert dict(found) == SIZES
    assert len(found) == len(SIZES)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("prefix", [".sealgate/", ".sealgate/uploads"])
def test_a_listing_of_the_reserved_names_is_refused(
    s3: Any, buckets: tuple[str, str], operation: str, prefix: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(Bucket=buckets[0], Prefix=prefix)

    assert refused(caught.value) == (403, "AccessDenied")


def test_a_start_among_them_shows_none(s3: Any, buckets: tuple[str, str]) -> None:
    found = s3.list_objects_v2(Bucket=buckets[0], StartAfter=".sealgate/uploads/003", MaxKeys=1)

    assert [entry["Key"] for entry in found["Contents"]] == [".sealgate0"]
    assert found["IsTruncated"]


def test_a_bucket_with_nothing_else_is_empty(s3: Any, raw: Any) -> None:
    bucket = f"only-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    for number in range(5):
        raw.put_object(Bucket=bucket, Key=f".sealgate/uploads/{number}", Body=b"state")

    for operation in OPERATIONS:
        for parameters in ({}, {"MaxKeys": 2}, {"Delimiter": "/"}):
            page = getattr(s3, operation)(Bucket=bucket, **parameters)
            assert told(page)["keys"] == told(page)["groups"] == []
            assert not page["IsTruncated"]
