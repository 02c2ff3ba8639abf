"""What a bucket's rule changes: the key, the data key's scope, and whether bodies are sealed at all."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from recovery.envelope import Mode
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.ruled import ALIAS, Buckets
from tests.e2e.sdk import refused, request_id
from tests.e2e.trail import Trail

PLAIN = plaintext(1000)
BODIES = {"held": PLAIN, "streamed": plaintext(1024 * 1024 + 1)}


@pytest.mark.parametrize("body", BODIES)
def test_a_rules_key_seals_what_names_none(
    *,
    ruled_s3: Any,
    ruled_kms: Any,
    buckets: Buckets,
    key: str,
    ruled_on_store: AtRest,
    ruled_trail: Trail,
    body: str,
) -> None:
    """As if the client had asked for it, and with a data key of its own where the rule says so."""
    put = ruled_s3.put_object(Bucket=buckets.keyed, Key=key, Body=BODIES[body])

    arn = ruled_kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["Arn"]
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", arn)
    sealed = ruled_on_store(buckets.keyed, key, BODIES[body]).envelope
    assert sealed.flags.mode is Mode.KEY_SERVICE
    assert sealed.flags.data_key_per_object
    assert ruled_s3.get_object(Bucket=buckets.keyed, Key=key)["Body"].read() == BODIES[body]
    details = ruled_trail.of(request_id(put))["additionalEventData"]
    assert (details["keyArn"], details["dataKeyScope"], details["cacheHit"]) == (arn, "object", False)


def test_the_clients_own_choice_goes_before_the_rules(
    *, ruled_s3: Any, ruled_kms: Any, buckets: Buckets, key: str, ruled_on_store: AtRest
) -> None:
    other = ruled_kms.create_key()["KeyMetadata"]["Arn"]
    options = {"Bucket": buckets.keyed, "Key": key, "Body": PLAIN}

    put = ruled_s3.put_object(
        **options, ServerSideEncryption="aws:kms", SSEKMSKeyId=other, BucketKeyEnabled=True
    )
    sealed = ruled_on_store(buckets.keyed, key, PLAIN).envelope
    assert put["SSEKMSKeyId"] == other
    assert not sealed.flags.data_key_per_object

    put = ruled_s3.put_object(**options, ServerSideEncryption="AES256")
    sealed = ruled_on_store(buckets.keyed, key, PLAIN).envelope
    assert put["ServerSideEncryption"] == "AES256"
    assert sealed.flags.mode is Mode.SERVICE_OWNED


@pytest.mark.parametrize("body", [*BODIES, "empty"])
@pytest.mark.parametrize("place", ["bucket", "prefix"])
def test_passthrough_leaves_bodies_as_they_are(
    *, ruled_s3: Any, raw: Any, buckets: Buckets, key: str, ruled_trail: Trail, body: str, place: str
) -> None:
    plain = BODIES.get(body, b"")
    bucket, name = (buckets.plain, key) if place == "bucket" else (buckets.mixed, f"open/{key}")

    put = ruled_s3.put_object(Bucket=bucket, Key=name, Body=plain, Metadata={"a": "b"})

    stored = raw.get_object(Bucket=bucket, Key=name)
    assert stored["Body"].read() == plain
    assert stored["Metadata"] == {"a": "b"}
    assert "ServerSideEncryption" not in put
    got = ruled_s3.get_object(Bucket=bucket, Key=name)
    assert got["Body"].read() == plain
    assert got["Metadata"] == {"a": "b"}
    assert ruled_s3.head_object(Bucket=bucket, Key=name)["ContentLength"] == len(plain)
    [listed] = ruled_s3.list_objects_v2(Bucket=bucket, Prefix=name)["Contents"]
    assert listed["Size"] == len(plain)
    assert ruled_trail.of(request_id(got))["additionalEventData"]["encryptionMode"] == "passthrough"


@pytest.mark.parametrize("wanted", ["bytes=0-0", "bytes=10-", "bytes=-5", "bytes=900-5000"])
def test_passthrough_ranges_are_the_stores(
    *, ruled_s3: Any, raw: Any, buckets: Buckets, key: str, wanted: str
) -> None:
    ruled_s3.put_object(Bucket=buckets.plain, Key=key, Body=PLAIN)

    ours, theirs = (each.get_object(Bucket=buckets.plain, Key=key, Range=wanted) for each in (ruled_s3, raw))
    assert ours["Body"].read() == theirs["Body"].read()
    assert ours["ContentRange"] == theirs["ContentRange"]


def test_beside_a_passthrough_prefix_everything_is_sealed(
    ruled_s3: Any, buckets: Buckets, key: str, ruled_on_store: AtRest
) -> None:
    for name in (key, f"opener/{key}", f"x/open/{key}"):
        ruled_s3.put_object(Bucket=buckets.mixed, Key=name, Body=PLAIN)

        ruled_on_store(buckets.mixed, name, PLAIN)


PLAIN_SIZES = [0, 1, 123, 124, 125, 65_660, 70_000]
"""Some of them are sizes that sealed objects have."""


@pytest.mark.parametrize("size", PLAIN_SIZES)
def test_what_is_not_sealed_is_not_read(
    *, s3: Any, raw: Any, bucket: str, key: str, trail: Trail, size: int
) -> None:
    """A store could else take the envelope off, or bring an object of its own."""
    raw.put_object(Bucket=bucket, Key=key, Body=plaintext(size))

    for more in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=-9"}):
        if size == 0 and more:
            continue  # the bare store's own 416
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=bucket, Key=key, **more)
        assert refused(caught.value) == (403, "InvalidObjectState")
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket=bucket, Key=key)
    assert refused(caught.value) == (403, "403")
    event = trail.of(caught.value.response["ResponseMetadata"]["RequestId"])
    assert event["errorCode"] == "InvalidObjectState"


def test_a_sealed_object_that_lost_its_envelope_is_a_violation(
    *, s3: Any, raw: Any, bucket: str, key: str, sealed_on_store: AtRest, trail: Trail
) -> None:
    """Its end tells that it was sealed once."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)
    raw.put_object(Bucket=bucket, Key=key, Body=sealed_on_store(bucket, key, PLAIN).body)

    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key=key)

    assert refused(caught.value) == (403, "InvalidObjectState")
    event = trail.of(caught.value.response["ResponseMetadata"]["RequestId"])
    assert "envelope" in event["additionalEventData"]["integrityViolation"]


