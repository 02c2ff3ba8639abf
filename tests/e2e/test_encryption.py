"""The encryption headers choose the key; whatever they say, what lies on the store is sealed."""

import base64
import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from recovery.envelope import Mode
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import client, refused, request_id
from tests.e2e.trail import Trail
from tests.stores.sealgate import ACCOUNT, BOB, MALLORY, Sealgate

PLAIN = plaintext(1000)
BODIES = {"held": PLAIN, "streamed": plaintext(1024 * 1024 + 1)}


def context_header(pairs: dict[str, str]) -> str:
    return base64.b64encode(json.dumps(pairs).encode()).decode()


def told(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer.get(name) for name in ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("asked", [{}, {"ServerSideEncryption": "AES256"}], ids=["nothing", "AES256"])
def test_the_service_owned_key(
    *,
    s3: Any,
    kms: Any,
    bucket: str,
    key: str,
    sealed_on_store: AtRest,
    trail: Trail,
    asked: dict[str, str],
    body: str,
) -> None:
    """It is named to no client, and no account's list has it."""
    put = s3.put_object(Bucket=bucket, Key=key, Body=BODIES[body], **asked)

    sealed = sealed_on_store(bucket, key, BODIES[body])
    assert sealed.envelope.flags.mode is Mode.SERVICE_OWNED
    for answer in (put, s3.head_object(Bucket=bucket, Key=key), s3.get_object(Bucket=bucket, Key=key)):
        assert told(answer) == {
            "ServerSideEncryption": "AES256",
            "SSEKMSKeyId": None,
            "BucketKeyEnabled": None,
        }
    arn = sealed.envelope.inner.data_key.key_arn if sealed.envelope.inner.data_key else ""
    assert arn not in {each["KeyArn"] for each in kms.list_keys()["Keys"]}
    details = trail.of(request_id(put))["additionalEventData"]
    assert (details["encryptionMode"], details["keyArn"]) == ("SSE_S3", arn)


def test_without_a_key_id_it_is_the_accounts_own_managed_key(
    *, s3: Any, kms: Any, bucket: str, key: str, sealed_on_store: AtRest, trail: Trail
) -> None:
    """aws/s3 comes into being with its first use; the account sees it and cannot manage it."""
    put = s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, ServerSideEncryption="aws:kms")

    arn = put["SSEKMSKeyId"]
    assert arn.startswith(f"arn:aws:kms:us-east-1:{ACCOUNT}:key/")
    assert arn in {each["KeyArn"] for each in kms.list_keys()["Keys"]}
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"] == arn
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyManager"] == "AWS"
    # Only S3 may use the key, so the decryptor cannot ask for it.
    sealed = sealed_on_store(bucket, key, PLAIN, opens=False)
    assert sealed.envelope.flags.mode is Mode.KEY_SERVICE
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN
    assert trail.of(request_id(put))["additionalEventData"]["keyArn"] == arn


def test_each_account_has_its_own_managed_key(sealgate: Sealgate, s3: Any, bucket: str, key: str) -> None:
    with client("s3", sealgate.url, MALLORY) as mallory, client("s3", sealgate.url, BOB) as bob:
        options = {"Bucket": bucket, "Key": key, "Body": PLAIN, "ServerSideEncryption": "aws:kms"}
        arns = [each.put_object(**options)["SSEKMSKeyId"] for each in (s3, bob, mallory)]

        assert arns[0] == arns[1] != arns[2]
        for client_of_another_account in (s3, bob):
            with pytest.raises(ClientError) as caught:
                client_of_another_account.get_object(Bucket=bucket, Key=key)
            assert refused(caught.value) == (403, "AccessDenied")
        assert mallory.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("form", ["id", "arn", "alias", "alias-arn"])
def test_a_customer_key_by_any_of_its_names(
    *, s3: Any, kms: Any, bucket: str, key: str, sealed_on_store: AtRest, form: str, body: str
) -> None:
    """The answer and the envelope always name its ARN."""
    made = kms.create_key()["KeyMetadata"]
    alias = f"alias/{uuid.uuid4()}"
    kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
    name = {
        "id": made["KeyId"],
        "arn": made["Arn"],
        "alias": alias,
        "alias-arn": f"arn:aws:kms:us-east-1:{ACCOUNT}:{alias}",
    }[form]

    put = s3.put_object(
        Bucket=bucket, Key=key, Body=BODIES[body], ServerSideEncryption="aws:kms", SSEKMSKeyId=name
    )

    assert put["SSEKMSKeyId"] == made["Arn"]
    sealed = sealed_on_store(bucket, key, BODIES[body])
    assert sealed.envelope.inner.data_key is not None
    assert sealed.envelope.inner.data_key.key_arn == made["Arn"]
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == BODIES[body]
    assert told(got) == told(put)


