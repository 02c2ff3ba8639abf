"""One service that is measured, and one whose store says what a test wants it to say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.sdk import client as sdk_client
from tests.faults.steps import step_relay
from tests.memory.measured import BUCKET, MIB, PLAIN, Measured, Zeros, client
from tests.memory.places import UNHASHED, Place
from tests.memory.resident import resident_mib
from tests.stores.sealgate import User, config_for, serving
from tests.stores.seaweedfs import Store


@pytest.fixture(scope="session")
def loaded(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    directory = Path(tmp_path_factory.mktemp("memory"))
    limits = {"memory_budget_bytes": 256 * MIB, "drain_seconds": 1}
    rules = [{"match": PLAIN, "mode": "passthrough"}]
    with serving(store, directory, limits=limits, buckets=rules) as running:
        base_mib = resident_mib(running)
        s3 = client(running)
        for bucket in (BUCKET, PLAIN):
            s3.create_bucket(Bucket=bucket)
        for name, size in (("64", 64 * MIB), ("1024", 1024 * MIB)):
            s3.put_object(Bucket=BUCKET, Key=name, Body=Zeros(size))
        yield Measured(service=running, base_mib=base_mib)


@pytest.fixture(scope="session")
def place(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = Path(tmp_path_factory.mktemp("most-parts"))
    owner = User(name="owner", account="", access_key=store.access_key, secret_key=store.secret_key)
    [upstream] = config_for(store, directory)["upstreams"]
    with (
        step_relay(store) as relay,
        serving(store, directory, upstreams=[{**upstream, "url": relay.url}]) as service,
        sdk_client("s3", service.url, read_timeout=120) as s3,
        sdk_client("s3", store.url, owner, **UNHASHED) as raw,
        sdk_client("kms", service.kms_url) as kms,
    ):
        raw.create_bucket(Bucket=Place.bucket)
        s3.put_object(Bucket=Place.bucket, Key="first", Body=b"four")
        arn = kms.create_key()["KeyMetadata"]["Arn"]
        yield Place(service=service, relay=relay, s3=s3, raw=raw, kms=kms, key_arn=arn)