def test_folder_markers_hold_nothing_and_are_not_sealed(s3: Any, raw: Any, bucket: str, key: str) -> None:
    """A name that ends in a slash, with no body: some stores would drop it anyway."""
    name = f"{key}/"
    s3.put_object(Bucket=bucket, Key=name, Body=b"")

    assert raw.head_object(Bucket=bucket, Key=name)["ContentLength"] == 0
    got = s3.get_object(Bucket=bucket, Key=name)
    assert (got["ContentLength"], got["Body"].read()) == (0, b"")
    assert s3.head_object(Bucket=bucket, Key=name)["ContentLength"] == 0
    assert name in {each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    s3.delete_object(Bucket=bucket, Key=name)


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_the_store_would_drop_is_refused(
    s3: Any, bucket: str, key: str, sealed_on_store: AtRest, body: str
) -> None:
    """SeaweedFS answers success and keeps nothing: then a client would believe its bytes to be safe."""
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key=f"{key}/", Body=BODIES[body])

    assert refused(caught.value) == (400, "InvalidRequest")
    assert f"{key}/" not in sealed_on_store.keys(bucket)


@pytest.mark.parametrize("wanted", ["bytes=0-", "bytes=0-4", "bytes=7-9", "bytes=-1"])
@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_no_range_of_a_folder_marker_holds_a_byte(
    s3: Any, bucket: str, key: str, operation: str, wanted: str
) -> None:
    s3.put_object(Bucket=bucket, Key=f"{key}/", Body=b"")

    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(Bucket=bucket, Key=f"{key}/", Range=wanted)

    assert refused(caught.value)[0] == 416


@pytest.mark.parametrize("place", ["bucket", "prefix"])
def test_passthrough_drops_no_wish_for_encryption(
    *, ruled_s3: Any, raw: Any, buckets: Buckets, key: str, place: str
) -> None:
    """This store cannot do it: so the write fails as it does there, and leaves nothing in the clear."""
    bucket, name = (buckets.plain, key) if place == "bucket" else (buckets.mixed, f"open/{key}")
    options = {"Bucket": bucket, "Key": name, "ServerSideEncryption": "AES256"}
    writes: tuple[Callable[[Any], Any], ...] = (
        lambda s3: s3.put_object(**options, Body=PLAIN),
        lambda s3: s3.create_multipart_upload(**options),
    )
    for write in writes:
        for s3 in (raw, ruled_s3):
            with pytest.raises(ClientError) as caught:
                write(s3)
            assert refused(caught.value)[0] >= 500
    assert "Contents" not in raw.list_objects_v2(Bucket=bucket, Prefix=name)
