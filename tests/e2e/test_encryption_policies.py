"""Bucket policies about encryption headers, which the store never sees: judged by the proxy."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.forms import post, signed
from tests.e2e.own_keys import OwnKey
from tests.e2e.sdk import client, refused
from tests.e2e.wire import send
from tests.stores.sealgate import BOB, Sealgate

PLAIN = plaintext(300)
SSE = "s3:x-amz-server-side-encryption"
DENIED = (403, "AccessDenied")
OWN = OwnKey(b"k" * 32)


def deny(bucket: str, condition: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": condition,
        **more,
    }


def put_policy(s3: Any, bucket: str, *statements: dict[str, Any]) -> str:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=1)
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    return text


@pytest.fixture
def own_bucket(s3: Any) -> str:
    name = f"policies-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


def is_denied(step: Any) -> bool:
    with pytest.raises(ClientError) as caught:
        step()
    return refused(caught.value) == DENIED


def test_uploads_that_are_not_encrypted_are_denied(
    s3: Any, own_bucket: str, key: str, key_arn: str, sealed_on_store: AtRest
) -> None:
    """Amazon's example, on every operation that takes the header; parts are under what their upload asked."""
    s3.put_object(Bucket=own_bucket, Key="source", Body=PLAIN)
    put_policy(
        s3,
        own_bucket,
        deny(own_bucket, {"Null": {SSE: "true"}}, Sid="Missing"),
        deny(own_bucket, {"StringNotEquals": {SSE: "aws:kms"}}, Sid="Weaker"),
    )
    name = {"Bucket": own_bucket, "Key": key}
    copied = {"CopySource": {"Bucket": own_bucket, "Key": "source"}}

    for asked in ({}, {"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "AES192"}, OWN.wish):
        assert is_denied(lambda asked=asked: s3.put_object(**name, Body=PLAIN, **asked))
        assert is_denied(lambda asked=asked: s3.create_multipart_upload(**name, **asked))
        assert is_denied(lambda asked=asked: s3.copy_object(**name, **copied, **asked))
    assert post(*signed(s3, own_bucket, key), PLAIN).status == 403
    assert key not in sealed_on_store.keys(own_bucket)

    kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}
    s3.put_object(**name, Body=PLAIN, **kms)
    sealed_on_store(own_bucket, key, PLAIN)
    s3.copy_object(**name, **copied, **kms)
    upload = s3.create_multipart_upload(**name, **kms)["UploadId"]
    part = s3.upload_part(**name, UploadId=upload, PartNumber=1, Body=PLAIN)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**name, UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(**name)["Body"].read() == PLAIN


def test_a_policy_about_clients_own_keys(sealgate: Sealgate, s3: Any, own_bucket: str, key: str) -> None:
    """Judged before the header is read: one that is malformed is a value like any other."""
    put_policy(s3, own_bucket, deny(own_bucket, {"StringNotEquals": {f"{SSE}-customer-algorithm": "AES256"}}))
    url = f"{sealgate.url}/{own_bucket}/{key}"

    assert is_denied(lambda: s3.put_object(Bucket=own_bucket, Key=key, Body=PLAIN))
    malformed = {"x-amz-server-side-encryption-customer-algorithm": "AES192"}
    answer = send("PUT", url, PLAIN, headers=malformed)
    assert (answer.status, answer.code) == DENIED
    s3.put_object(Bucket=own_bucket, Key=key, Body=PLAIN, **OWN.wish)


def test_a_policy_is_told_as_it_was_put_and_the_rest_is_the_stores(
    s3: Any, raw: Any, own_bucket: str, key: str
) -> None:
    theirs = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{own_bucket}/public/*",
    }
    text = put_policy(s3, own_bucket, theirs, deny(own_bucket, {"Null": {SSE: "true"}}))

    assert s3.get_bucket_policy(Bucket=own_bucket)["Policy"] == text
    at_store = json.loads(raw.get_bucket_policy(Bucket=own_bucket)["Policy"])
    assert [each["Effect"] for each in at_store["Statement"]] == ["Allow"]
    assert is_denied(lambda: s3.put_object(Bucket=own_bucket, Key=key, Body=PLAIN))

    # A setting beside it leaves it alone.
    setting = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    s3.put_bucket_encryption(Bucket=own_bucket, ServerSideEncryptionConfiguration=setting)
    s3.delete_bucket_encryption(Bucket=own_bucket)
    assert s3.get_bucket_policy(Bucket=own_bucket)["Policy"] == text

    text = put_policy(s3, own_bucket, deny(own_bucket, {"Null": {SSE: "true"}}))
    assert s3.get_bucket_policy(Bucket=own_bucket)["Policy"] == text
    with pytest.raises(ClientError) as caught:
        raw.get_bucket_policy(Bucket=own_bucket)
    assert refused(caught.value) == (404, "NoSuchBucketPolicy")

    s3.delete_bucket_policy(Bucket=own_bucket)
    with pytest.raises(ClientError) as caught:
        s3.get_bucket_policy(Bucket=own_bucket)
    assert refused(caught.value) == (404, "NoSuchBucketPolicy")
    s3.put_object(Bucket=own_bucket, Key=key, Body=PLAIN)


def test_a_statement_is_about_its_principals_and_names(
    sealgate: Sealgate, s3: Any, own_bucket: str, key: str
) -> None:
    condition = {"Null": {SSE: "true"}, "Bool": {"aws:SecureTransport": "false"}}
    put_policy(
        s3,
        own_bucket,
        deny(own_bucket, condition, Principal={"AWS": BOB.arn}, Resource=f"arn:aws:s3:::{own_bucket}/in/*"),
    )

    with client("s3", sealgate.url, BOB) as bob:
        assert is_denied(lambda: bob.put_object(Bucket=own_bucket, Key=f"in/{key}", Body=PLAIN))
        bob.put_object(Bucket=own_bucket, Key=key, Body=PLAIN)
    s3.put_object(Bucket=own_bucket, Key=f"in/{key}", Body=PLAIN)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"Effect": "Allow"}, (501, "NotImplemented")),
        ({"Action": "s3:*"}, (501, "NotImplemented")),
        (
            {"Condition": {"Null": {SSE: "true"}, "StringEquals": {"s3:ExistingObjectTag/a": "b"}}},
            (501, "NotImplemented"),
        ),
        ({"Condition": {"NoSuchOperator": {SSE: "true"}}}, (400, "MalformedPolicy")),
        ({"Resource": []}, (400, "MalformedPolicy")),
    ],
)
def test_what_cannot_be_judged_whole_is_refused_and_changes_nothing(
    *, s3: Any, own_bucket: str, key: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    with pytest.raises(ClientError) as caught:
        put_policy(s3, own_bucket, deny(own_bucket, {"Null": {SSE: "true"}}) | change)

    assert refused(caught.value) == expected
    s3.put_object(Bucket=own_bucket, Key=key, Body=PLAIN)
