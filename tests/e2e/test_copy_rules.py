"""Copies between names of different rules: what is sealed stays sealed unless a rule says otherwise."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.ruled import ALIAS, Buckets
from tests.e2e.sdk import refused, request_id
from tests.e2e.trail import Trail

BODIES = {"empty": b"", "small": plaintext(1000), "large": plaintext(3 * 1024 * 1024 + 1)}
SAID = {"ContentType": "text/x-said", "Metadata": {"who": "me"}}


@pytest.mark.parametrize("body", BODIES)
def test_a_plain_source_is_sealed_on_its_way_to_a_sealed_name(
    *, ruled_s3: Any, ruled_kms: Any, buckets: Buckets, key: str, ruled_on_store: AtRest, body: str
) -> None:
    """Under the key of the target's rule, with the source's description."""
    plain = BODIES[body]
    ruled_s3.put_object(Bucket=buckets.plain, Key=key, Body=plain, **SAID)

    copied = ruled_s3.copy_object(
        Bucket=buckets.keyed, Key=key, CopySource={"Bucket": buckets.plain, "Key": key}
    )

    assert copied["SSEKMSKeyId"] == ruled_kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["Arn"]
    got = ruled_s3.get_object(Bucket=buckets.keyed, Key=key)
    assert got["Body"].read() == plain
    assert {name: got[name] for name in SAID} == SAID
    assert copied["CopyObjectResult"]["ETag"] == got["ETag"]
    ruled_on_store(buckets.keyed, key, plain)


@pytest.mark.parametrize("body", ["small", "large"])
@pytest.mark.parametrize("replaced", [{}, {"MetadataDirective": "REPLACE"}], ids=["kept", "replaced"])
def test_a_sealed_source_is_not_copied_to_a_plain_name(
    *,
    ruled_s3: Any,
    buckets: Buckets,
    key: str,
    ruled_on_store: AtRest,
    ruled_trail: Trail,
    body: str,
    replaced: dict[str, str],
) -> None:
    """The one way out of encryption must be written in the configuration."""
    ruled_s3.put_object(Bucket=buckets.mixed, Key=key, Body=BODIES[body])

    with pytest.raises(ClientError) as caught:
        ruled_s3.copy_object(
            Bucket=buckets.plain, Key=key, CopySource={"Bucket": buckets.mixed, "Key": key}, **replaced
        )

    assert refused(caught.value) == (403, "AccessDenied")
    assert key not in ruled_on_store.keys(buckets.plain)
    event = ruled_trail.of(caught.value.response["ResponseMetadata"]["RequestId"])
    assert event["errorCode"] == "AccessDenied"


@pytest.mark.parametrize("body", BODIES)
def test_a_rule_may_allow_plaintext_copies(
    *, ruled_s3: Any, raw: Any, buckets: Buckets, key: str, ruled_trail: Trail, body: str
) -> None:
    """To publish something, say. The event tells that it lies in the clear, and under which key it was."""
    plain = BODIES[body]
    ruled_s3.put_object(Bucket=buckets.keyed, Key=key, Body=plain, **SAID)

    copied = ruled_s3.copy_object(
        Bucket=buckets.published, Key=key, CopySource={"Bucket": buckets.keyed, "Key": key}
    )

    stored = raw.get_object(Bucket=buckets.published, Key=key)
    assert stored["Body"].read() == plain
    assert {name: stored[name] for name in SAID} == SAID
    assert "ServerSideEncryption" not in copied
    assert copied["CopyObjectResult"]["ETag"] == stored["ETag"]
    event = ruled_trail.of(request_id(copied))
    assert event["additionalEventData"]["encryptionMode"] == "passthrough"
    assert event["additionalEventData"]["keyArn"]


@pytest.mark.parametrize("body", BODIES)
def test_between_plain_names_the_store_copies(
    *, ruled_s3: Any, raw: Any, buckets: Buckets, key: str, body: str
) -> None:
    ruled_s3.put_object(Bucket=buckets.plain, Key=key, Body=BODIES[body], **SAID)

    copied = ruled_s3.copy_object(
        Bucket=buckets.mixed, Key=f"open/{key}", CopySource={"Bucket": buckets.plain, "Key": key}
    )

    stored = raw.get_object(Bucket=buckets.mixed, Key=f"open/{key}")
    assert stored["Body"].read() == BODIES[body]
    assert {name: stored[name] for name in SAID} == SAID
    assert "ServerSideEncryption" not in copied


def test_within_a_bucket_the_rule_of_each_name_counts(
    *, ruled_s3: Any, buckets: Buckets, key: str, ruled_on_store: AtRest
) -> None:
    """A prefix may be passthrough where the rest of the bucket is sealed."""
    plain = BODIES["small"]
    ruled_s3.put_object(Bucket=buckets.mixed, Key=f"open/{key}", Body=plain)

    ruled_s3.copy_object(
        Bucket=buckets.mixed, Key=key, CopySource={"Bucket": buckets.mixed, "Key": f"open/{key}"}
    )
    with pytest.raises(ClientError) as caught:
        ruled_s3.copy_object(
            Bucket=buckets.mixed, Key=f"open/{key}-2", CopySource={"Bucket": buckets.mixed, "Key": key}
        )

    assert refused(caught.value) == (403, "AccessDenied")
    assert ruled_s3.get_object(Bucket=buckets.mixed, Key=key)["Body"].read() == plain
    ruled_on_store(buckets.mixed, key, plain, opens=False)
