"""Buckets: made, found, listed, located and removed, as on the bare store."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.sdk import refused, request_id
from tests.e2e.trail import Trail
from tests.e2e.wire import send


@pytest.fixture
def name(raw: Any) -> Iterator[str]:
    bucket = f"e2e-{uuid.uuid4()}"
    yield bucket
    raw.delete_bucket(Bucket=bucket)


def test_a_bucket_is_made_on_the_store(s3: Any, raw: Any, name: str, trail: Trail) -> None:
    made = s3.create_bucket(Bucket=name)

    raw.head_bucket(Bucket=name)
    assert name in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    event = trail.of(request_id(made))
    assert event["eventName"] == "CreateBucket"
    assert event["requestParameters"]["bucketName"] == name


def test_a_bucket_is_found_and_has_a_place(s3: Any, name: str) -> None:
    """us-east-1 is told as S3 tells it: by no constraint at all."""
    s3.create_bucket(Bucket=name)

    assert s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None


def test_a_bucket_is_removed_from_the_store(s3: Any, raw: Any) -> None:
    name = f"e2e-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)

    assert s3.delete_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert name not in {bucket["Name"] for bucket in raw.list_buckets()["Buckets"]}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("head_bucket", (404, "404")),
        ("delete_bucket", (404, "NoSuchBucket")),
        ("list_objects_v2", (404, "NoSuchBucket")),
        ("list_objects", (404, "NoSuchBucket")),
    ],
)
def test_a_bucket_that_is_not_there_is_said_to_be_missing(
    s3: Any, operation: str, expected: tuple[int, str]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(Bucket=f"e2e-{uuid.uuid4()}")

    assert refused(caught.value) == expected


def attempt(client: Any, operation: str, **parameters: Any) -> tuple[int, str]:
    try:
        answer = getattr(client, operation)(**parameters)
    except ClientError as refusal:
        return refused(refusal)
    return answer["ResponseMetadata"]["HTTPStatusCode"], ""


@pytest.mark.parametrize(
    "steps",
    [
        [("put_object", {"Key": "key", "Body": b"into nowhere"})],
        [("create_bucket", {}), ("create_bucket", {})],
        [("create_bucket", {}), ("put_object", {"Key": "key", "Body": b"a"}), ("delete_bucket", {})],
    ],
    ids=["write-into-nothing", "make-twice", "remove-what-is-not-empty"],
)
def test_what_stores_answer_differently_is_the_stores_own_answer(
    s3: Any, raw: Any, steps: list[tuple[str, dict[str, Any]]]
) -> None:
    """Whether a bucket springs up, or goes with what is in it, is the store's to decide."""
    answers = []
    for client in (s3, raw):
        name = f"e2e-{uuid.uuid4()}"
        answers.append([attempt(client, operation, Bucket=name, **more) for operation, more in steps])

    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", ["Upper-Case", "un_der", "a", "1.2.3.4"])
def test_what_cannot_be_a_bucket_is_refused(sealgate: Any, name: str) -> None:
    answer = send("PUT", f"{sealgate.url}/{name}")

    assert (answer.status, answer.code) == (400, "InvalidBucketName")
