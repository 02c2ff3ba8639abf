"""PutBucketEncryption: the key of every write that names none, whichever operation it is."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from recovery.envelope import Mode
from tests.e2e.at_rest import AtRest, holds_a_run_of, plaintext
from tests.e2e.forms import post, signed
from tests.e2e.own_keys import OwnKey
from tests.e2e.sdk import refused

PLAIN = plaintext(1000)
NOT_FOUND = (404, "ServerSideEncryptionConfigurationNotFoundError")


def rule(algorithm: str, key_id: str = "", **more: Any) -> dict[str, Any]:
    default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key_id} if key_id else {})
    return {"ApplyServerSideEncryptionByDefault": default, **more}


def put_setting(s3: Any, bucket: str, setting: dict[str, Any]) -> None:
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [setting]})


def setting_of(s3: Any, bucket: str) -> dict[str, Any]:
    [found] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    return dict(found)


@pytest.fixture
def own_bucket(s3: Any) -> Iterator[str]:
    name = f"default-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    yield name
    for each in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=each["Key"])
    s3.delete_bucket(Bucket=name)  # what is kept of its setting is in nobody's way


def test_a_setting_is_put_told_and_taken_back(s3: Any, own_bucket: str, key_arn: str) -> None:
    with pytest.raises(ClientError) as caught:
        setting_of(s3, own_bucket)
    assert refused(caught.value) == NOT_FOUND

    for setting in (rule("AES256"), rule("aws:kms", key_arn, BucketKeyEnabled=True), rule("aws:kms:dsse")):
        put_setting(s3, own_bucket, setting)
        assert setting_of(s3, own_bucket) == setting

    for _ in range(2):
        answer = s3.delete_bucket_encryption(Bucket=own_bucket)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(ClientError) as caught:
        setting_of(s3, own_bucket)
    assert refused(caught.value) == NOT_FOUND


def test_what_is_kept_is_sealed_hidden_and_not_the_stores(
    s3: Any, raw: Any, own_bucket: str, key_arn: str
) -> None:
    put_setting(s3, own_bucket, rule("aws:kms", key_arn))

    [kept] = raw.list_objects_v2(Bucket=own_bucket)["Contents"]
    body = raw.get_object(Bucket=own_bucket, Key=kept["Key"])["Body"].read()
    assert kept["Key"] == f".sealgate/buckets/{own_bucket}"
    assert body.startswith(b"SGS1")
    assert not holds_a_run_of(key_arn.rpartition("/")[2].encode(), body)
    assert "Contents" not in s3.list_objects_v2(Bucket=own_bucket)
    with pytest.raises(ClientError) as caught:
        raw.get_bucket_encryption(Bucket=own_bucket)
    assert refused(caught.value) == NOT_FOUND


def written(s3: Any, bucket: str, key: str, **asked: Any) -> dict[str, dict[str, Any]]:
    """One object by each operation that seals; what each answered."""
    source = {"Bucket": bucket, "Key": f"{key}-put"}
    answers = {"put": s3.put_object(Bucket=bucket, Key=f"{key}-put", Body=PLAIN, **asked)}
    answers["copy"] = s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource=source, **asked)
    upload = s3.create_multipart_upload(Bucket=bucket, Key=f"{key}-parts", **asked)
    answers["create"] = upload
    named = {"Bucket": bucket, "Key": f"{key}-parts", "UploadId": upload["UploadId"]}
    answers["part"] = s3.upload_part(**named, PartNumber=1, Body=PLAIN)
    copied = s3.upload_part_copy(**named, PartNumber=2, CopySource=source)
    answers["part copy"] = copied
    parts = [
        {"PartNumber": 1, "ETag": answers["part"]["ETag"]},
        {"PartNumber": 2, "ETag": copied["CopyPartResult"]["ETag"]},
    ]
    answers["complete"] = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts[:1]})
    return answers


TOLD = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")


def told(answer: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(answer.get(name) for name in TOLD)


@pytest.mark.parametrize("algorithm", ["AES256", "aws:kms", "aws:kms:dsse"])
def test_every_operation_agrees_on_the_default(
    *, s3: Any, own_bucket: str, key: str, key_arn: str, sealed_on_store: AtRest, algorithm: str
) -> None:
    """And every answer says so: of the write, of HEAD and of GET."""
    shared = {"BucketKeyEnabled": True} if algorithm == "aws:kms" else {}
    put_setting(s3, own_bucket, rule(algorithm, "" if algorithm == "AES256" else key_arn, **shared))
    expected = {
        "AES256": ("AES256", None, None),
        "aws:kms": ("aws:kms", key_arn, True),
        "aws:kms:dsse": ("aws:kms:dsse", key_arn, None),
    }[algorithm]

    answers = written(s3, own_bucket, key)

    assert {name: told(answer) for name, answer in answers.items()} == dict.fromkeys(answers, expected)
    for name in ("put", "copy", "parts"):
        head = s3.head_object(Bucket=own_bucket, Key=f"{key}-{name}")
        got = s3.get_object(Bucket=own_bucket, Key=f"{key}-{name}")
        assert told(head) == told(got) == expected
        assert got["Body"].read() == PLAIN
    mode = {
        "AES256": Mode.SERVICE_OWNED,
        "aws:kms": Mode.KEY_SERVICE,
        "aws:kms:dsse": Mode.TWO_LAYERS,
    }[algorithm]
    for name in ("put", "copy"):
        sealed = sealed_on_store(own_bucket, f"{key}-{name}", PLAIN, opens=mode is Mode.KEY_SERVICE)
        assert sealed.envelope.flags.mode is mode


def test_headers_go_before_the_default(
    s3: Any, own_bucket: str, key: str, key_arn: str, sealed_on_store: AtRest
) -> None:
    put_setting(s3, own_bucket, rule("aws:kms", key_arn))
    options = {"Bucket": own_bucket, "Key": key, "Body": PLAIN}

    put = s3.put_object(**options, ServerSideEncryption="AES256")
    assert told(put) == ("AES256", None, None)
    assert sealed_on_store(own_bucket, key, PLAIN).envelope.flags.mode is Mode.SERVICE_OWNED

    # A flag alone changes how the default's data keys are shared, and nothing else.
    for asked in (True, False):
        put = s3.put_object(**options, BucketKeyEnabled=asked)
        assert told(put) == ("aws:kms", key_arn, asked or None)
        sealed = sealed_on_store(own_bucket, key, PLAIN).envelope
        assert sealed.flags.data_key_per_object is not asked


def test_no_bucket_no_setting(s3: Any) -> None:
    name = f"never-{uuid.uuid4()}"
    for step in (
        lambda: put_setting(s3, name, rule("AES256")),
        lambda: setting_of(s3, name),
        lambda: s3.delete_bucket_encryption(Bucket=name),
    ):
        with pytest.raises(ClientError) as caught:
            step()
        assert refused(caught.value) == (404, "NoSuchBucket")


def test_a_client_key_can_be_blocked(s3: Any, own_bucket: str, key: str) -> None:
    """For what is written; what lies there is read as ever."""
    mine = OwnKey(b"k" * 32)
    own = mine.wish
    s3.put_object(Bucket=own_bucket, Key=key, Body=PLAIN, **own)
    put_setting(s3, own_bucket, {"BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]}})

    steps: tuple[Callable[[], Any], ...] = (
        lambda: s3.put_object(Bucket=own_bucket, Key=key, Body=b"x", **own),
        lambda: s3.create_multipart_upload(Bucket=own_bucket, Key=key, **own),
        lambda: s3.copy_object(
            Bucket=own_bucket,
            Key="copied",
            CopySource={"Bucket": own_bucket, "Key": key},
            **mine.of_source,
            **own,
        ),
    )
    for step in steps:
        with pytest.raises(ClientError) as caught:
            step()
        assert refused(caught.value) == (403, "AccessDenied")
    assert s3.get_object(Bucket=own_bucket, Key=key, **own)["Body"].read() == PLAIN
    assert told(s3.put_object(Bucket=own_bucket, Key="other", Body=PLAIN))[0] == "AES256"

    put_setting(s3, own_bucket, {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}})
    s3.put_object(Bucket=own_bucket, Key=key, Body=b"x", **own)


def test_a_form_is_sealed_under_the_default(s3: Any, own_bucket: str, key_arn: str) -> None:
    put_setting(s3, own_bucket, rule("aws:kms", key_arn))

    answer = post(*signed(s3, own_bucket, "form"), PLAIN)

    assert answer.status == 204
    assert answer.headers["x-amz-server-side-encryption-aws-kms-key-id"] == key_arn
    assert told(s3.head_object(Bucket=own_bucket, Key="form"))[:2] == ("aws:kms", key_arn)
