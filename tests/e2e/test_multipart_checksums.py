"""Checksums of uploads, of both kinds: verified, combined, told, and kept in the object's index."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import client, refused
from tests.e2e.sums import (
    CODES,
    COMPOSITES,
    KINDS,
    OF_WHOLES,
    asking_for,
    digest_of,
    header_of,
    sums_in,
    told,
)
from tests.e2e.uploads import SMALLEST, Upload
from tests.e2e.wire import UNSIGNED_TRAILER, put_chunked, send
from tests.stores.sealgate import Sealgate

SIZES = {1: SMALLEST + 1, 4: 100}


@pytest.fixture
def wish(key_arn: str) -> dict[str, Any]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}


@pytest.mark.parametrize("algorithm", COMPOSITES)
def test_a_composite_is_made_of_the_parts(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any], algorithm: str
) -> None:
    upload = Upload(s3, bucket, key, ChecksumAlgorithm=algorithm, **wish)
    for number, size in SIZES.items():
        plain = plaintext(size, number)
        upload.part(number, plain, **asking_for(algorithm, plain))
    parts = [digest_of(algorithm, upload.plain[number]) for number in SIZES]
    whole = digest_of(algorithm, b"".join(parts))
    wrong = told(digest_of(algorithm, b"other"))

    with pytest.raises(ClientError) as caught:
        upload.complete(ChecksumType="COMPOSITE", **{f"Checksum{algorithm}": f"{wrong}-{len(SIZES)}"})
    assert refused(caught.value) == (400, "BadDigest")
    done = upload.complete(
        ChecksumType="COMPOSITE", **{f"Checksum{algorithm}": f"{told(whole)}-{len(SIZES)}"}
    )

    assert upload.created["ChecksumAlgorithm"] == algorithm
    expected = {f"Checksum{algorithm}": f"{told(whole)}-{len(SIZES)}", "ChecksumType": "COMPOSITE"}
    assert sums_in(done) == expected
    assert asked(s3, bucket, key) == [expected] * 3
    sealed = sealed_on_store(bucket, key, upload.whole())
    assert sealed.opened is not None
    assert sealed.opened.index.checksums == {CODES[algorithm] | 0x80: whole}


@pytest.mark.parametrize("algorithm", OF_WHOLES)
def test_a_full_object_checksum_follows_from_the_parts(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, Any], algorithm: str
) -> None:
    upload = Upload(s3, bucket, key, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT", **wish)
    for number, size in SIZES.items():
        upload.part(number, plaintext(size, number), ChecksumAlgorithm=algorithm)
    whole = digest_of(algorithm, upload.whole())

    with pytest.raises(ClientError) as caught:
        upload.complete(ChecksumType="FULL_OBJECT", **{f"Checksum{algorithm}": told(bytes(len(whole)))})
    assert refused(caught.value) == (400, "BadDigest")
    done = upload.complete(ChecksumType="FULL_OBJECT", **{f"Checksum{algorithm}": told(whole)})

    expected = {f"Checksum{algorithm}": told(whole), "ChecksumType": "FULL_OBJECT"}
    assert sums_in(done) == expected
    assert asked(s3, bucket, key) == [expected] * 3
    sealed = sealed_on_store(bucket, key, upload.whole())
    assert sealed.opened is not None
    assert sealed.opened.index.checksums == {CODES[algorithm]: whole}


def asked(s3: Any, bucket: str, key: str) -> list[dict[str, str]]:
    """The object's checksum as HEAD, GET and GetObjectAttributes tell it."""
    where = {"Bucket": bucket, "Key": key}
    got = s3.get_object(**where, ChecksumMode="ENABLED")
    got["Body"].close()
    found = s3.get_object_attributes(**where, ObjectAttributes=["Checksum"])["Checksum"]
    head = sums_in(s3.head_object(**where, ChecksumMode="ENABLED"))
    return [head, sums_in(got), found]


@pytest.mark.parametrize("algorithm", [*sorted({*KINDS} - {*OF_WHOLES}), "CRC64NVME"])
def test_no_upload_begins_with_a_kind_that_its_algorithm_has_not(
    *, s3: Any, bucket: str, key: str, algorithm: str
) -> None:
    kind = "COMPOSITE" if algorithm in OF_WHOLES else "FULL_OBJECT"

    with pytest.raises(ClientError) as caught:
        s3.create_multipart_upload(Bucket=bucket, Key=key, ChecksumAlgorithm=algorithm, ChecksumType=kind)

    assert refused(caught.value) == (400, "InvalidRequest")


@pytest.mark.parametrize("algorithm", KINDS)
def test_every_part_has_the_algorithm_of_its_upload(
    *, sealgate: Sealgate, s3: Any, bucket: str, key: str, algorithm: str
) -> None:
    """In a header, a trailer, or named alone: another one is refused in S3's words, its own is verified."""
    upload = Upload(s3, bucket, key, ChecksumAlgorithm=algorithm)
    url = f"{sealgate.url}/{bucket}/{key}?partNumber=1&uploadId={upload.id}"
    other = "CRC32" if algorithm != "CRC32" else "SHA256"
    words = f"expected checksum Type: {algorithm.lower()}, actual checksum Type: {other.lower()}"
    sums = {each: told(digest_of(each, b"plain")) for each in (algorithm, other)}

    for answer in (
        send("PUT", url, b"plain", headers={header_of(other): sums[other]}),
        send("PUT", url, b"plain", headers={"x-amz-checksum-algorithm": other}),
        put_chunked(url, b"plain", coding=UNSIGNED_TRAILER, trailer=(header_of(other), sums[other])),
    ):
        assert (answer.status, answer.code) == (400, "InvalidRequest")
        assert words in answer.body.decode()
    for answer in (
        send("PUT", url, b"plain", headers={header_of(algorithm): sums[algorithm]}),
        put_chunked(url, b"plain", coding=UNSIGNED_TRAILER, trailer=(header_of(algorithm), sums[algorithm])),
        send("PUT", url, b"plain"),
    ):
        assert (answer.status, answer.headers[header_of(algorithm)]) == (200, sums[algorithm])
    for answer in (
        send("PUT", url, b"other", headers={header_of(algorithm): sums[algorithm]}),
        put_chunked(url, b"other", coding=UNSIGNED_TRAILER, trailer=(header_of(algorithm), sums[algorithm])),
    ):
        assert (answer.status, answer.code) == (400, "BadDigest")
    upload.abort()


def test_a_part_of_an_upload_without_an_algorithm_may_have_any(
    sealgate: Sealgate, bucket: str, key: str
) -> None:
    """As on S3, which verifies it and keeps none of them."""
    with client("s3", sealgate.url, request_checksum_calculation="when_required") as plain_s3:
        upload = Upload(plain_s3, bucket, key)
        upload.part(1, b"12345", ChecksumAlgorithm="SHA1")
        upload.part(1, b"12345", ChecksumAlgorithm="CRC32C")
        with pytest.raises(ClientError) as caught:
            upload.part(1, b"12345", ChecksumSHA256=told(bytes(32)))
        assert refused(caught.value) == (400, "BadDigest")

        assert sums_in(upload.complete()) == {}


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
