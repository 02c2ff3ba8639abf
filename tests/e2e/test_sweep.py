"""`sealgate sweep`, DeleteBucket and versioned buckets: what is kept of uploads is nobody's burden."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.fronts import Front
from tests.e2e.sdk import refused
from tests.e2e.sweeping import swept
from tests.e2e.uploads import Upload
from tests.stores.sealgate import Sealgate, run
from tests.stores.seaweedfs import Store


@pytest.fixture
def fresh(s3: Any) -> str:
    name = f"swept-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


def state_in(raw: Any, bucket: str) -> list[str]:
    listed = raw.list_objects_v2(Bucket=bucket, Prefix=".sealgate/").get("Contents", [])
    return [each["Key"] for each in listed if not each["Key"].endswith("/")]


def orphaned(s3: Any, raw: Any, bucket: str, key: str) -> Upload:
    """An upload that has ended at the store without anybody telling the proxy."""
    upload = Upload(s3, bucket, key)
    upload.part(1, b"12345")
    raw.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload.id.split(".", 2)[2])
    return upload


async def test_state_of_uploads_that_are_over_goes_after_a_day(
    s3: Any, raw: Any, store: Store, fresh: str
) -> None:
    """What is in progress stays, and so does what is young."""
    going_on = Upload(s3, fresh, "going on, é&")
    going_on.part(1, b"abc")
    over = orphaned(s3, raw, fresh, "over")
    kept = state_in(raw, fresh)

    young = await swept(store, fresh, days=0)
    dry = await swept(store, fresh, days=2, dry_run=True)
    assert state_in(raw, fresh) == kept
    done = await swept(store, fresh, days=2)

    assert (young.uploads, young.in_progress, young.too_young, young.removed) == (2, 1, 1, 0)
    assert (dry.removed, dry.objects) == (done.removed, done.objects) == (1, 2)
    assert young.troubles == dry.troubles == done.troubles == []
    left = state_in(raw, fresh)
    assert len(left) == 2
    assert all(name.startswith(going_on.state) for name in left)
    assert not any(name.startswith(over.state) for name in left)
    going_on.complete()
    assert state_in(raw, fresh) == []


async def test_a_record_without_its_upload_record_is_an_orphan(
    s3: Any, raw: Any, store: Store, fresh: str
) -> None:
    """An answer that was lost can leave a part record behind the abort."""
    upload = orphaned(s3, raw, fresh, "k")
    [record] = [name for name in state_in(raw, fresh) if ".upload-" in name]
    raw.delete_object(Bucket=fresh, Key=record)

    done = await swept(store, fresh, days=2)

    assert (done.removed, done.objects) == (1, 1)
    assert not [name for name in state_in(raw, fresh) if name.startswith(upload.state)]


async def test_a_record_that_names_another_upload_is_left_and_told(
    s3: Any, raw: Any, store: Store, fresh: str
) -> None:
    """What the store says of it must not decide about another upload's state."""
    first, second = orphaned(s3, raw, fresh, "first"), Upload(s3, fresh, "second")
    [record] = [name for name in state_in(raw, fresh) if name.startswith(f"{second.state}upload-")]
    [other] = [name for name in state_in(raw, fresh) if name.startswith(f"{first.state}upload-")]
    raw.copy_object(Bucket=fresh, Key=record, CopySource={"Bucket": fresh, "Key": other})

    done = await swept(store, fresh, days=2)

    assert done.removed == 1
    [trouble] = done.troubles
    assert second.state.removeprefix(".sealgate/") in trouble
    assert record in state_in(raw, fresh)


def test_the_command_says_what_it_did(sealgate: Sealgate, s3: Any, raw: Any, fresh: str) -> None:
    """A dry run and a real one; nothing is a day old here."""
    orphaned(s3, raw, fresh, "over")
    config = str(sealgate.directory / "config.yaml")

    said = run("sweep", "--config", config, "--dry-run", f"s3://{fresh}")
    assert said.startswith("1 uploads with state: 0 in progress, 1 over since less than a day, 0 would be")
    said = run("sweep", "--config", config, f"s3://{fresh}")

    assert "0 removed (0 objects)" in said
    assert len(state_in(raw, fresh)) == 2
    assert "is not of the form" in run("sweep", "--config", config, "bucket", check=False)


def test_a_bucket_can_be_deleted_after_an_aborted_upload(s3: Any, fresh: str) -> None:
    upload = Upload(s3, fresh, "k")
    upload.part(1, b"12345")
    upload.abort()

    s3.delete_bucket(Bucket=fresh)

    assert fresh not in [each["Name"] for each in s3.list_buckets()["Buckets"]]


def test_state_is_no_reason_to_keep_a_bucket(juicefs_front: Front) -> None:
    """Of an upload that nobody has ended; but an object is one, and then the state stays.

    (SeaweedFS deletes a bucket whatever is in it.)
    """
    s3, raw, bucket = juicefs_front.s3, juicefs_front.raw, juicefs_front.bucket()
    upload = Upload(s3, bucket, "k")
    upload.part(1, b"12345")
    s3.put_object(Bucket=bucket, Key="z", Body=b"z")

    with pytest.raises(ClientError) as caught:
        s3.delete_bucket(Bucket=bucket)
    assert refused(caught.value) == (409, "BucketNotEmpty")
    assert len(state_in(raw, bucket)) == 2

    s3.delete_object(Bucket=bucket, Key="z")
    s3.delete_bucket(Bucket=bucket)

    with pytest.raises(ClientError):
        raw.head_bucket(Bucket=bucket)


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_a_bucket_with_versions_needs_a_state_bucket(s3: Any, raw: Any, fresh: str, status: str) -> None:
    """Deleted state would stay there as versions."""
    raw.put_bucket_versioning(Bucket=fresh, VersioningConfiguration={"Status": status})

    with pytest.raises(ClientError) as caught:
        s3.create_multipart_upload(Bucket=fresh, Key="k")

    assert refused(caught.value) == (400, "InvalidRequest")
    assert "state bucket" in str(caught.value)
    assert raw.list_multipart_uploads(Bucket=fresh).get("Uploads", []) == []
