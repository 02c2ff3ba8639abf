"""GetObjectAttributes: of the plaintext, whatever the store would say."""

import base64
import zlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.made_parts import ODD, PartsMaker, runs_of
from tests.e2e.ruled import Buckets
from tests.e2e.sdk import refused
from tests.recovery.sealing import M, column

ALL = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
PLAIN = b"of one piece"
CRC32, COMPOSITE = 2, 0x80


def crc32(plain: bytes) -> bytes:
    return zlib.crc32(plain).to_bytes(4, "big")


def text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def test_an_object_in_one_piece_has_size_and_checksum(s3: Any, bucket: str, key: str) -> None:
    put = s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, ChecksumAlgorithm="CRC32")

    found = s3.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=ALL)

    assert found["ETag"] == put["ETag"].strip('"')
    assert found["ObjectSize"] == len(PLAIN)
    assert found["StorageClass"] == "STANDARD"
    assert found["Checksum"] == {"ChecksumCRC32": text(crc32(PLAIN)), "ChecksumType": "FULL_OBJECT"}
    assert "ObjectParts" not in found
    assert found["LastModified"] == s3.head_object(Bucket=bucket, Key=key)["LastModified"]


def test_parts_have_their_plaintexts_sizes_and_checksums(
    s3: Any, make_parts: PartsMaker, bucket: str, key: str
) -> None:
    runs = runs_of({1: M, 2: M, 3: 9})
    of_parts = [crc32(run.plain) for run in runs]
    composite = crc32(b"".join(of_parts))
    more = column(3, bytes([CRC32 | COMPOSITE]) + composite) + column(4, bytes([CRC32]) + b"".join(of_parts))
    make_parts.put(make_parts.made(bucket, key, runs, more_columns=more))

    found = s3.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=ALL)

    assert found["ObjectSize"] == 2 * M + 9
    assert found["Checksum"] == {"ChecksumCRC32": text(composite) + "-3", "ChecksumType": "COMPOSITE"}
    page = found["ObjectParts"]
    assert (page["TotalPartsCount"], page["IsTruncated"], page["MaxParts"]) == (3, False, 1000)
    assert page["Parts"] == [
        {"PartNumber": run.number, "Size": len(run.plain), "ChecksumCRC32": text(digest)}
        for run, digest in zip(runs, of_parts, strict=True)
    ]


def test_parts_are_listed_page_by_page(s3: Any, make_parts: PartsMaker, bucket: str, key: str) -> None:
    make_parts(bucket, key, ODD)
    listed, marker, truncated = [], 0, True
    while truncated:
        page = s3.get_object_attributes(
            Bucket=bucket, Key=key, ObjectAttributes=["ObjectParts"], MaxParts=3, PartNumberMarker=marker
        )["ObjectParts"]
        assert page["PartNumberMarker"] == marker
        assert len(page["Parts"]) <= 3
        listed += page["Parts"]
        marker, truncated = page["NextPartNumberMarker"], page["IsTruncated"]

    assert [(part["PartNumber"], part["Size"]) for part in listed] == list(ODD.items())


def test_only_what_was_asked_for_is_told(s3: Any, make_parts: PartsMaker, bucket: str, key: str) -> None:
    make_parts(bucket, key, {1: 5})

    found = s3.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=["ObjectSize"])

    assert found["ObjectSize"] == 5
    assert not {"ETag", "Checksum", "ObjectParts", "StorageClass"} & found.keys()


def test_what_is_not_there_is_not_found(s3: Any, bucket: str, key: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=ALL)

    assert refused(caught.value) == (404, "NoSuchKey")


def test_a_bucket_that_is_not_there_is_told(s3: Any, key: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.get_object_attributes(Bucket=f"no-{key}", Key=key, ObjectAttributes=["ETag"])

    assert refused(caught.value) == (404, "NoSuchBucket")


def test_an_object_that_is_not_sealed_is_refused_as_a_read_of_it_is(
    s3: Any, raw: Any, bucket: str, key: str
) -> None:
    raw.put_object(Bucket=bucket, Key=key, Body=b"in the clear")

    with pytest.raises(ClientError) as caught:
        s3.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=ALL)

    assert refused(caught.value) == (403, "InvalidObjectState")


def test_in_a_passthrough_bucket_it_is_what_lies_there(ruled_s3: Any, buckets: Buckets, key: str) -> None:
    put = ruled_s3.put_object(Bucket=buckets.plain, Key=key, Body=PLAIN)

    found = ruled_s3.get_object_attributes(Bucket=buckets.plain, Key=key, ObjectAttributes=ALL)

    assert (found["ObjectSize"], found["ETag"]) == (len(PLAIN), put["ETag"].strip('"'))
