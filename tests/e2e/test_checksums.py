"""Checksums that clients send are proven, kept sealed, and told again to whoever asks."""

import base64
import hashlib
import zlib
from typing import Any

import pytest
from awscrt import checksums as crt
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import client, refused
from tests.e2e.wire import SIGNED_CHUNKS_TRAILER, UNSIGNED_TRAILER, put_chunked
from tests.stores.sealgate import Sealgate

HELD = 1024 * 1024
ALGORITHMS = {"CRC32": 2, "CRC32C": 3, "CRC64NVME": 4, "SHA1": 5, "SHA256": 6}
"""boto3's, with their codes in docs/FORMAT.md."""


def told(answer: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in answer.items() if name.startswith("Checksum")}


@pytest.mark.parametrize("size", [0, 1000, HELD + 1])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_of_boto3_is_kept_and_told(
    *, s3: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest, algorithm: str, size: int
) -> None:
    """Over plain HTTP boto3 sends it in a header: known before the upload, it lies in the envelope."""
    plain = plaintext(size)

    put = s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=plain,
        ChecksumAlgorithm=algorithm,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key_arn,
    )

    expected = told(put)
    value = base64.b64decode(expected[f"Checksum{algorithm}"])
    assert expected["ChecksumType"] == "FULL_OBJECT"
    opened = sealed_on_store(bucket, key, plain).opened
    assert opened is not None
    assert opened.header_checksums() == {ALGORITHMS[algorithm]: value}
    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    assert told(head) == told(got) == expected
    assert got["Body"].read() == plain


def test_boto3_sends_a_checksum_unasked(s3: Any, bucket: str, key: str, sealed_on_store: AtRest) -> None:
    """Its default is a CRC32, and on reads it asks for it and compares."""
    for size in (1000, HELD + 1):
        put = s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size))

        sealed_on_store(bucket, key, plaintext(size))
        assert told(put) == told(s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED"))
        assert "ChecksumCRC32" in put


def test_checksums_are_told_only_to_those_who_ask(sealgate: Sealgate, bucket: str, key: str) -> None:
    """And never with a part of the object, of which they say nothing."""
    with client("s3", sealgate.url, response_checksum_validation="when_required") as s3:
        for size in (1000, HELD + 1):
            s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size))

            assert told(s3.head_object(Bucket=bucket, Key=key)) == {}
            for more in ({}, {"ChecksumMode": "ENABLED", "Range": "bytes=0-9"}):
                got = s3.get_object(Bucket=bucket, Key=key, **more)
                got["Body"].close()
                assert told(got) == {}


def test_an_object_without_a_checksum_has_none(sealgate: Sealgate, bucket: str, key: str) -> None:
    with client("s3", sealgate.url, request_checksum_calculation="when_required") as s3:
        for size in (1000, HELD + 1):
            put = s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size))

            got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            assert got["Body"].read() == plaintext(size)
            assert told(put) == told(got) == {}
            assert told(s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")) == {}


@pytest.mark.parametrize("size", [1000, HELD + 1])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_wrong_checksum_leaves_nothing_on_the_store(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, algorithm: str, size: int
) -> None:
    """A value given by hand goes in a header and is compared with the bytes."""
    length = {"CRC64NVME": 8, "SHA1": 20, "SHA256": 32}.get(algorithm, 4)
    wrong = base64.b64encode(bytes(length)).decode()

    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size), **{f"Checksum{algorithm}": wrong})

    assert refused(caught.value) == (400, "BadDigest")
    assert key not in sealed_on_store.keys(bucket)


@pytest.mark.parametrize("size", [1000, HELD + 1])
def test_a_checksum_in_a_header_is_kept_in_the_envelope(
    *, s3: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest, size: int
) -> None:
    """It was known before the upload began, so no reader needs the index for it."""
    plain = plaintext(size)
    sha256 = base64.b64encode(hashlib.sha256(plain).digest()).decode()

    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=plain,
        ChecksumSHA256=sha256,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key_arn,
    )

    opened = sealed_on_store(bucket, key, plain).opened
    assert opened is not None
    assert opened.header_checksums() == {6: hashlib.sha256(plain).digest()}
    assert opened.index.checksums == {}
    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == sha256


def digest_of(algorithm: str, plain: bytes) -> bytes:
    match algorithm:
        case "CRC32":
            return zlib.crc32(plain).to_bytes(4, "big")
        case "CRC32C":
            return crt.crc32c(plain).to_bytes(4, "big")
        case "CRC64NVME":
            return crt.crc64nvme(plain).to_bytes(8, "big")
        case _:
            return hashlib.new(algorithm.lower(), plain, usedforsecurity=False).digest()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("coding", [SIGNED_CHUNKS_TRAILER, UNSIGNED_TRAILER])
@pytest.mark.parametrize("size", [0, 1000, HELD + 1, 2 * HELD])
def test_a_checksum_in_a_trailer_is_kept_and_told(
    *,
    sealgate: Sealgate,
    s3: Any,
    bucket: str,
    key: str,
    key_arn: str,
    sealed_on_store: AtRest,
    coding: str,
    algorithm: str,
    size: int,
) -> None:
    """A held body's goes into the envelope. A streamed one's came too late for that: the index has it."""
    plain = plaintext(size)
    digest = digest_of(algorithm, plain)
    value = base64.b64encode(digest).decode()
    headers = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": key_arn,
    }
    trailer = (f"x-amz-checksum-{algorithm.lower()}", value)

    put = put_chunked(
        f"{sealgate.url}/{bucket}/{key}", plain, coding=coding, trailer=trailer, headers=headers
    )

    assert (put.status, put.headers.get(trailer[0])) == (200, value)
    opened = sealed_on_store(bucket, key, plain).opened
    assert opened is not None
    kept = {ALGORITHMS[algorithm]: digest}
    found = (opened.header_checksums(), opened.index.checksums)
    assert found == (({}, kept) if size > HELD else (kept, {}))
    expected = {f"Checksum{algorithm}": value, "ChecksumType": "FULL_OBJECT"}
    got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    assert got["Body"].read() == plain
    assert told(got) == told(s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")) == expected
