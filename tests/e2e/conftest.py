"""Clients of the running product, and a look behind its back. Each module has a bucket of its own."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.at_rest import AtRest
from tests.e2e.fronts import Front, front_of
from tests.e2e.made_parts import PartsMaker
from tests.e2e.migrating import Migrating, migrating
from tests.e2e.ruled import ALIAS, DOMAIN, Buckets
from tests.e2e.sdk import client
from tests.e2e.trail import Trail
from tests.stores.sealgate import Sealgate, User, serving
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
def sealed_on_store(raw: Any, kms: Any) -> AtRest:
    """sealed_on_store(bucket, key, plain) asserts that the store holds plain sealed, and opens it."""
    return AtRest(raw, kms)


@pytest.fixture(scope="session")
def trail(sealgate: Sealgate) -> Trail:
    return Trail(sealgate.directory / "audit.jsonl")


@pytest.fixture(scope="session")
def key_arn(kms: Any) -> str:
    """A customer key of Alice's account."""
    return str(kms.create_key()["KeyMetadata"]["Arn"])


@pytest.fixture(scope="session")
def make_parts(raw: Any, kms: Any, key_arn: str) -> PartsMaker:
    """make_parts(bucket, key, {number: size}) puts a multipart object on the bare store."""
    return PartsMaker(raw, kms, key_arn)


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    name = f"e2e-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def key() -> str:
    return f"object-{uuid.uuid4()}"


@pytest.fixture(scope="session")
def buckets() -> Buckets:
    return Buckets()


@pytest.fixture(scope="session")
def ruled(store: Store, buckets: Buckets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealgate]:
    """A service with rules and a domain, its own HSM and no open connection to the other one."""
    directory = tmp_path_factory.mktemp("ruled")
    with serving(store, directory, domains=[DOMAIN], buckets=buckets.rules) as service:
        yield service


@pytest.fixture(scope="session")
def ruled_kms(ruled: Sealgate) -> Iterator[Any]:
    with client("kms", ruled.kms_url) as made:
        key = made.create_key()["KeyMetadata"]["KeyId"]
        made.create_alias(AliasName=ALIAS, TargetKeyId=key)
        yield made


@pytest.fixture(scope="session")
def ruled_s3(ruled: Sealgate, ruled_kms: Any, buckets: Buckets) -> Iterator[Any]:  # noqa: ARG001  # the rule's key must be there
    with client("s3", ruled.url) as made:
        for name in buckets.names:
            made.create_bucket(Bucket=name)
        yield made


@pytest.fixture(scope="session")
def ruled_on_store(raw: Any, ruled_kms: Any) -> AtRest:
    return AtRest(raw, ruled_kms)


@pytest.fixture(scope="session")
def ruled_trail(ruled: Sealgate) -> Trail:
    return Trail(ruled.directory / "audit.jsonl")


@pytest.fixture(scope="session")
def seaweedfs_front(sealgate: Sealgate) -> Iterator[Front]:
    with front_of(sealgate) as front:
        yield front


@pytest.fixture(scope="session")
def juicefs_front(juicefs_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with (
        serving(juicefs_store, tmp_path_factory.mktemp("juicefs-sealgate")) as gate,
        front_of(gate) as front,
    ):
        yield front


@pytest.fixture(scope="module", params=["seaweedfs", "juicefs"])
def front(request: pytest.FixtureRequest) -> Front:
    """In front of each of two stores."""
    found: Front = request.getfixturevalue(f"{request.param}_front")
    return found


@pytest.fixture(scope="session")
def service(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Migrating]:
    """A service with rules of mode migrate, and a relay between it and the store."""
    with migrating(store, tmp_path_factory.mktemp("migrating")) as running:
        yield running
