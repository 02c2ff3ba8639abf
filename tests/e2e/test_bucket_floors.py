"""A rule's `minimum` and `keys_allowed`: no header, no setting and no copy leads below them."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from recovery.envelope import Mode
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.own_keys import OwnKey
from tests.e2e.ruled import ALIAS, Buckets
from tests.e2e.sdk import client, refused
from tests.e2e.test_bucket_encryption import put_setting, rule
from tests.stores.sealgate import ACCOUNT, MALLORY, OTHER_ACCOUNT, Sealgate

PLAIN = plaintext(1000)
SSE_S3 = {"ServerSideEncryption": "AES256"}
SSE_KMS = {"ServerSideEncryption": "aws:kms"}
Write = Callable[..., Any]
WRITES: dict[str, Write] = {
    "put": lambda s3, name, asked: s3.put_object(**name, Body=PLAIN, **asked),
    "create": lambda s3, name, asked: s3.create_multipart_upload(**name, **asked),
    "copy": lambda s3, name, asked: s3.copy_object(
        **name, CopySource={"Bucket": name["Bucket"], "Key": "source"}, **asked
    ),
}


@pytest.fixture(scope="module")
def sources(ruled_s3: Any, buckets: Buckets) -> None:
    for bucket in (buckets.floored, buckets.doubled):
        ruled_s3.put_object(Bucket=bucket, Key="source", Body=PLAIN)


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("asked", [SSE_S3, OwnKey(b"k" * 32).wish], ids=["SSE-S3", "SSE-C"])
def test_no_header_leads_below_the_minimum(
    *, ruled_s3: Any, buckets: Buckets, key: str, ruled_on_store: AtRest, write: str, asked: dict[str, Any]
) -> None:
    for bucket in (buckets.floored, buckets.doubled):
        with pytest.raises(ClientError) as caught:
            WRITES[write](ruled_s3, {"Bucket": bucket, "Key": key}, asked)
        assert refused(caught.value) == (403, "AccessDenied")
        assert key not in ruled_on_store.keys(bucket)


def test_the_minimum_is_the_default_too(
    ruled_s3: Any, ruled_kms: Any, buckets: Buckets, key: str, ruled_on_store: AtRest
) -> None:
    """Without a key in the rule it is the account's own."""
    put = ruled_s3.put_object(Bucket=buckets.floored, Key=key, Body=PLAIN)
    managed = ruled_kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", managed)
    sealed = ruled_on_store(buckets.floored, key, PLAIN, opens=False)
    assert sealed.envelope.flags.mode is Mode.KEY_SERVICE

    put = ruled_s3.put_object(Bucket=buckets.doubled, Key=key, Body=PLAIN)
    arn = ruled_kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["Arn"]
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms:dsse", arn)


def test_no_setting_leads_below_the_minimum(ruled_s3: Any, buckets: Buckets, key: str) -> None:
    for bucket, setting in (
        (buckets.floored, rule("AES256")),
        (buckets.doubled, rule("AES256")),
        (buckets.doubled, rule("aws:kms")),
        (buckets.confined, rule("AES256")),
        (buckets.confined, rule("aws:kms")),
        (buckets.confined, rule("aws:kms:dsse", ALIAS)),
    ):
        with pytest.raises(ClientError) as caught:
            put_setting(ruled_s3, bucket, setting)
        assert refused(caught.value) == (403, "AccessDenied")

    put_setting(ruled_s3, buckets.floored, rule("aws:kms:dsse", ALIAS))
    put = ruled_s3.put_object(Bucket=buckets.floored, Key=key, Body=PLAIN)
    assert put["ServerSideEncryption"] == "aws:kms:dsse"
    ruled_s3.delete_bucket_encryption(Bucket=buckets.floored)


@pytest.mark.parametrize(
    "asked", [{}, SSE_S3, SSE_KMS, OwnKey(b"k" * 32).wish], ids=["nothing", "SSE-S3", "SSE-KMS", "SSE-C"]
)
def test_only_keys_that_the_rule_allows_seal(
    *, ruled_s3: Any, buckets: Buckets, key: str, ruled_on_store: AtRest, asked: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as caught:
        ruled_s3.put_object(Bucket=buckets.confined, Key=key, Body=PLAIN, **asked)

    assert refused(caught.value) == (403, "AccessDenied")
    assert key not in ruled_on_store.keys(buckets.confined)


def test_an_allowed_key_seals(ruled: Sealgate, buckets: Buckets, key: str) -> None:
    with client("s3", ruled.url, MALLORY) as theirs:
        put = theirs.put_object(
            Bucket=buckets.confined, Key=key, Body=PLAIN, **SSE_KMS, SSEKMSKeyId="alias/aws/s3"
        )
        assert put["SSEKMSKeyId"].startswith(f"arn:aws:kms:us-east-1:{OTHER_ACCOUNT}:")
        assert ACCOUNT not in put["SSEKMSKeyId"]
        assert theirs.get_object(Bucket=buckets.confined, Key=key)["Body"].read() == PLAIN
