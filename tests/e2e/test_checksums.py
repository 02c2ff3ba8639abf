"""Checksums that clients send are proven, kept sealed, and told again to whoever asks."""

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import client, refused
from tests.e2e.sums import CODES, KINDS, asking_for, digest_of, header_of, sums_in, told
from tests.e2e.wire import SIGNED_CHUNKS_TRAILER, UNSIGNED_TRAILER, put_chunked, send
from tests.stores.sealgate import Sealgate

HELD = 1024 * 1024


@pytest.mark.parametrize("size", [0, 1000, HELD + 1])
@pytest.mark.parametrize("algorithm", KINDS)
def test_each_algorithm_of_boto3_is_kept_and_told(
    *, s3: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest, algorithm: str, size: int
) -> None:
    """Over plain HTTP boto3 sends it in a header: known before the upload, it lies in the envelope."""
    plain = plaintext(size)

    put = s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=plain,
        **asking_for(algorithm, plain),
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key_arn,
    )

    digest = digest_of(algorithm, plain)
    expected = {f"Checksum{algorithm}": told(digest), "ChecksumType": "FULL_OBJECT"}
    assert sums_in(put) == expected
    opened = sealed_on_store(bucket, key, plain).opened
    assert opened is not None
    assert opened.header_checksums() == {CODES[algorithm]: digest}
    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    found = s3.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=["Checksum"])
    assert sums_in(head) == sums_in(got) == found["Checksum"] == expected
    assert got["Body"].read() == plain


def test_boto3_sends_a_checksum_unasked(s3: Any, bucket: str, key: str, sealed_on_store: AtRest) -> None:
    """Its default is a CRC32, and on reads it asks for it and compares."""
    for size in (1000, HELD + 1):
        put = s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size))

        sealed_on_store(bucket, key, plaintext(size))
        assert sums_in(put) == sums_in(s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED"))
        assert "ChecksumCRC32" in put


def test_checksums_are_told_only_to_those_who_ask(sealgate: Sealgate, bucket: str, key: str) -> None:
    """And never with a part of the object, of which they say nothing."""
    with client("s3", sealgate.url, response_checksum_validation="when_required") as s3:
        for size in (1000, HELD + 1):
            s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size))

            assert sums_in(s3.head_object(Bucket=bucket, Key=key)) == {}
            for more in ({}, {"ChecksumMode": "ENABLED", "Range": "bytes=0-9"}):
                got = s3.get_object(Bucket=bucket, Key=key, **more)
                got["Body"].close()
                assert sums_in(got) == {}


def test_an_object_without_a_checksum_has_none(sealgate: Sealgate, bucket: str, key: str) -> None:
    with client("s3", sealgate.url, request_checksum_calculation="when_required") as s3:
        for size in (1000, HELD + 1):
            put = s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size))

            got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            assert got["Body"].read() == plaintext(size)
            assert sums_in(put) == sums_in(got) == {}
            assert sums_in(s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")) == {}


@pytest.mark.parametrize("size", [1000, HELD + 1])
@pytest.mark.parametrize("algorithm", KINDS)
def test_a_wrong_checksum_leaves_nothing_on_the_store(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, algorithm: str, size: int
) -> None:
    """A value given by hand goes in a header and is compared with the bytes."""
    wrong = told(digest_of(algorithm, b"other"))

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
    sha256 = told(hashlib.sha256(plain).digest())

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


@pytest.mark.parametrize("algorithm", KINDS)
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
    """A held body's goes into the envelope. A streamed one's came too late for that: the index has it.

    SHA-512 has no room there in a small object, which is therefore held.
    """
    plain = plaintext(size)
    digest = digest_of(algorithm, plain)
    value = told(digest)
    headers = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": key_arn,
    }
    trailer = (header_of(algorithm), value)

    put = put_chunked(
        f"{sealgate.url}/{bucket}/{key}", plain, coding=coding, trailer=trailer, headers=headers
    )

    assert (put.status, put.headers.get(trailer[0])) == (200, value)
    opened = sealed_on_store(bucket, key, plain).opened
    assert opened is not None
    kept = {CODES[algorithm]: digest}
    found = (opened.header_checksums(), opened.index.checksums)
    assert found == (({}, kept) if size > HELD and algorithm != "SHA512" else (kept, {}))
    expected = {f"Checksum{algorithm}": value, "ChecksumType": "FULL_OBJECT"}
    got = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    assert got["Body"].read() == plain
    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    found = s3.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=["Checksum"])
    assert sums_in(got) == sums_in(head) == found["Checksum"] == expected


