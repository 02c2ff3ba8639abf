"""Listings of a bucket in which sealed and plain objects lie side by side."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.migrating import Migrating
from tests.e2e.sdk import refused
from tests.faults.relay import Way

# Sizes that a sealed object can have too, and sizes that none has.
AMBIGUOUS = [124, 125, 1000, 65_660, 65_689]
CERTAIN = [0, 1, 123, 65_661, 65_688]
OPERATIONS = ["list_objects", "list_objects_v2", "list_object_versions"]


@pytest.fixture(scope="module")
def sizes(service: Migrating, raw: Any) -> dict[str, int]:
    """What lies in the bucket, by name: the size of its plaintext."""
    found: dict[str, int] = {}
    for size in AMBIGUOUS + CERTAIN:
        raw.put_object(Bucket=service.names.old, Key=f"sizes/plain/{size}", Body=plaintext(size))
        service.s3.put_object(Bucket=service.names.old, Key=f"sizes/sealed/{size}", Body=plaintext(size))
        found |= {f"sizes/plain/{size}": size, f"sizes/sealed/{size}": size}
    return found


def listed(client: Any, operation: str, bucket: str, **parameters: Any) -> dict[str, int]:
    answer = getattr(client, operation)(Bucket=bucket, **parameters)
    return {each["Key"]: each["Size"] for each in answer.get("Contents", answer.get("Versions", []))}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_size_is_the_plaintexts(service: Migrating, sizes: dict[str, int], operation: str) -> None:
    assert listed(service.s3, operation, service.names.old, Prefix="sizes/") == sizes


def test_the_store_is_asked_once_for_what_may_be_either(service: Migrating, raw: Any) -> None:
    """A size that no sealed object has is plain for sure, and what was seen once is known."""
    prefix = f"{uuid.uuid4()}/"
    for size in AMBIGUOUS + CERTAIN:
        raw.put_object(Bucket=service.names.old, Key=f"{prefix}a b/{size}", Body=plaintext(size, seed=2))

    with service.asked() as first:
        listed(service.s3, "list_objects_v2", service.names.old, Prefix=prefix)
    with service.asked() as again:
        listed(service.s3, "list_objects", service.names.old, Prefix=prefix)

    heads = sorted(each for each in first if each.startswith("HEAD"))
    assert heads == sorted(f"HEAD /{service.names.old}/{prefix}a%20b/{size}" for size in AMBIGUOUS)
    assert [each.partition("?")[0] for each in again] == [f"GET /{service.names.old}"]


def test_another_body_under_the_name_is_asked_for_anew(service: Migrating, raw: Any) -> None:
    key = f"{uuid.uuid4()}"
    raw.put_object(Bucket=service.names.old, Key=key, Body=plaintext(1124))
    assert listed(service.s3, "list_objects_v2", service.names.old, Prefix=key) == {key: 1124}

    service.s3.put_object(Bucket=service.names.old, Key=key, Body=plaintext(1000))

    assert raw.head_object(Bucket=service.names.old, Key=key)["ContentLength"] == 1124
    assert listed(service.s3, "list_objects_v2", service.names.old, Prefix=key) == {key: 1000}


def test_versions_are_asked_for_one_by_one(service: Migrating, raw: Any) -> None:
    bucket = service.names.mixed
    raw.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    raw.put_object(Bucket=bucket, Key="old/by-version", Body=plaintext(1124))
    service.s3.put_object(Bucket=bucket, Key="old/by-version", Body=plaintext(1000))
    raw.delete_object(Bucket=bucket, Key="old/by-version")

    found = service.s3.list_object_versions(Bucket=bucket, Prefix="old/by-version")["Versions"]

    assert [each["Size"] for each in found] == [1000, 1124]


def test_each_name_is_shown_by_its_own_rule(service: Migrating, raw: Any) -> None:
    """In one listing of one bucket."""
    bucket, names = service.names.mixed, ("sealed", "old/plain", "old/sealed", "open/plain", "open/copied")
    for key in ("sealed", "old/sealed"):
        service.s3.put_object(Bucket=bucket, Key=key, Body=plaintext(1000))
    for key in ("old/plain", "open/plain"):
        raw.put_object(Bucket=bucket, Key=key, Body=plaintext(1124))
    ciphertext = raw.get_object(Bucket=bucket, Key="sealed")
    raw.put_object(
        Bucket=bucket,
        Key="open/copied",
        Body=ciphertext["Body"].read(),
        Metadata=ciphertext["Metadata"],
    )

    with service.asked() as seen:
        found = listed(service.s3, "list_objects_v2", bucket)

    assert {name: found[name] for name in names} == {
        "sealed": 1000,
        "old/plain": 1124,
        "old/sealed": 1000,
        "open/plain": 1124,
        "open/copied": 1124,
    }
    heads = {each for each in seen if each.startswith("HEAD")}
    assert heads >= {f"HEAD /{bucket}/old/plain", f"HEAD /{bucket}/old/sealed"}
    assert all(each.startswith(f"HEAD /{bucket}/old/") for each in heads)


def test_after_the_last_day_sizes_are_arithmetic_again(service: Migrating, raw: Any) -> None:
    bucket = service.names.over
    raw.put_object(Bucket=bucket, Key="sizes/plain", Body=plaintext(1124))
    service.s3.put_object(Bucket=bucket, Key="sizes/sealed", Body=plaintext(1000))

    with service.asked() as seen:
        found = listed(service.s3, "list_objects_v2", bucket, Prefix="sizes/")

    assert found == {"sizes/plain": 1000, "sizes/sealed": 1000}
    assert not [each for each in seen if each.startswith("HEAD")]


def test_a_store_that_does_not_tell_ends_the_listing(service: Migrating, raw: Any) -> None:
    """A wrong size would make a sync tool copy, or delete."""
    key = f"{uuid.uuid4()}"
    raw.put_object(Bucket=service.names.old, Key=key, Body=plaintext(1124))

    def busy(piece: bytes) -> bytes:
        """In answer to a HEAD, which alone is no XML here."""
        return piece if b"application/xml" in piece else piece.replace(b"1.1 200 OK", b"1.1 503 No", 1)

    with service.relay.trouble(to_proxy=Way(change=busy)), pytest.raises(ClientError) as caught:
        listed(service.s3, "list_objects_v2", service.names.old, Prefix=key)

    assert refused(caught.value)[0] == 503
