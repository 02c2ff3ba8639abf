"""`sealgate inventory`, and what `sealgate keys delete` says and refuses by it."""

import datetime as dt
import json
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest

from proxy.cli.inventory import key_version_of
from proxy.jobs.inventory.counts import BucketCount
from proxy.jobs.inventory.walk import Walk
from tests.e2e.fronts import Front
from tests.e2e.sweeping import upstream_to
from tests.e2e.uploads import Upload
from tests.stores.sealgate import Sealgate, run
from tests.stores.seaweedfs import Store

UNTIL = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=1)
TOLD_UNTIL = UNTIL.strftime("%Y-%m-%dT%H:%M:%SZ")


class Commands:
    """Of a running service, whose store is asked behind its back."""

    def __init__(self, service: Sealgate) -> None:
        self._config = str(service.directory / "config.yaml")
        self.file: Path = service.directory / "inventory.json"

    def inventory(self, *words: str) -> dict[str, Any]:
        told = json.loads(run("inventory", "--config", self._config, "--output", "json", *words))
        return {each["bucket"]: each for each in told["buckets"]}

    def keys(self, *words: str) -> str:
        return run("keys", *words, "--config", self._config, "--identity", "alice", check=False)


@pytest.fixture(scope="module")
def commands(sealgate: Sealgate) -> Commands:
    return Commands(sealgate)


def sse(key: str) -> dict[str, str]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}


def test_what_a_key_seals_is_counted_and_what_is_locked_is_spared(
    *, s3: Any, kms: Any, raw: Any, commands: Commands
) -> None:
    """Two keys, one with a locked version: its deletion takes a flag, whatever else is said."""
    locked, free = (str(kms.create_key()["KeyMetadata"]["Arn"]) for _ in range(2))
    bucket = f"counted-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    for body in (b"first", b"second one"):
        s3.put_object(Bucket=bucket, Key="a b/ä", Body=body, **sse(locked))
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": UNTIL}
    s3.put_object(Bucket=bucket, Key="kept", Body=b"kept", **lock, **sse(locked))
    s3.put_object(Bucket=bucket, Key="free", Body=b"f" * 100_000, **sse(free))
    s3.put_object(
        Bucket=bucket, Key="two layers", Body=b"", ServerSideEncryption="aws:kms:dsse", SSEKMSKeyId=free
    )
    s3.put_object(Bucket=bucket, Key="gone", Body=b"g", **sse(free))
    s3.delete_object(Bucket=bucket, Key="gone")
    raw.put_object(Bucket=bucket, Key="plain", Body=b"plain")
    raw.put_object(Bucket=bucket, Key="nonsense", Body=b"n", Metadata={"sealgate": "1.nonsense"})

    counted = commands.inventory(f"s3://{bucket}")[bucket]
    refused = commands.keys("delete", locked, "--yes", "--output", "json")
    spared = kms.describe_key(KeyId=locked)["KeyMetadata"]["KeyState"]
    deleted = commands.keys("delete", free, "--yes")
    insisted = commands.keys("delete", locked, "--yes", "--also-locked")

    assert stat.S_IMODE(commands.file.stat().st_mode) == 0o600
    under, other = counted["keys"][locked], counted["keys"][free]
    assert (under["objects"], under["versions"], under["plain_bytes"]) == (2, 3, 19)
    assert (under["locked"], under["governance"], under["locked_until"]) == (1, 1, TOLD_UNTIL)
    assert under["key_versions"] == {"1": 3}
    assert (other["objects"], other["versions"], other["plain_bytes"], other["locked"]) == (3, 3, 100_001, 0)
    assert len(counted["keys"]) == 3, "the outer layer's key, too"
    assert (counted["plain"], counted["unreadable"], counted["not_shown"]) == (1, 1, 0)
    assert counted["uploads"] == 0
    assert f"2 objects (3 versions, 19 bytes) in bucket {bucket} become unreadable" in refused
    assert f"1 of its objects' versions are locked until {TOLD_UNTIL}: give --also-locked" in refused
    assert spared == "Enabled"
    assert f"3 objects (3 versions, 97.7 KiB) in bucket {bucket} become unreadable" in deleted
    assert "PendingDeletion" in deleted
    assert "PendingDeletion" in insisted


def test_without_an_inventory_of_a_bucket_the_old_one_stays(
    *, s3: Any, commands: Commands, key_arn: str
) -> None:
    """A bucket that is named takes the place of its own figures alone."""
    buckets = [f"counted-{uuid.uuid4()}" for _ in range(2)]
    for bucket in buckets:
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=b"k", **sse(key_arn))
    commands.inventory(*(f"s3://{bucket}" for bucket in buckets))
    for bucket in buckets:
        s3.put_object(Bucket=bucket, Key="l", Body=b"l", **sse(key_arn))
    counted = commands.inventory(f"s3://{buckets[0]}")

    assert [counted[bucket]["keys"][key_arn]["objects"] for bucket in buckets] == [2, 1]
    assert commands.inventory("--last") == counted


def test_each_store_is_walked(front: Front) -> None:
    """Also one that has no versions; what the proxy keeps for itself is not among the objects."""
    bucket, commands = front.bucket(), Commands(front.gate)
    for number in range(3):
        front.put(bucket, f"object {number}", b"abc")
    Upload(front.s3, bucket, "in progress").part(1, b"12345")

    counted = commands.inventory(f"s3://{bucket}")[bucket]

    under = counted["keys"][front.key_arn]
    assert (under["objects"], under["versions"], under["plain_bytes"]) == (3, 3, 9)
    assert (counted["plain"], counted["unreadable"], counted["not_shown"]) == (0, 0, 0)
    assert counted["uploads"] == 1


async def test_pages_together_are_the_whole(*, s3: Any, store: Store, key_arn: str) -> None:
    """A name whose versions lie on two pages is one object."""
    bucket = f"counted-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for name in ("a", "b c/ü&", "b c/ü&", "b c/ü&", "d"):
        s3.put_object(Bucket=bucket, Key=name, Body=b"abc", **sse(key_arn))
    s3.delete_object(Bucket=bucket, Key="d")

    for page_size in (1, 2, 3):
        under = (await counted(store, bucket, page_size=page_size)).keys[key_arn]
        assert (under.objects, under.versions, under.plain_bytes) == (3, 5, 15)


async def counted(store: Store, bucket: str, *, page_size: int) -> BucketCount:
    upstream = upstream_to(store)
    walk = Walk(
        upstream=upstream,
        name="store",
        key_version_of=key_version_of,
        now=lambda: dt.datetime.now(dt.UTC),
        at_once=4,
        progress=lambda _, __: None,
        page_size=page_size,
    )
    try:
        return await walk.count(bucket, lambda _: True)
    finally:
        await upstream.aclose()
