"""Copies of multipart objects: the parts stay what they are, or are read through where a body must be new."""

from typing import Any

import pytest

from proxy.seal.envelope import read_envelope
from recovery.open import open_object
from tests.e2e.at_rest import AtRest
from tests.e2e.made_parts import ODD, PartsMaker
from tests.recovery.sealing import M

SMALL = {2: M, 7: 0}


@pytest.mark.parametrize("sizes", [ODD, SMALL], ids=["odd", "small"])
def test_a_copy_keeps_its_parts(
    *,
    s3: Any,
    raw: Any,
    bucket: str,
    key: str,
    key_arn: str,
    make_parts: PartsMaker,
    sealed_on_store: AtRest,
    sizes: dict[int, int],
) -> None:
    """The store copies the body; the index in it holds for the new envelope, since the content key stays."""
    made = make_parts(bucket, key, sizes)

    copied = s3.copy_object(
        Bucket=bucket, Key=f"{key}-copy", CopySource={"Bucket": bucket, "Key": key},
        ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn,
    )  # fmt: skip

    stored = raw.get_object(Bucket=bucket, Key=f"{key}-copy")
    body, header = stored["Body"].read(), stored["Metadata"]["sealgate"]
    assert body == made.body
    new, old = read_envelope(header), read_envelope(made.header)
    assert (new.multipart, new.upload_tag) == (True, old.upload_tag)
    opened = open_object(
        body, header, bucket=bucket, key=f"{key}-copy".encode(), unwrap=sealed_on_store.unwrap
    )
    assert b"".join(opened.plaintext()) == made.plain
    got = s3.get_object(Bucket=bucket, Key=f"{key}-copy")
    assert got["Body"].read() == made.plain
    assert (got["ETag"], got["Metadata"]) == (copied["CopyObjectResult"]["ETag"], {"color": "blue"})
    part = s3.head_object(Bucket=bucket, Key=f"{key}-copy", PartNumber=max(sizes))
    assert (part["PartsCount"], part["ContentLength"]) == (len(sizes), sizes[max(sizes)])


def test_a_new_checksum_makes_it_one_part(
    *,
    s3: Any,
    bucket: str,
    key: str,
    key_arn: str,
    make_parts: PartsMaker,
    sealed_on_store: AtRest,
) -> None:
    """As a copy on S3 is; the parts are read through."""
    made = make_parts(bucket, key, SMALL)
    put = s3.put_object(Bucket=bucket, Key=f"{key}-same", Body=made.plain, ChecksumAlgorithm="CRC32C")

    copied = s3.copy_object(
        Bucket=bucket, Key=f"{key}-copy", CopySource={"Bucket": bucket, "Key": key},
        ChecksumAlgorithm="CRC32C", ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn,
    )  # fmt: skip

    assert copied["CopyObjectResult"]["ChecksumCRC32C"] == put["ChecksumCRC32C"]
    assert s3.get_object(Bucket=bucket, Key=f"{key}-copy")["Body"].read() == made.plain
    stored = sealed_on_store(bucket, f"{key}-copy", made.plain)
    assert not read_envelope(stored.head["Metadata"]["sealgate"]).multipart


@pytest.mark.parametrize(
    "asked",
    [None, (0, 0), (M - 1, M), (M, 2 * M), (2 * M - 70_000, 3 * M + 5), (-12_346, -1), (-1, -1)],
    ids=str,
)
def test_a_range_across_parts_becomes_a_part(
    *,
    s3: Any,
    bucket: str,
    key: str,
    key_arn: str,
    make_parts: PartsMaker,
    sealed_on_store: AtRest,
    asked: tuple[int, int] | None,
) -> None:
    """Parts' borders of the source lie where they like, inside segments of the new part."""
    made = make_parts(bucket, key, {3: M + 1, 4: M, 9: M + 65_535, 10: 12_345})
    plain, ranged = made.plain, {}
    if asked:
        first, last = (place % len(plain) for place in asked)
        plain, ranged = plain[first : last + 1], {"CopySourceRange": f"bytes={first}-{last}"}
    name = {"Bucket": bucket, "Key": f"{key}-copy"}
    upload = s3.create_multipart_upload(**name, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn)
    part = {**name, "UploadId": upload["UploadId"]}

    copied = s3.upload_part_copy(**part, PartNumber=1, CopySource={"Bucket": bucket, "Key": key}, **ranged)
    listed = [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": listed})

    assert s3.get_object(**name)["Body"].read() == plain
    if len(plain) < 100_000:  # larger ones take long to search
        sealed_on_store(bucket, f"{key}-copy", plain)
