"""Bodies in HTTP's own chunks, which say at their end how long they are."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.wire import sign
from tests.stores.sealgate import Sealgate

MIB = 1 << 20


def put(url: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    signed = sign("PUT", url, headers, payload_hash="UNSIGNED-PAYLOAD")
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        pieces = (body[at : at + 60_000] for at in range(0, len(body), 60_000))
        connection.request("PUT", place.path, pieces, signed)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("size", [0, 1, 65_537, MIB])
def test_a_body_that_can_be_held_needs_no_length(
    *, sealgate: Sealgate, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, size: int
) -> None:
    plain = plaintext(size)

    assert put(f"{sealgate.url}/{bucket}/{key}", plain)[0] == 200

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plain
    sealed_on_store(bucket, key, plain)


def test_a_longer_one_has_to_say_how_long_it_is(sealgate: Sealgate, s3: Any, bucket: str, key: str) -> None:
    """The store is told a length before the first byte, and only the client knows it."""
    status, body = put(f"{sealgate.url}/{bucket}/{key}", plaintext(MIB + 1))

    assert (status, b"MissingContentLength" in body) == (411, True)
    assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0


def test_its_claims_are_verified_all_the_same(sealgate: Sealgate, s3: Any, bucket: str, key: str) -> None:
    claim = {"x-amz-checksum-crc32": "AAAAAA=="}

    status, body = put(f"{sealgate.url}/{bucket}/{key}", b"body", **claim)

    assert (status, b"BadDigest" in body) == (400, True)
    assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0