@pytest.mark.parametrize("per_object", [True, False])
def test_a_context_is_bound_and_never_told(
    *,
    s3: Any,
    bucket: str,
    key: str,
    key_arn: str,
    sealed_on_store: AtRest,
    trail: Trail,
    per_object: bool,
) -> None:
    """The key service opens the data key only with the client's pairs; their values stay out of the trail."""
    pairs = {"team": "the-secret-team", "ünï": "cödé"}

    put = s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=PLAIN,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key_arn,
        SSEKMSEncryptionContext=context_header(pairs),
        BucketKeyEnabled=not per_object,
    )

    sealed = sealed_on_store(bucket, key, PLAIN)
    assert dict(sealed.envelope.client_context) == pairs
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN
    assert "the-secret-team" not in json.dumps(trail.of(request_id(put)))


@pytest.mark.parametrize("asked", [True, False])
def test_the_bucket_key_flag_decides_who_shares_a_data_key(
    *, s3: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest, trail: Trail, asked: bool
) -> None:
    """On: one data key for objects of the bucket. Off: one for each object, bound to its name."""
    options = {
        "Bucket": bucket,
        "Body": PLAIN,
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": key_arn,
        "BucketKeyEnabled": asked,
    }

    puts = [s3.put_object(**options, Key=f"{key}-{number}") for number in range(3)]

    sealed = [sealed_on_store(bucket, f"{key}-{number}", PLAIN).envelope for number in range(3)]
    wrapped = {each.inner.data_key.blob for each in sealed if each.inner.data_key}
    assert len(wrapped) == (1 if asked else 3)
    assert {each.flags.data_key_per_object for each in sealed} == {not asked}
    assert len({each.inner.content_key for each in sealed}) == 3
    assert {put.get("BucketKeyEnabled", False) for put in puts} == {asked}
    events = [trail.of(request_id(put))["additionalEventData"] for put in puts]
    assert {each["dataKeyScope"] for each in events} == {"bucket" if asked else "object"}
    assert events[1]["cacheHit"] is events[2]["cacheHit"] is asked


REFUSED = [
    ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/not-there"}, 400, "KMS.NotFoundException"),
    ({"ServerSideEncryption": "AES257"}, 400, "InvalidEncryptionAlgorithmError"),
    ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "alias/some"}, 400, "InvalidArgument"),
    ({"SSEKMSKeyId": "alias/some"}, 400, "InvalidArgument"),
    ({"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": "no base64"}, 400, "InvalidArgument"),
    (
        {"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": context_header({"aws:s3:arn": "x"})},
        400,
        "InvalidArgument",
    ),
]


@pytest.mark.parametrize(("asked", "status", "code"), REFUSED)
def test_a_choice_that_cannot_be_had_writes_nothing(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, asked: dict[str, str], status: int, code: str
) -> None:
    """Never a weaker key instead."""
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **asked)

    assert refused(caught.value) == (status, code)
    assert key not in sealed_on_store.keys(bucket)


def test_another_accounts_key_neither_seals_nor_opens(
    *, sealgate: Sealgate, s3: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest
) -> None:
    with client("s3", sealgate.url, MALLORY) as mallory:
        options = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}
        with pytest.raises(ClientError) as caught:
            mallory.put_object(Bucket=bucket, Key=key, Body=PLAIN, **options)
        assert refused(caught.value) == (403, "AccessDenied")
        assert key not in sealed_on_store.keys(bucket)

        s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **options)
        with pytest.raises(ClientError) as caught:
            mallory.get_object(Bucket=bucket, Key=key)
        assert refused(caught.value) == (403, "AccessDenied")


def test_a_disabled_key_seals_nothing_and_another_does(
    s3: Any, kms: Any, bucket: str, key: str, sealed_on_store: AtRest
) -> None:
    """With a data key for each object nothing is cached, so the change is felt at once."""
    made = kms.create_key()["KeyMetadata"]["Arn"]
    kms.disable_key(KeyId=made)
    options = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": made, "BucketKeyEnabled": False}

    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **options)
    assert refused(caught.value) == (400, "KMS.DisabledException")
    assert key not in sealed_on_store.keys(bucket)

    kms.enable_key(KeyId=made)
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, **options)
    sealed_on_store(bucket, key, PLAIN)


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_reads_choose_no_key(s3: Any, bucket: str, key: str, operation: str) -> None:
    """S3 refuses the header there, so that nobody believes it did something."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)

    def add(params: Any, **_: Any) -> None:
        params["headers"]["x-amz-server-side-encryption"] = "AES256"

    with client("s3", s3.meta.endpoint_url) as own:
        own.meta.events.register("before-call.s3", add)
        with pytest.raises(ClientError) as caught:
            getattr(own, operation)(Bucket=bucket, Key=key)
    assert refused(caught.value)[0] == 400
