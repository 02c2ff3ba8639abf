"""A capability that the configuration replaces is the one that holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.fronts import Front, front_of
from tests.e2e.sdk import refused
from tests.stores.sealgate import config_for, serving
from tests.stores.seaweedfs import Store


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


def test_a_body_that_cannot_be_hashed_first_is_refused(hashing: Front) -> None:
    """It is not sent unsigned to a store that would refuse it in the middle."""
    bucket = hashing.bucket()

    with pytest.raises(ClientError) as caught:
        hashing.put(bucket, "streamed", plaintext((1 << 20) + 1))

    assert refused(caught.value) == (400, "EntityTooLarge")
    assert hashing.names(bucket) == []
