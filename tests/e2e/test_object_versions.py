"""Versions: each is read, tagged and deleted for itself; a deletion leaves a marker, and that is told."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.sdk import refused, request_id
from tests.e2e.trail import Trail

OLD, NEW = plaintext(3000), plaintext(70_000)


@pytest.fixture(scope="module")
def kept(s3: Any) -> str:
    """A bucket that keeps versions."""
    name = f"kept-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def two(s3: Any, kept: str, key: str) -> tuple[str, str]:
    """The ids of two versions of the test's key."""
    old, new = (s3.put_object(Bucket=kept, Key=key, Body=body)["VersionId"] for body in (OLD, NEW))
    return old, new


def test_each_version_is_read_for_itself(
    *, s3: Any, kept: str, key: str, two: tuple[str, str], trail: Trail
) -> None:
    for version, plain in zip(two, (OLD, NEW), strict=True):
        named = {"Bucket": kept, "Key": key, "VersionId": version}
        got = s3.get_object(**named)
        assert (got["VersionId"], got["Body"].read()) == (version, plain)
        ranged = s3.get_object(**named, Range="bytes=-5")
        assert ranged["Body"].read() == plain[-5:]
        head = s3.head_object(**named)
        assert (head["VersionId"], head["ContentLength"]) == (version, len(plain))
        assert trail.of(request_id(got))["requestParameters"]["versionId"] == version
    assert s3.get_object(Bucket=kept, Key=key)["VersionId"] == two[1]


def test_a_deletion_leaves_a_marker_and_the_marker_can_go(
    *, s3: Any, kept: str, key: str, two: tuple[str, str]
) -> None:
    gone = s3.delete_object(Bucket=kept, Key=key)
    assert gone["DeleteMarker"] is True
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=kept, Key=key)
    assert refused(caught.value) == (404, "NoSuchKey")
    assert s3.get_object(Bucket=kept, Key=key, VersionId=two[0])["Body"].read() == OLD

    undone = s3.delete_object(Bucket=kept, Key=key, VersionId=gone["VersionId"])

    assert (undone["DeleteMarker"], undone["VersionId"]) == (True, gone["VersionId"])
    assert s3.get_object(Bucket=kept, Key=key)["Body"].read() == NEW


def test_a_version_is_deleted_for_good(s3: Any, kept: str, key: str, two: tuple[str, str]) -> None:
    s3.delete_object(Bucket=kept, Key=key, VersionId=two[1])

    assert s3.get_object(Bucket=kept, Key=key)["VersionId"] == two[0]
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=kept, Key=key, VersionId=two[1])
    assert refused(caught.value) == (404, "NoSuchVersion")


def test_many_versions_are_deleted_at_once(s3: Any, kept: str, key: str, two: tuple[str, str]) -> None:
    """A name without a version gets a marker, and the answer says which."""
    wish = [
        {"Key": key, "VersionId": two[0]},
        {"Key": key},
        {"Key": f"{key}-never-there", "VersionId": "nope"},
    ]

    done = s3.delete_objects(Bucket=kept, Delete={"Objects": wish})

    told = {each.get("VersionId", ""): each for each in done["Deleted"] if each["Key"] == key}
    assert two[0] in told
    assert told[""]["DeleteMarker"] is True
    marker = told[""]["DeleteMarkerVersionId"]
    s3.delete_object(Bucket=kept, Key=key, VersionId=marker)
    assert s3.get_object(Bucket=kept, Key=key)["VersionId"] == two[1]


def test_tags_and_acl_are_a_version_s_own(s3: Any, kept: str, key: str, two: tuple[str, str]) -> None:
    tags = [{"Key": "which", "Value": "old"}]
    s3.put_object_tagging(Bucket=kept, Key=key, VersionId=two[0], Tagging={"TagSet": tags})

    told = {
        version: s3.get_object_tagging(Bucket=kept, Key=key, VersionId=version)["TagSet"] for version in two
    }

    assert told == {two[0]: tags, two[1]: []}
    assert s3.get_object_acl(Bucket=kept, Key=key, VersionId=two[0])["Grants"]
    s3.delete_object_tagging(Bucket=kept, Key=key, VersionId=two[0])
    assert s3.get_object_tagging(Bucket=kept, Key=key, VersionId=two[0])["TagSet"] == []
    assert s3.get_object(Bucket=kept, Key=key, VersionId=two[0])["Body"].read() == OLD


@pytest.mark.parametrize("right", [True, False])
def test_a_conditional_deletion(s3: Any, bucket: str, key: str, *, right: bool) -> None:
    etag = s3.put_object(Bucket=bucket, Key=key, Body=OLD)["ETag"]
    condition = etag if right else f'"{"0" * 32}"'

    refusals = []
    try:
        s3.delete_object(Bucket=bucket, Key=key, IfMatch=condition)
    except ClientError as error:
        refusals.append(refused(error))

    assert refusals == ([] if right else [(412, "PreconditionFailed")])
    assert _is_there(s3, bucket, key) is not right


@pytest.mark.parametrize("right", [True, False])
def test_conditional_deletions_among_many(s3: Any, bucket: str, key: str, *, right: bool) -> None:
    etag = s3.put_object(Bucket=bucket, Key=key, Body=OLD)["ETag"]
    s3.put_object(Bucket=bucket, Key=f"{key}-other", Body=OLD)
    condition = etag if right else f'"{"0" * 32}"'
    wish = [{"Key": key, "ETag": condition}, {"Key": f"{key}-other"}]

    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": wish})

    failed = [(each["Key"], each["Code"]) for each in done.get("Errors", [])]
    assert failed == ([] if right else [(key, "PreconditionFailed")])
    assert _is_there(s3, bucket, key) is not right
    assert not _is_there(s3, bucket, f"{key}-other")


@pytest.mark.parametrize("condition", [{"IfMatchSize": 3000}, {"IfMatchLastModifiedTime": 0}])
def test_conditions_of_directory_buckets_are_refused(
    s3: Any, bucket: str, key: str, condition: dict[str, Any]
) -> None:
    """This store would not look at them, and delete."""
    s3.put_object(Bucket=bucket, Key=key, Body=OLD)

    with pytest.raises(ClientError) as caught:
        s3.delete_object(Bucket=bucket, Key=key, **condition)

    assert refused(caught.value) == (501, "NotImplemented")
    among = {"Size": 3000} if "IfMatchSize" in condition else {"LastModifiedTime": 0}
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key, **among}]})
    assert [each["Code"] for each in done["Errors"]] == ["NotImplemented"]
    assert _is_there(s3, bucket, key)


def _is_there(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True
