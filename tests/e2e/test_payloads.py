"""Every way in which a body travels and is bound to its signature, held and streamed, right and wrong."""

import base64
import hashlib
import zlib
from typing import Any

import pytest

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.trail import Trail
from tests.e2e.wire import (
    SIGNED_CHUNKS,
    SIGNED_CHUNKS_TRAILER,
    UNSIGNED,
    UNSIGNED_TRAILER,
    Answer,
    put_chunked,
    send,
)
from tests.stores.sealgate import Sealgate

HELD = 1024 * 1024
SIZES = (0, 1, 65_537, HELD + 1)
KMS = {"x-amz-server-side-encryption": "aws:kms"}


def crc32(plain: bytes) -> str:
    return base64.b64encode(zlib.crc32(plain).to_bytes(4, "big")).decode()


def trailer_of(coding: str, value: str) -> tuple[str, str] | None:
    return None if coding == SIGNED_CHUNKS else ("x-amz-checksum-crc32", value)


@pytest.fixture
def under_key(key_arn: str) -> dict[str, str]:
    """Headers that seal under a key which the decryptor may ask for."""
    return {**KMS, "x-amz-server-side-encryption-aws-kms-key-id": key_arn}


@pytest.fixture
def url(sealgate: Sealgate, bucket: str, key: str) -> str:
    return f"{sealgate.url}/{bucket}/{key}"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("payload", ["signed", UNSIGNED])
def test_a_plain_body(
    *,
    s3: Any,
    url: str,
    bucket: str,
    key: str,
    under_key: dict[str, str],
    sealed_on_store: AtRest,
    size: int,
    payload: str,
    trail: Trail,
) -> None:
    """Signed with its hash, or not signed at all."""
    plain = plaintext(size)

    answer = send(
        "PUT", url, plain, headers=under_key, payload_hash=None if payload == "signed" else UNSIGNED
    )

    assert answer.status == 200
    sealed_on_store(bucket, key, plain)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plain
    event = trail.of(answer.headers["x-amz-request-id"])
    assert (event["eventName"], event["additionalEventData"]["bytesTransferredIn"]) == ("PutObject", size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("coding", [SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED_TRAILER])
def test_a_body_in_chunks(
    *,
    s3: Any,
    url: str,
    bucket: str,
    key: str,
    under_key: dict[str, str],
    sealed_on_store: AtRest,
    coding: str,
    size: int,
) -> None:
    """The object is what was in the chunks; the coding leaves no trace on it."""
    plain = plaintext(size)

    answer = put_chunked(
        url, plain, coding=coding, trailer=trailer_of(coding, crc32(plain)), headers=under_key
    )

    assert answer.status == 200, answer.body
    if coding != SIGNED_CHUNKS:
        assert answer.headers["x-amz-checksum-crc32"] == crc32(plain)
    stored = sealed_on_store(bucket, key, plain)
    assert "ContentEncoding" not in stored.head
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == plain
    assert "ContentEncoding" not in got


@pytest.mark.parametrize("chunk_bytes", [1, 8192, 65_535, 65_536, 100_000, 200_000])
def test_chunks_may_be_cut_anywhere(
    *, url: str, bucket: str, key: str, under_key: dict[str, str], sealed_on_store: AtRest, chunk_bytes: int
) -> None:
    """A chunk's border has nothing to do with a segment's."""
    plain = plaintext(150_001 if chunk_bytes > 1 else 300)

    answer = put_chunked(url, plain, coding=SIGNED_CHUNKS, chunk_bytes=chunk_bytes, headers=under_key)

    assert answer.status == 200
    sealed_on_store(bucket, key, plain)


@pytest.mark.parametrize("size", [100, HELD + 1])
@pytest.mark.parametrize("coding", [SIGNED_CHUNKS_TRAILER, UNSIGNED_TRAILER])
def test_a_wrong_trailer_leaves_nothing_on_the_store(
    *, url: str, bucket: str, key: str, sealed_on_store: AtRest, coding: str, size: int
) -> None:
    plain = plaintext(size)

    answer = put_chunked(url, plain, coding=coding, trailer=trailer_of(coding, crc32(b"other")))

    assert (answer.status, answer.code) == (400, "BadDigest")
    assert key not in sealed_on_store.keys(bucket)


@pytest.mark.parametrize("size", [100, HELD + 1])
def test_a_wrong_hash_leaves_nothing_on_the_store(
    url: str, bucket: str, key: str, sealed_on_store: AtRest, size: int
) -> None:
    plain = plaintext(size)
    wrong = hashlib.sha256(b"other").hexdigest()

    answer: Answer = send("PUT", url, plain, payload_hash=wrong)

    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    assert key not in sealed_on_store.keys(bucket)


@pytest.mark.parametrize("size", [100, HELD + 1])
def test_content_md5_is_proven(url: str, bucket: str, key: str, sealed_on_store: AtRest, size: int) -> None:
    """The right one is taken, the wrong one refused, and one that is none is told from it."""
    plain = plaintext(size)
    right = base64.b64encode(hashlib.md5(plain, usedforsecurity=False).digest()).decode()
    wrong = base64.b64encode(bytes(16)).decode()

    refused = send("PUT", url, plain, headers={"content-md5": wrong})
    malformed = send("PUT", url, plain, headers={"content-md5": "no digest"})

    assert (refused.status, refused.code) == (400, "BadDigest")
    assert (malformed.status, malformed.code) == (400, "InvalidDigest")
    assert key not in sealed_on_store.keys(bucket)
    assert send("PUT", url, plain, headers={"content-md5": right}).status == 200
    sealed_on_store(bucket, key, plain)


def test_a_refused_write_leaves_the_older_object_as_it_was(
    s3: Any, url: str, bucket: str, key: str, sealed_on_store: AtRest
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=plaintext(1000))

    for size in (500, HELD + 1):
        plain = plaintext(size)
        assert send("PUT", url, plain, payload_hash=hashlib.sha256(b"other").hexdigest()).status == 400

    sealed_on_store(bucket, key, plaintext(1000))
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plaintext(1000)
