"""What nobody serves yet is refused by its name, and never does what a plainer operation would."""

from typing import Any

import pytest

from proxy.s3.operation_rows import ROWS
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.wire import send
from tests.stores.sealgate import Sealgate

PLAIN = plaintext(300)


def body_of(method: str) -> bytes:
    return b"<Other/>" if method in {"PUT", "POST"} else b""


ON_OBJECTS = [
    ("GET", "torrent", "GetObjectTorrent"),
    ("PUT", "renameObject", "RenameObject"),
    ("POST", "restore", "RestoreObject"),
    ("POST", "select&select-type=2", "SelectObjectContent"),
    ("PUT", "new-thing", "new-thing"),
    ("GET", "new-thing=1", "new-thing"),
    ("DELETE", "new-thing", "new-thing"),
]


@pytest.mark.parametrize(("method", "query", "name"), ON_OBJECTS)
def test_an_object_is_untouched_by_what_is_not_served(
    *,
    sealgate: Sealgate,
    s3: Any,
    bucket: str,
    key: str,
    sealed_on_store: AtRest,
    method: str,
    query: str,
    name: str,
) -> None:
    """`PUT ?acl` must not overwrite, `DELETE ?tagging` must not delete."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)

    answer = send(method, f"{sealgate.url}/{bucket}/{key}?{query}", body_of(method))

    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert name.encode() in answer.body
    sealed_on_store(bucket, key, PLAIN)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN


# What SeaweedFS 4.48 takes for CreateBucket and DeleteBucket.
LACKING = [
    ("website", "BucketWebsite"),
    ("notification", "BucketNotificationConfiguration"),
    ("logging", "BucketLogging"),
    ("replication", "BucketReplication"),
    ("accelerate", "BucketAccelerateConfiguration"),
    ("abac", "BucketAbac"),
    ("publicAccessBlock", "PublicAccessBlock"),
    ("analytics&id=a", "BucketAnalyticsConfiguration"),
    ("metrics&id=a", "BucketMetricsConfiguration"),
    ("inventory&id=a", "BucketInventoryConfiguration"),
    ("intelligent-tiering&id=a", "BucketIntelligentTieringConfiguration"),
]
KNOWN_TO_US = {row.name for row in ROWS}


@pytest.mark.parametrize(
    ("method", "query", "name"),
    [
        *[
            (method, sub, f"{verb}{name}")
            for sub, name in LACKING
            for method, verb in (("PUT", "Put"), ("DELETE", "Delete"))
            if f"{verb}{name}" in KNOWN_TO_US
        ],
        ("DELETE", "new-thing", "new-thing"),
        ("PUT", "new-thing", "new-thing"),
    ],
)
def test_a_bucket_is_untouched_by_what_is_not_served(
    *, sealgate: Sealgate, s3: Any, bucket: str, method: str, query: str, name: str
) -> None:
    """`DELETE ?website` must not delete the bucket, which is what this store does with it."""
    answer = send(method, f"{sealgate.url}/{bucket}?{query}".rstrip("?"), body_of(method))

    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert name.encode() in answer.body
    s3.head_bucket(Bucket=bucket)


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/{}/key"), ("POST", "/{}/key"), ("DELETE", "/"), ("TRACE", "/{}")]
)
def test_a_method_that_a_resource_does_not_have(
    sealgate: Sealgate, bucket: str, method: str, path: str
) -> None:
    answer = send(method, sealgate.url + path.format(bucket))

    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
