"""Which names and keys an envelope may bear: objects sealed for another bucket, keys the store brings."""

import io
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.made_parts import PartsMaker
from tests.e2e.own_keys import OWN
from tests.e2e.ruled import ALIAS, Buckets
from tests.e2e.sdk import client, refused, request_id
from tests.e2e.trail import Trail
from tests.stores.sealgate import MALLORY, Sealgate

MIB = 1024 * 1024
PLAIN = plaintext(70_000)
IN_PARTS = plaintext(9 * MIB)
DAMAGED = (403, "InvalidObjectState")
WAYS: dict[str, dict[str, Any]] = {
    "owned": {},
    "kms": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": ALIAS},
    "kms for each object": {
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": ALIAS,
        "BucketKeyEnabled": False,
    },
    "two layers": {"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": ALIAS},
    "own key": OWN.wish,
}


def replicate(raw: Any, source: str, target: str, key: str) -> None:
    """As a store replicates, or a tool restores: body and metadata, byte for byte."""
    raw.copy_object(Bucket=target, Key=key, CopySource={"Bucket": source, "Key": key})


@pytest.mark.parametrize("way", WAYS)
def test_a_replica_under_another_name_opens(
    *, ruled_s3: Any, raw: Any, buckets: Buckets, key: str, way: str
) -> None:
    """Whole, by range, by its head, in the listing, and as a copy's source: the rule lists its old name."""
    read = OWN.wish if way == "own key" else {}
    ruled_s3.put_object(Bucket=buckets.mixed, Key=key, Body=PLAIN, **WAYS[way])
    replicate(raw, buckets.mixed, buckets.replica, key)
    place = {"Bucket": buckets.replica, "Key": key}

    got = ruled_s3.get_object(**place, **read)

    assert got["Body"].read() == PLAIN
    assert ruled_s3.get_object(**place, **read, Range="bytes=-5")["Body"].read() == PLAIN[-5:]
    assert ruled_s3.head_object(**place, **read)["ContentLength"] == len(PLAIN)
    [listed] = ruled_s3.list_objects_v2(Bucket=buckets.replica, Prefix=key)["Contents"]
    assert listed["Size"] == len(PLAIN)
    of_source = OWN.of_source if way == "own key" else {}
    ruled_s3.copy_object(Bucket=buckets.keyed, Key=key, CopySource=place, **of_source)
    assert ruled_s3.get_object(Bucket=buckets.keyed, Key=key)["Body"].read() == PLAIN


def test_a_replica_in_parts_opens_and_is_overwritten_under_its_new_name(
    *, ruled_s3: Any, raw: Any, buckets: Buckets, key: str, ruled_on_store: AtRest
) -> None:
    """Sealed anew, it is bound to the bucket where it lies."""
    ruled_s3.upload_fileobj(io.BytesIO(IN_PARTS), buckets.keyed, key)
    body = raw.get_object(Bucket=buckets.keyed, Key=key)
    raw.put_object(Bucket=buckets.replica, Key=key, Body=body["Body"].read(), Metadata=body["Metadata"])
    place = {"Bucket": buckets.replica, "Key": key}

    assert ruled_s3.get_object(**place)["Body"].read() == IN_PARTS
    assert (
        ruled_s3.get_object(**place, Range="bytes=8388600-8388700")["Body"].read()
        == IN_PARTS[8388600:8388701]
    )
    ruled_s3.copy_object(**place, CopySource=place, MetadataDirective="REPLACE")
    assert ruled_s3.get_object(**place)["Body"].read() == IN_PARTS
    wish = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": ALIAS}
    ruled_s3.put_object(**place, Body=PLAIN, **wish)
    ruled_on_store(buckets.replica, key, PLAIN)


