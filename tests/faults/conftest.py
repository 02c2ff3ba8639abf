"""The running product between a client that misbehaves and a store that does; each module has its bucket."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.at_rest import AtRest
from tests.e2e.made_parts import PartsMaker
from tests.e2e.sdk import client
from tests.faults.evidence import Evidence
from tests.faults.relay import Relay, relaying
from tests.faults.replicas import KINDS, Opens, Replicas, bucket_of, replicas
from tests.faults.troubled import UnsafeBuckets, troubled, unsafe_buckets
from tests.faults.workers import Workers, workers
from tests.stores.sealgate import Sealgate, User
from tests.stores.seaweedfs import Store


@pytest.fixture(scope="session")
def s3(sealgate: Sealgate) -> Iterator[Any]:
    """boto3 as Alice."""
    with client("s3", sealgate.url) as made:
        yield made


@pytest.fixture(scope="session")
def kms(sealgate: Sealgate) -> Iterator[Any]:
    with client("kms", sealgate.kms_url) as made:
        yield made


@pytest.fixture(scope="session")
def raw(store: Store) -> Iterator[Any]:
    """boto3 as the owner of the bare store."""
    owner = User(name="owner", account="", access_key=store.access_key, secret_key=store.secret_key)
    with client("s3", store.url, owner) as made:
        yield made


@pytest.fixture(scope="session")
def relay(store: Store) -> Iterator[Relay]:
    """Between `service` and its store."""
    with relaying(store) as made:
        yield made


@pytest.fixture(scope="session")
def unsafe(raw: Any) -> UnsafeBuckets:
    return unsafe_buckets(raw)


@pytest.fixture(scope="session")
def service(
    store: Store, relay: Relay, unsafe: UnsafeBuckets, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sealgate]:
    """Reaches its store through the relay, with short idle times."""
    with troubled(store, relay, unsafe, tmp_path_factory.mktemp("troubled")) as running:
        yield running


@pytest.fixture(scope="session")
def witness(service: Sealgate) -> Evidence:
    return Evidence(service)


@pytest.fixture(scope="session")
def evidence(sealgate: Sealgate) -> Evidence:
    return Evidence(sealgate)


@pytest.fixture(scope="session")
def make_parts(raw: Any, kms: Any) -> PartsMaker:
    """make_parts(bucket, key, {number: size}) puts a multipart object on the bare store."""
    return PartsMaker(raw, kms, str(kms.create_key()["KeyMetadata"]["Arn"]))


@pytest.fixture(scope="module")
def bucket(raw: Any) -> str:
    name = f"faults-{uuid.uuid4()}"
    raw.create_bucket(Bucket=name)
    raw.put_object(Bucket=name, Key="first", Body=b"")  # SeaweedFS grows a volume for a bucket's first object
    raw.delete_object(Bucket=name, Key="first")
    return name


@pytest.fixture
def key() -> str:
    return f"object-{uuid.uuid4()}"


@pytest.fixture
def url(sealgate: Sealgate, bucket: str, key: str) -> str:
    return f"{sealgate.url}/{bucket}/{key}"


@pytest.fixture(scope="session")
def pair(
    store: Store, sealgate: Sealgate, kms: Any, raw: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replicas]:
    for kind in KINDS:
        raw.create_bucket(Bucket=bucket_of(kind))
        raw.put_object(Bucket=bucket_of(kind), Key="first", Body=b"")
    with replicas(store, kms, sealgate.kms_url, tmp_path_factory.mktemp("replicas")) as running:
        yield running


@pytest.fixture(scope="session")
def opens(raw: Any, kms: Any) -> Opens:
    """opens(bucket, key, plain) asserts that the independent decryptor finds plain there."""
    return Opens(raw, AtRest(raw, kms).unwrap)


@pytest.fixture(scope="session")
def many(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """One service of many workers."""
    with workers(store, tmp_path_factory.mktemp("workers")) as running:
        yield running
