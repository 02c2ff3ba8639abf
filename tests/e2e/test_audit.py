"""Each operation leaves one event that says what was done, with which key, and how many bytes went by."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.sdk import client, request_id
from tests.e2e.trail import Trail
from tests.e2e.wire import SIGNED_CHUNKS, put_chunked, send, send_as_is
from tests.stores.sealgate import ACCOUNT, ALICE, BOB, Sealgate, User

STRANGER = User(name="", account="", access_key="AKIASTRANGER0000", secret_key="unknown")
SIZE = 70_000
PLAIN = plaintext(SIZE)
Call = Callable[[Any, str, str], dict[str, Any]]


def get_whole(s3: Any, bucket: str, key: str) -> dict[str, Any]:
    got: dict[str, Any] = s3.get_object(Bucket=bucket, Key=key)
    got["Body"].read()
    return got


OPERATIONS: list[tuple[str, Call, int | None, int | None, bool]] = [
    # Event's name, the call, bytes in, bytes out (None: some), whether a key was needed.
    ("PutObject", lambda s3, b, k: s3.put_object(Bucket=b, Key=k, Body=PLAIN), None, 0, True),
    ("GetObject", get_whole, 0, SIZE, True),
    ("HeadObject", lambda s3, b, k: s3.head_object(Bucket=b, Key=k), 0, 0, False),
    ("ListObjects", lambda s3, b, k: s3.list_objects_v2(Bucket=b, Prefix=k), 0, None, False),
    ("DeleteObject", lambda s3, b, k: s3.delete_object(Bucket=b, Key=k), 0, 0, False),
    (
        "DeleteObjects",
        lambda s3, b, k: s3.delete_objects(Bucket=b, Delete={"Objects": [{"Key": k}]}),
        None,
        None,
        False,
    ),
    ("HeadBucket", lambda s3, b, _: s3.head_bucket(Bucket=b), 0, 0, False),
    ("GetBucketLocation", lambda s3, b, _: s3.get_bucket_location(Bucket=b), 0, None, False),
    ("ListBuckets", lambda s3, _b, _k: s3.list_buckets(), 0, None, False),
]


@pytest.mark.parametrize(
    ("name", "call", "came", "left", "keyed"),
    OPERATIONS,
    ids=[each[0] for each in OPERATIONS],
)
def test_each_operation_leaves_one_event(
    *,
    s3: Any,
    bucket: str,
    key: str,
    trail: Trail,
    name: str,
    call: Call,
    came: int | None,
    left: int | None,
    keyed: bool,
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)

    answer = call(s3, bucket, key)

    [event] = trail.all_of(request_id(answer))
    details = event["additionalEventData"]
    assert (event["eventSource"], event["eventName"]) == ("s3.amazonaws.com", name)
    assert event["userIdentity"]["arn"] == ALICE.arn
    assert event["userIdentity"]["accountId"] == ACCOUNT
    assert event["sourceIPAddress"] == "127.0.0.1"
    assert details["outcome"] == "completed"
    assert details["httpStatus"] == answer["ResponseMetadata"]["HTTPStatusCode"]
    assert "errorCode" not in event
    assert "storeRequestId" in details
    assert details["phases"]["totalMicroseconds"] > 0
    for told, expected in (("bytesTransferredIn", came), ("bytesTransferredOut", left)):
        assert details[told] == expected if expected is not None else details[told] > 0
    assert ("keyArn" in details) is keyed
    assert ("cacheHit" in details) is keyed
    if keyed:
        assert details["keyArn"].startswith("arn:aws:kms:us-east-1:")
        assert details["dataKeyScope"] == "bucket"


@pytest.mark.parametrize("size", [0, 1, SIZE, 1024 * 1024 + 1])
def test_bytes_are_counted_both_ways(
    *, sealgate: Sealgate, s3: Any, bucket: str, key: str, trail: Trail, size: int
) -> None:
    """A plain body counts as it is; a chunked one as it travelled."""
    url = f"{sealgate.url}/{bucket}/{key}"
    plain = plaintext(size)

    put = trail.of(send("PUT", url, plain).headers["x-amz-request-id"])
    chunked = trail.of(put_chunked(url, plain, coding=SIGNED_CHUNKS).headers["x-amz-request-id"])
    got = trail.of(request_id(get_whole(s3, bucket, key)))

    assert put["additionalEventData"]["bytesTransferredIn"] == size
    assert chunked["additionalEventData"]["bytesTransferredIn"] > size
    assert got["additionalEventData"]["bytesTransferredOut"] == size


def test_the_cache_is_seen_to_work(s3: Any, kms: Any, bucket: str, key: str, trail: Trail) -> None:
    """The first write and the first read ask the key service, each by its own leave; the next ones do not."""
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    options = {
        "Bucket": bucket,
        "Key": key,
        "Body": PLAIN,
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": arn,
        "BucketKeyEnabled": True,
    }

    answers = [s3.put_object(**options) for _ in range(2)]
    answers += [get_whole(s3, bucket, key) for _ in range(2)]

    details = [trail.of(request_id(answer))["additionalEventData"] for answer in answers]
    assert [each["cacheHit"] for each in details] == [False, True, False, True]
    assert {each["keyArn"] for each in details} == {arn}


def test_the_call_of_the_key_service_is_in_the_trail_too(
    s3: Any, kms: Any, bucket: str, key: str, trail: Trail
) -> None:
    """Under the client's name, with the object it was for and without the context's values."""
    arn = kms.create_key()["KeyMetadata"]["Arn"]

    put = s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=PLAIN,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=arn,
        BucketKeyEnabled=False,
    )
    trail.of(request_id(put))

    [made] = [
        event
        for event in trail.seen()
        if event["eventName"] == "GenerateDataKey" and arn in {each["ARN"] for each in event["resources"]}
    ]
    assert made["eventSource"] == "kms.amazonaws.com"
    assert made["userIdentity"]["arn"] == ALICE.arn
    assert made["userIdentity"]["invokedBy"]
    assert key not in str(made)


def test_a_refusal_is_an_event_with_its_code(sealgate: Sealgate, bucket: str, key: str, trail: Trail) -> None:
    """Whoever asked, and for what, whether or not it was there or theirs."""
    with client("s3", sealgate.url, BOB) as bob, pytest.raises(ClientError) as caught:
        bob.get_object(Bucket=bucket, Key=key)

    event = trail.of(caught.value.response["ResponseMetadata"]["RequestId"])
    assert (event["eventName"], event["errorCode"]) == ("GetObject", "NoSuchKey")
    assert event["userIdentity"]["arn"] == BOB.arn
    assert event["additionalEventData"]["httpStatus"] == 404
    answer = send("GET", f"{sealgate.url}/{bucket}/{key}", user=STRANGER)
    event = trail.of(answer.headers["x-amz-request-id"])
    assert (answer.status, event["errorCode"]) == (403, "InvalidAccessKeyId")
    assert event["userIdentity"]["type"] == "Unknown"
    assert event["userIdentity"]["accessKeyId"] == STRANGER.access_key


def test_no_secret_is_in_the_trail(sealgate: Sealgate, s3: Any, bucket: str, key: str, trail: Trail) -> None:
    """Neither a signature nor a secret key nor a presigned URL's."""
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    answer = send_as_is("GET", url, headers={"user-agent": f"browser from {url}", "referer": url})
    trail.of(answer.headers["x-amz-request-id"])

    text = (sealgate.directory / "audit.jsonl").read_text()
    signature = url.partition("ignature=")[2].partition("&")[0]
    assert len(signature) >= 20
    assert signature not in text
    assert ALICE.secret_key not in text
    assert sealgate.store.secret_key not in text
