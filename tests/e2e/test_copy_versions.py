"""Copies of versions: an old one onto the current name, of a deleted object, and what is no version."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import refused

OLD, NEW = plaintext(1000, seed=1), plaintext(2000, seed=2)


@pytest.fixture(scope="module")
def versioned(s3: Any, raw: Any) -> str:
    name = f"versioned-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    raw.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def old(s3: Any, versioned: str, key: str) -> str:
    """The id of the first of two versions of `key`."""
    version = str(s3.put_object(Bucket=versioned, Key=key, Body=OLD, Metadata={"v": "1"})["VersionId"])
    s3.put_object(Bucket=versioned, Key=key, Body=NEW, Metadata={"v": "2"})
    return version


def test_an_old_version_comes_back_onto_its_name(
    s3: Any, versioned: str, key: str, old: str, sealed_on_store: AtRest
) -> None:
    """Without any change asked for: that it becomes the current one is the change."""
    copied = s3.copy_object(
        Bucket=versioned, Key=key, CopySource={"Bucket": versioned, "Key": key, "VersionId": old}
    )

    got = s3.get_object(Bucket=versioned, Key=key)
    assert got["Body"].read() == OLD
    assert got["Metadata"] == {"v": "1"}
    assert copied["CopySourceVersionId"] == old
    assert copied["VersionId"] == got["VersionId"] not in {old, ""}
    sealed_on_store(versioned, key, OLD, opens=False)


def test_the_current_version_is_copied_where_none_is_named(
    s3: Any, versioned: str, key: str, old: str
) -> None:
    copied = s3.copy_object(Bucket=versioned, Key=f"{key}-copy", CopySource={"Bucket": versioned, "Key": key})

    assert s3.get_object(Bucket=versioned, Key=f"{key}-copy")["Body"].read() == NEW
    assert copied["CopySourceVersionId"] not in {old, ""}


def test_a_version_of_a_deleted_object_is_copied_and_the_object_is_not(
    s3: Any, versioned: str, key: str, old: str
) -> None:
    s3.delete_object(Bucket=versioned, Key=key)

    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=versioned, Key=f"{key}-no", CopySource={"Bucket": versioned, "Key": key})
    s3.copy_object(
        Bucket=versioned, Key=f"{key}-copy", CopySource={"Bucket": versioned, "Key": key, "VersionId": old}
    )

    assert refused(caught.value) == (404, "NoSuchKey")
    assert s3.get_object(Bucket=versioned, Key=f"{key}-copy")["Body"].read() == OLD


def test_a_version_that_is_none_is_refused(s3: Any, versioned: str, key: str, old: str) -> None:
    source = {"Bucket": versioned, "Key": key, "VersionId": old[:-4] + "0000"}

    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=versioned, Key=f"{key}-copy", CopySource=source)

    assert refused(caught.value) == (404, "NoSuchVersion")
