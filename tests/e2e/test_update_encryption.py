"""UpdateObjectEncryption: another key for an object that is there, and nothing else that a client can see."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.own_keys import OwnKey
from tests.e2e.ruled import Buckets
from tests.e2e.sdk import client, refused, request_id
from tests.e2e.test_encryption import context_header
from tests.e2e.trail import Trail
from tests.e2e.uploads import SMALLEST
from tests.stores.sealgate import MALLORY, Sealgate

PLAIN = plaintext(200_000)


def update(s3: Any, bucket: str, key: str, arn: str, *, shared: bool | None = None, **more: str) -> Any:
    flag = {} if shared is None else {"BucketKeyEnabled": shared}
    wish = {"SSEKMS": {"KMSKeyArn": arn, **flag}}
    return s3.update_object_encryption(Bucket=bucket, Key=key, ObjectEncryption=wish, **more)


FROM: dict[str, Callable[[str], dict[str, Any]]] = {
    "SSE-S3": lambda _: {},
    "SSE-KMS": lambda arn: {
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": arn,
        "SSEKMSEncryptionContext": context_header({"team": "a"}),
    },
}


@pytest.mark.parametrize("shared", [None, True])
@pytest.mark.parametrize("source", FROM)
def test_an_object_gets_another_key_and_keeps_its_body(
    *,
    s3: Any,
    kms: Any,
    raw: Any,
    bucket: str,
    key: str,
    key_arn: str,
    sealed_on_store: AtRest,
    trail: Trail,
    source: str,
    shared: bool | None,
) -> None:
    described = {
        "Metadata": {"a": "b"},
        "ContentType": "text/x-test",
        "CacheControl": "no-store",
        "Tagging": "team=a&x=y",
    }
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **described, **FROM[source](key_arn))
    stored = raw.get_object(Bucket=bucket, Key=key)["Body"].read()
    other = kms.create_key()["KeyMetadata"]["Arn"]

    answer = update(s3, bucket, key, other, shared=shared)

    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == PLAIN
    assert (got["ServerSideEncryption"], got["SSEKMSKeyId"]) == ("aws:kms", other)
    assert got.get("BucketKeyEnabled", False) is bool(shared)
    assert {name: got[name] for name in described if name != "Tagging"} == {
        name: value for name, value in described.items() if name != "Tagging"
    }
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    assert {each["Key"]: each["Value"] for each in tags} == {"team": "a", "x": "y"}
    assert raw.get_object(Bucket=bucket, Key=key)["Body"].read() == stored
    sealed = sealed_on_store(bucket, key, PLAIN)
    assert sealed.envelope.inner.data_key is not None
    assert sealed.envelope.inner.data_key.key_arn == other
    assert dict(sealed.envelope.client_context) == ({"team": "a"} if source == "SSE-KMS" else {})
    event = trail.of(request_id(answer))
    assert (event["eventName"], event["additionalEventData"]["keyArn"]) == ("UpdateObjectEncryption", other)


def test_an_object_in_parts(s3: Any, bucket: str, key: str, key_arn: str) -> None:
    plain = plaintext(SMALLEST + 5)
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    named = {"Bucket": bucket, "Key": key, "UploadId": upload}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**named, PartNumber=number, Body=body)["ETag"]}
        for number, body in ((1, plain[:SMALLEST]), (2, plain[SMALLEST:]))
    ]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})

    update(s3, bucket, key, key_arn)

    assert s3.get_object(Bucket=bucket, Key=key, PartNumber=2)["Body"].read() == plain[SMALLEST:]
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plain


def test_a_disabled_old_key_opens_nothing_and_a_new_one_is_not_weaker(
    s3: Any, kms: Any, bucket: str, key: str, key_arn: str
) -> None:
    """What S3 calls a refusal of the key service; the object stays under the key that it had."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **FROM["SSE-KMS"](key_arn))
    disabled = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=disabled)

    for arn, expected in (
        (disabled, (400, "KMS.DisabledException")),
        (key_arn.rpartition("/")[0] + f"/{uuid.uuid4()}", (400, "KMS.NotFoundException")),
    ):
        with pytest.raises(ClientError) as caught:
            update(s3, bucket, key, arn)
        assert refused(caught.value) == expected
    assert s3.head_object(Bucket=bucket, Key=key)["SSEKMSKeyId"] == key_arn