@pytest.mark.parametrize("target", ["floored", "doubled", "keyed"])
def test_elsewhere_it_is_another_bucket_s_object(
    *, ruled_s3: Any, raw: Any, buckets: Buckets, key: str, ruled_trail: Trail, target: str
) -> None:
    """A store that moves an object is found out, though the key would open it."""
    ruled_s3.put_object(Bucket=buckets.mixed, Key=key, Body=PLAIN, **WAYS["kms"])
    replicate(raw, buckets.mixed, getattr(buckets, target), key)

    with pytest.raises(ClientError) as caught:
        ruled_s3.get_object(Bucket=getattr(buckets, target), Key=key)

    assert refused(caught.value) == DAMAGED
    details = ruled_trail.of(request_id(caught.value.response))["additionalEventData"]
    assert details["integrityViolation"]


def test_a_replica_s_key_is_its_own_still(ruled_s3: Any, raw: Any, buckets: Buckets, key: str) -> None:
    """Another bucket's name is accepted, another object's is not; nor a chain of names."""
    ruled_s3.put_object(Bucket=buckets.mixed, Key=key, Body=PLAIN)
    raw.copy_object(Bucket=buckets.replica, Key=f"{key}-2", CopySource={"Bucket": buckets.mixed, "Key": key})
    ruled_s3.put_object(Bucket=buckets.replica, Key=key, Body=PLAIN)
    replicate(raw, buckets.replica, buckets.mixed, key)

    for place in ({"Bucket": buckets.replica, "Key": f"{key}-2"}, {"Bucket": buckets.mixed, "Key": key}):
        with pytest.raises(ClientError) as caught:
            ruled_s3.get_object(**place)
        assert refused(caught.value) == DAMAGED


@pytest.fixture(scope="module")
def hers(ruled: Sealgate, raw: Any) -> Iterator[PartsMaker]:
    """Makes objects under a good key of another account, behind the proxy's back."""
    with client("kms", ruled.kms_url, MALLORY) as kms:
        yield PartsMaker(raw, kms, str(kms.create_key()["KeyMetadata"]["Arn"]))


def test_a_key_that_the_store_brings_is_refused(
    *, ruled: Sealgate, ruled_s3: Any, buckets: Buckets, hers: PartsMaker, ruled_trail: Trail
) -> None:
    """Though it is well made, under a key that the key service opens for whoever asks here.

    Where the rule says nothing of keys, the same object opens: so it is `keys:` that refuses it.
    """
    planted, plain = f"planted-{uuid.uuid4()}", hers(buckets.mixed, f"open-{uuid.uuid4()}", {1: 1000})
    hers(buckets.guarded, planted, {1: 1000})

    with client("s3", ruled.url, MALLORY) as s3:
        assert s3.get_object(Bucket=buckets.mixed, Key=plain.key)["Body"].read() == plain.plain
        for who in (s3, ruled_s3):
            for asked in ({}, {"Range": "bytes=0-9"}):
                with pytest.raises(ClientError) as caught:
                    who.get_object(Bucket=buckets.guarded, Key=planted, **asked)
                assert refused(caught.value) == (403, "AccessDenied")
                details = ruled_trail.of(request_id(caught.value.response))["additionalEventData"]
                assert "does not accept the key" in details["integrityViolation"]


def test_a_client_brings_no_other_key_either(
    *, ruled: Sealgate, raw: Any, buckets: Buckets, hers: PartsMaker, key: str
) -> None:
    """A write under a key that the rule leaves out, or under the service's own, leaves nothing."""
    with client("s3", ruled.url, MALLORY) as s3:
        for wish in (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": hers.key_arn},
            {"ServerSideEncryption": "AES256"},
        ):
            with pytest.raises(ClientError) as caught:
                s3.put_object(Bucket=buckets.guarded, Key=key, Body=PLAIN, **wish)
            assert refused(caught.value) == (403, "AccessDenied")

    assert raw.list_objects_v2(Bucket=buckets.guarded, Prefix=key)["KeyCount"] == 0


def test_a_guarded_bucket_takes_its_own_keys(
    ruled_s3: Any, buckets: Buckets, key: str, ruled_on_store: AtRest
) -> None:
    ruled_s3.put_object(Bucket=buckets.guarded, Key=key, Body=PLAIN)

    ruled_on_store(buckets.guarded, key, PLAIN)
    assert ruled_s3.get_object(Bucket=buckets.guarded, Key=key)["Body"].read() == PLAIN
