"""A capability that the configuration replaces is the one that holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.fronts import Front, front_of
from tests.e2e.sdk import refused
from tests.e2e.uploads import Upload
from tests.stores.sealgate import config_for, serving
from tests.stores.seaweedfs import Store

MIB = 1 << 20


@pytest.fixture(scope="module")
def hashing(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """In front of a store of which the configuration says that it wants every body's hash."""
    directory: Path = tmp_path_factory.mktemp("hashing")
    [upstream] = config_for(store, directory)["upstreams"]
    told = [upstream | {"capabilities": {"unsigned_payload": False}}]
    with serving(store, directory, upstreams=told) as gate, front_of(gate) as front:
        yield front


def test_a_body_that_is_held_is_hashed(hashing: Front) -> None:
    bucket = hashing.bucket()

    hashing.put(bucket, "held", b"body")

    assert hashing.s3.get_object(Bucket=bucket, Key="held")["Body"].read() == b"body"
    hashing.sealed_on_store(bucket, "held", b"body")


def test_a_body_that_is_too_large_to_be_held_is_signed_chunk_by_chunk(hashing: Front) -> None:
    """The store decodes it; what it would not, it would have kept as it came, and at another length."""
    bucket, body = hashing.bucket(), plaintext(3 * MIB + 1)

    hashing.put(bucket, "streamed", body)

    answer = hashing.s3.get_object(Bucket=bucket, Key="streamed")
    assert answer["Body"].read() == body
    kept = hashing.sealed_on_store(bucket, "streamed", body)
    assert "aws-chunked" not in kept.head.get("ContentEncoding", "")


def test_parts_are_signed_chunk_by_chunk_too(hashing: Front) -> None:
    bucket = hashing.bucket()
    upload = Upload(hashing.s3, bucket, "parts", ServerSideEncryption="aws:kms", SSEKMSKeyId=hashing.key_arn)
    upload.parts({1: 5 * MIB, 2: 2 * MIB})

    upload.complete(1, 2)

    hashing.sealed_on_store(bucket, "parts", upload.whole(1, 2))


def test_a_streamed_body_with_a_wrong_claim_is_not_kept(hashing: Front) -> None:
    """Its last chunks never go out."""
    bucket = hashing.bucket()

    with pytest.raises(ClientError) as caught:
        hashing.put(bucket, "wrong", plaintext(3 * MIB), ContentMD5="A" * 22 + "==")

    assert refused(caught.value) == (400, "BadDigest")
    assert hashing.names(bucket) == []
