"""Objects of every size around the format's borders: in, on the store, and out again."""

from typing import Any

import pytest

from tests.e2e.at_rest import AtRest, holds_a_run_of, plaintext
from tests.e2e.sdk import request_id
from tests.e2e.trail import Trail

SEGMENT, MIB = 65_536, 1024 * 1024
HELD = MIB
"""The default of limits.held_body_bytes: a larger body streams."""
SIZES = (0, 1, 15, 16, SEGMENT - 1, SEGMENT, SEGMENT + 1, HELD, HELD + 1, 5 * MIB - 1, 5 * MIB, 20 * MIB)
SMALL = (0, 1, SEGMENT, HELD, HELD + 1)


@pytest.mark.parametrize("size", SIZES)
def test_an_object_under_a_key_comes_back_and_opens_without_the_proxy(
    *, s3: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest, trail: Trail, size: int
) -> None:
    """The store holds what docs/FORMAT.md says, and the client gets the very bytes it sent."""
    plain = plaintext(size)

    put = s3.put_object(
        Bucket=bucket, Key=key, Body=plain, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn
    )
    got = s3.get_object(Bucket=bucket, Key=key)

    assert got["Body"].read() == plain
    assert got["ContentLength"] == size
    assert got["ETag"] == put["ETag"]
    found = sealed_on_store(bucket, key, plain)
    assert found.opened is not None
    assert found.opened.plain_size == size
    assert found.head["ETag"] == put["ETag"]
    event = trail.of(request_id(got))
    assert event["additionalEventData"]["bytesTransferredOut"] == size
    assert event["additionalEventData"]["keyArn"] == key_arn


@pytest.mark.parametrize("size", SMALL)
def test_what_asks_for_nothing_is_sealed_all_the_same(
    s3: Any, bucket: str, key: str, sealed_on_store: AtRest, size: int
) -> None:
    """The service-owned key seals what names none."""
    plain = plaintext(size)

    put = s3.put_object(Bucket=bucket, Key=key, Body=plain)
    got = s3.get_object(Bucket=bucket, Key=key)

    assert got["Body"].read() == plain
    assert put["ServerSideEncryption"] == got["ServerSideEncryption"] == "AES256"
    sealed_on_store(bucket, key, plain)


def test_writing_again_replaces_the_object_whole(
    s3: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest
) -> None:
    """Nothing of a longer body is left behind a shorter one, and the same bytes are sealed anew."""
    options = {"Bucket": bucket, "Key": key, "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn}
    s3.put_object(**options, Body=plaintext(3 * SEGMENT))
    s3.put_object(**options, Body=plaintext(SEGMENT))
    first = sealed_on_store(bucket, key, plaintext(SEGMENT))
    s3.put_object(**options, Body=plaintext(SEGMENT))
    second = sealed_on_store(bucket, key, plaintext(SEGMENT))

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plaintext(SEGMENT)
    assert first.body[:12] != second.body[:12]
    assert first.body != second.body


def test_the_search_for_plaintext_finds_it() -> None:
    """A search that finds nothing anywhere would make every other test blind."""
    plain, noise = plaintext(1000), plaintext(5000, seed=2)
    for at in range(0, 984, 41):
        for shift in range(9):
            assert holds_a_run_of(plain, noise[:shift] + plain[at : at + 16] + noise[shift:])
    for last in range(16):
        assert holds_a_run_of(plain, noise + plain[1000 - 16 - last : 1000 - last])
    assert not holds_a_run_of(plain, noise)
    assert not holds_a_run_of(plain, noise[:700] + plain[:15] + noise[700:])
    assert not holds_a_run_of(plain + bytes(8) + plain, noise + bytes(9) + noise)
    assert holds_a_run_of(plain + bytes(16), noise + bytes(16))
    assert not holds_a_run_of(b"", noise)
    assert not holds_a_run_of(plain, b"")