@pytest.mark.parametrize("size", [1000, HELD + 1])
@pytest.mark.parametrize("coding", [SIGNED_CHUNKS_TRAILER, UNSIGNED_TRAILER])
@pytest.mark.parametrize("algorithm", KINDS)
def test_a_wrong_trailer_leaves_nothing_on_the_store(
    *,
    sealgate: Sealgate,
    bucket: str,
    key: str,
    sealed_on_store: AtRest,
    algorithm: str,
    coding: str,
    size: int,
) -> None:
    trailer = (header_of(algorithm), told(digest_of(algorithm, b"other")))

    put = put_chunked(f"{sealgate.url}/{bucket}/{key}", plaintext(size), coding=coding, trailer=trailer)

    assert (put.status, put.code) == (400, "BadDigest")
    assert key not in sealed_on_store.keys(bucket)


@pytest.mark.parametrize("size", [1000, HELD + 1])
@pytest.mark.parametrize("algorithm", KINDS)
def test_an_algorithm_that_is_named_alone_is_computed(
    *, sealgate: Sealgate, s3: Any, bucket: str, key: str, algorithm: str, size: int
) -> None:
    """A client that asks for a checksum and sends none gets one: nothing that it names is passed over."""
    plain, headers = plaintext(size), {"x-amz-checksum-algorithm": algorithm}

    put = send("PUT", f"{sealgate.url}/{bucket}/{key}", plain, headers=headers)

    expected = told(digest_of(algorithm, plain))
    assert (put.status, put.headers.get(header_of(algorithm))) == (200, expected)
    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    assert sums_in(head) == {f"Checksum{algorithm}": expected, "ChecksumType": "FULL_OBJECT"}


def test_a_value_outweighs_the_name_of_another_algorithm(sealgate: Sealgate, bucket: str, key: str) -> None:
    """As on S3, whose PutObject reads the header of the value alone."""
    sent = {header_of("CRC32"): told(digest_of("CRC32", b"plain")), "x-amz-checksum-algorithm": "sha256"}

    put = send("PUT", f"{sealgate.url}/{bucket}/{key}", b"plain", headers=sent)

    assert put.status == 200
    assert {name for name in put.headers if name.startswith("x-amz-checksum-")} == {
        "x-amz-checksum-crc32",
        "x-amz-checksum-type",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-algorithm": "CRC16"},
        {"x-amz-checksum-algorithm": ""},
        {"x-amz-checksum-type": "COMPOSITE"},
        {"x-amz-checksum-type": "COMPOSITE", "x-amz-checksum-algorithm": "CRC32"},
        {"x-amz-checksum-type": "HALF"},
        {"x-amz-sdk-checksum-algorithm": "CRC16"},
        {"x-amz-sdk-checksum-algorithm": "CRC32"},
        {"x-amz-sdk-checksum-algorithm": "SHA1", header_of("CRC32"): told(digest_of("CRC32", b"plain"))},
        {"x-amz-checksum-crc16": "AAA="},
        {"x-amz-trailer": "x-amz-checksum-crc16"},
    ],
    ids=str,
)
@pytest.mark.parametrize("query", ["", "part"])
def test_what_cannot_be_computed_is_refused(
    *, sealgate: Sealgate, s3: Any, bucket: str, key: str, headers: dict[str, str], query: str
) -> None:
    """Of objects and of parts alike."""
    url = f"{sealgate.url}/{bucket}/{key}"
    if query:
        upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        url += f"?partNumber=1&uploadId={upload}"

    put = send("PUT", url, b"plain", headers=headers)

    assert (put.status, put.code) == (400, "InvalidRequest")
    assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0
