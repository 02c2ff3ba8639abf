"""Checksums of uploads, of both kinds: verified, combined, told, and kept in the object's index."""

import base64
import hashlib
import zlib
from typing import Any

import pytest
from awscrt import checksums as crt
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import refused
from tests.e2e.uploads import SMALLEST, Upload

SIZES = {1: SMALLEST + 1, 2: SMALLEST, 4: 100}
CODES = {"CRC32": 2, "CRC32C": 3, "CRC64NVME": 4, "SHA1": 5, "SHA256": 6}


def digest(algorithm: str, data: bytes) -> bytes:
    if algorithm == "CRC32":
        return zlib.crc32(data).to_bytes(4, "big")
    if algorithm == "CRC32C":
        return crt.crc32c(data).to_bytes(4, "big")
    if algorithm == "CRC64NVME":
        return crt.crc64nvme(data).to_bytes(8, "big")
    return hashlib.new(algorithm.lower(), data).digest()


def told(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.fixture
def wish(key_arn: str) -> dict[str, Any]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_composite_is_made_of_the_parts(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any], algorithm: str
) -> None:
    upload = Upload(s3, bucket, key, ChecksumAlgorithm=algorithm, **wish)
    for number, size in SIZES.items():
        upload.part(number, plaintext(size, number), ChecksumAlgorithm=algorithm)

    done = upload.complete()

    parts = [digest(algorithm, upload.plain[number]) for number in SIZES]
    whole = digest(algorithm, b"".join(parts))
    assert upload.created["ChecksumAlgorithm"] == algorithm
    assert (done[f"Checksum{algorithm}"], done["ChecksumType"]) == (f"{told(whole)}-3", "COMPOSITE")
    sealed = sealed_on_store(bucket, key, upload.whole())
    assert sealed.opened is not None
    assert sealed.opened.index.checksums == {CODES[algorithm] | 0x80: whole}


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_a_full_object_checksum_follows_from_the_parts(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any], algorithm: str
) -> None:
    """Whatever the client says of its parts: we know each one's."""
    upload = Upload(s3, bucket, key, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT", **wish)
    for number, size in SIZES.items():
        upload.part(number, plaintext(size, number))
    whole = digest(algorithm, upload.whole())

    with pytest.raises(ClientError) as caught:
        upload.complete(ChecksumType="FULL_OBJECT", **{f"Checksum{algorithm}": told(bytes(len(whole)))})
    assert refused(caught.value) == (400, "BadDigest")
    done = upload.complete(ChecksumType="FULL_OBJECT", **{f"Checksum{algorithm}": told(whole)})

    assert (done[f"Checksum{algorithm}"], done["ChecksumType"]) == (told(whole), "FULL_OBJECT")
    sealed = sealed_on_store(bucket, key, upload.whole())
    assert sealed.opened is not None
    assert sealed.opened.index.checksums == {CODES[algorithm]: whole}


def test_a_wrong_claim_about_a_part_keeps_it_out(s3: Any, bucket: str, key: str) -> None:
    """Held or streamed: the store must not have it."""
    upload = Upload(s3, bucket, key, ChecksumAlgorithm="SHA256")
    for number, size in ((1, SMALLEST + 9), (2, 9)):
        with pytest.raises(ClientError) as caught:
            upload.part(number, plaintext(size), ChecksumSHA256=told(bytes(32)))
        assert refused(caught.value) == (400, "BadDigest")

    assert s3.list_parts(**upload.name, UploadId=upload.id).get("Parts", []) == []
    upload.abort()


def test_a_wrong_checksum_in_the_list_is_another_part(s3: Any, bucket: str, key: str) -> None:
    upload = Upload(s3, bucket, key, ChecksumAlgorithm="SHA256")
    upload.part(1, b"12345", ChecksumAlgorithm="SHA256")

    with pytest.raises(ClientError) as caught:
        upload.complete_with([upload.listed[1] | {"ChecksumSHA256": told(bytes(32))}])

    assert refused(caught.value) == (400, "InvalidPart")
    upload.complete()


@pytest.mark.parametrize(
    "claim",
    [
        {"ChecksumSHA1": told(bytes(20))},
        {"ChecksumType": "FULL_OBJECT"},
        {"ChecksumType": "FULL_OBJECT", "ChecksumCRC64NVME": told(bytes(8))},
    ],
    ids=str,
)
def test_what_cannot_be_verified_is_not_taken(s3: Any, bucket: str, key: str, claim: dict[str, Any]) -> None:
    """An upload of another algorithm or kind has nothing to hold the claim against."""
    upload = Upload(s3, bucket, key, ChecksumAlgorithm="SHA256")
    upload.part(1, b"12345", ChecksumAlgorithm="SHA256")

    with pytest.raises(ClientError) as caught:
        upload.complete(**claim)

    assert refused(caught.value) == (400, "InvalidRequest")
    upload.abort()


def test_a_condition_on_complete_is_the_stores_to_check(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"first")
    upload = Upload(s3, bucket, key)
    upload.part(1, b"second")

    with pytest.raises(ClientError) as caught:
        upload.complete(IfNoneMatch="*")
    assert refused(caught.value) == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"first"

    upload.complete()
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"second"
