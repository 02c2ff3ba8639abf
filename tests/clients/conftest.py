"""What each client is tried with: a bucket of its module, a key of the account, and a look at the store."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.fetched import Fetched
from tests.e2e.at_rest import AtRest
from tests.e2e.sdk import client
from tests.e2e.trail import Trail
from tests.stores.sealgate import Sealgate, User
from tests.stores.seaweedfs import Store


@pytest.fixture(scope="session")
def s3(sealgate: Sealgate) -> Iterator[Any]:
    """boto3, to compare with."""
    with client("s3", sealgate.url) as made:
        yield made


@pytest.fixture(scope="session")
def kms(sealgate: Sealgate) -> Iterator[Any]:
    with client("kms", sealgate.kms_url) as made:
        yield made


@pytest.fixture(scope="session")
def sealed_on_store(store: Store, kms: Any) -> Iterator[AtRest]:
    """sealed_on_store(bucket, key, plain) asserts that the store holds plain sealed, and opens it."""
    owner = User(name="owner", account="", access_key=store.access_key, secret_key=store.secret_key)
    with client("s3", store.url, owner) as raw:
        yield AtRest(raw, kms)


@pytest.fixture(scope="session")
def key_arn(kms: Any) -> str:
    return str(kms.create_key()["KeyMetadata"]["Arn"])


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    name = f"client-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def fetched(sealgate: Sealgate, s3: Any) -> Fetched:
    """fetched(bucket, key) is what GETs of that object took."""
    return Fetched(Trail(sealgate.directory / "audit.jsonl"), s3)
