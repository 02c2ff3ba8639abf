"""ListObjectVersions, and sizes of what was moved about behind the proxy's back."""

import itertools
import uuid
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext

SIZES = (0, 1, 65_537)
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def versioned(s3: Any, raw: Any) -> str:
    """Three keys with three versions each, and a delete marker on one of them."""
    name = f"versioned-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    raw.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "b/c", "d e"):
        for size in SIZES:
            s3.put_object(Bucket=name, Key=key, Body=plaintext(size))
    s3.delete_object(Bucket=name, Key="b/c")
    return name


def test_every_version_has_its_plaintexts_size(s3: Any, versioned: str) -> None:
    found = s3.list_object_versions(Bucket=versioned)

    for key in ("a", "b/c", "d e"):
        sizes = [each["Size"] for each in found["Versions"] if each["Key"] == key]
        assert sizes == list(reversed(SIZES))
    [marker] = found["DeleteMarkers"]
    assert (marker["Key"], marker["IsLatest"], "Size" in marker) == ("b/c", True, False)


def test_a_listed_version_is_read_by_its_id(s3: Any, versioned: str) -> None:
    for each in s3.list_object_versions(Bucket=versioned, Prefix="a")["Versions"]:
        got = s3.get_object(Bucket=versioned, Key="a", VersionId=each["VersionId"])
        assert got["Body"].read() == plaintext(each["Size"])
        assert got["ETag"] == each["ETag"]


@pytest.mark.parametrize(
    "parameters",
    [{}, {"Prefix": "b/"}, {"Delimiter": "/"}, {"MaxKeys": 2}, {"MaxKeys": 0}, {"KeyMarker": "a"}],
    ids=str,
)
def test_versions_are_the_stores_but_for_the_sizes(
    s3: Any, raw: Any, versioned: str, parameters: dict[str, Any]
) -> None:
    ours, theirs = (each.list_object_versions(Bucket=versioned, **parameters) for each in (s3, raw))

    for answer in (ours, theirs):
        del answer["ResponseMetadata"]
        for each in answer.get("Versions", []):
            del each["Size"]
    assert ours == theirs


@pytest.mark.parametrize("page", [1, 2, 5])
def test_pages_of_versions_together_are_the_whole(s3: Any, versioned: str, page: int) -> None:
    whole = s3.list_object_versions(Bucket=versioned)
    pages = list(
        s3.get_paginator("list_object_versions").paginate(
            Bucket=versioned, PaginationConfig={"PageSize": page}
        )
    )

    for kind in ("Versions", "DeleteMarkers"):
        found = [each["VersionId"] for answer in pages for each in answer.get(kind, [])]
        assert found == [each["VersionId"] for each in whole[kind]]


def test_a_body_that_another_tool_copied_in_other_parts_has_its_size(
    s3: Any, raw: Any, bucket: str, key: str
) -> None:
    """Whoever copies a bucket by multipart upload, metadata and all, changes no size."""
    plain = plaintext(11 * MIB + 1)
    s3.put_object(Bucket=bucket, Key=key, Body=plain)
    stored = raw.get_object(Bucket=bucket, Key=key)
    body = stored["Body"].read()
    upload = {"Bucket": bucket, "Key": f"{key}-copied"}
    upload["UploadId"] = raw.create_multipart_upload(**upload, Metadata=stored["Metadata"])["UploadId"]
    cuts = [0, 6 * MIB + 5, len(body)]
    parts = [
        {"PartNumber": n, "ETag": raw.upload_part(**upload, PartNumber=n, Body=body[first:end])["ETag"]}
        for n, (first, end) in enumerate(itertools.pairwise(cuts), 1)
    ]
    raw.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})

    found = s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]

    assert [each["Size"] for each in found] == [len(plain), len(plain)]


def test_a_multipart_object_has_its_size(s3: Any, bucket: str, key: str) -> None:
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    sizes = [5 * MIB + 3, 5 * MIB, 17]
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**upload, PartNumber=n, Body=plaintext(size))["ETag"]}
        for n, size in enumerate(sizes, 1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})

    [listed] = s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]

    assert listed["Size"] == sum(sizes)