def test_another_accounts_key_is_refused(
    sealgate: Sealgate, s3: Any, bucket: str, key: str, key_arn: str
) -> None:
    """And an object under one cannot be taken over."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **FROM["SSE-KMS"](key_arn))
    with client("kms", sealgate.kms_url, MALLORY) as theirs:
        their_key = theirs.create_key()["KeyMetadata"]["Arn"]
    with client("s3", sealgate.url, MALLORY) as mallory:
        for who, arn in ((s3, their_key), (mallory, their_key)):
            with pytest.raises(ClientError) as caught:
                update(who, bucket, key, arn)
            assert refused(caught.value) == (403, "AccessDenied")


SOURCES: dict[str, dict[str, Any]] = {
    "SSE-C": OwnKey(b"k" * 32).wish,
    "DSSE-KMS": {"ServerSideEncryption": "aws:kms:dsse"},
}


@pytest.mark.parametrize("source", SOURCES)
def test_what_s3_does_not_take_is_refused(
    *, s3: Any, bucket: str, key: str, key_arn: str, source: str
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **SOURCES[source])

    with pytest.raises(ClientError) as caught:
        update(s3, bucket, key, key_arn)

    assert refused(caught.value) == (400, "InvalidRequest")
    assert "DSSE-KMS or SSE-C" in caught.value.response["Error"]["Message"]


def test_what_is_not_there_or_not_sealed(
    *,
    s3: Any,
    ruled_s3: Any,
    ruled_kms: Any,
    buckets: Buckets,
    bucket: str,
    key: str,
    key_arn: str,
) -> None:
    with pytest.raises(ClientError) as caught:
        update(s3, bucket, key, key_arn)
    assert refused(caught.value) == (404, "NoSuchKey")

    arn = ruled_kms.create_key()["KeyMetadata"]["Arn"]
    ruled_s3.put_object(Bucket=buckets.plain, Key=key, Body=PLAIN)
    with pytest.raises(ClientError) as caught:
        update(ruled_s3, buckets.plain, key, arn)
    assert refused(caught.value) == (400, "InvalidRequest")
    assert "unencrypted" in caught.value.response["Error"]["Message"]


@pytest.fixture(scope="module")
def locked(s3: Any) -> str:
    name = f"update-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def test_versions_and_locks(s3: Any, locked: str, key: str, key_arn: str) -> None:
    """A new version is made of the current one; an older one, or a held one, is left alone."""
    older = s3.put_object(Bucket=locked, Key=key, Body=b"older")["VersionId"]
    current = s3.put_object(Bucket=locked, Key=key, Body=PLAIN)["VersionId"]

    with pytest.raises(ClientError) as caught:
        update(s3, locked, key, key_arn, VersionId=older)
    assert refused(caught.value) == (400, "InvalidRequest")

    made = update(s3, locked, key, key_arn, VersionId=current)
    head = s3.head_object(Bucket=locked, Key=key)
    assert head["SSEKMSKeyId"] == key_arn
    assert head["VersionId"] == made["ResponseMetadata"]["HTTPHeaders"]["x-amz-version-id"] != current
    assert s3.get_object(Bucket=locked, Key=key, VersionId=older)["Body"].read() == b"older"

    until = datetime.now(UTC) + timedelta(days=1)
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    s3.put_object_retention(Bucket=locked, Key=key, Retention=retention)
    with pytest.raises(ClientError) as caught:
        update(s3, locked, key, key_arn)
    assert refused(caught.value) == (403, "AccessDenied")
    assert "Object Lock" in caught.value.response["Error"]["Message"]
    assert s3.head_object(Bucket=locked, Key=key)["VersionId"] == head["VersionId"]
