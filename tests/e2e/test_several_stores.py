"""Two stores behind one service, and an identity that acts at one of them in its own name."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import client, refused
from tests.e2e.wire import send
from tests.stores.sealgate import ALICE, BOB, USERS, Sealgate, User, identity, run, serving
from tests.stores.seaweedfs import Store, seaweedfs

PLAIN = plaintext(100_000)
BOB_THERE = User(name="bob-there", account="", access_key="BOBATTHESTORE000", secret_key="bob-there-secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    far: str = field(default_factory=lambda: f"far-{uuid.uuid4()}")
    near: str = field(default_factory=lambda: f"near-{uuid.uuid4()}")


@pytest.fixture(scope="module")
def names() -> Names:
    return Names()


@pytest.fixture(scope="module")
def second(names: Names, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store at which Bob may read and list one bucket, and no more."""
    rights = [f"{what}:{names.far}" for what in ("Read", "List")]
    keys = {"accessKey": BOB_THERE.access_key, "secretKey": BOB_THERE.secret_key}
    bob = {"name": "bob", "credentials": [keys], "actions": rights}
    with seaweedfs(tmp_path_factory.mktemp("second"), [bob]) as running:
        yield running


@pytest.fixture(scope="module")
def service(
    store: Store, second: Store, names: Names, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sealgate]:
    keys = {"access_key_id": BOB_THERE.access_key, "secret_access_key": BOB_THERE.secret_key}
    upstreams = [
        {
            "name": name,
            "url": each.url,
            "access_key_id": each.access_key,
            "secret_access_key": each.secret_key,
            "preset": "seaweedfs",
        }
        for name, each in (("first", store), ("second", second))
    ]
    identities = [
        identity(user) | ({"upstreams": [{"name": "second", **keys}]} if user is BOB else {})
        for user in USERS
    ]
    with serving(
        store,
        tmp_path_factory.mktemp("several"),
        upstreams=upstreams,
        identities=identities,
        buckets=[{"match": names.far, "upstream": "second"}],
    ) as running:
        yield running


@pytest.fixture(scope="module")
def alice(service: Sealgate, names: Names) -> Iterator[Any]:
    with client("s3", service.url, ALICE) as made:
        for name in (names.far, names.near):
            made.create_bucket(Bucket=name)
            made.put_object(Bucket=name, Key="object", Body=PLAIN)
        yield made


@pytest.fixture(scope="module")
def bob(service: Sealgate) -> Iterator[Any]:
    with client("s3", service.url, BOB) as made:
        yield made


@pytest.fixture(scope="module")
def raw_second(second: Store) -> Iterator[Any]:
    owner = User(name="owner", account="", access_key=second.access_key, secret_key=second.secret_key)
    with client("s3", second.url, owner) as made:
        yield made


def test_a_bucket_lies_on_the_store_that_its_rule_names(
    *, alice: Any, raw: Any, raw_second: Any, names: Names
) -> None:
    for bucket, store, other in ((names.far, raw_second, raw), (names.near, raw, raw_second)):
        assert alice.get_object(Bucket=bucket, Key="object")["Body"].read() == PLAIN
        AtRest(store, None)(bucket, "object", PLAIN, opens=False)
        assert bucket not in [each["Name"] for each in other.list_buckets()["Buckets"]]


def test_one_list_holds_the_buckets_of_both(alice: Any, raw_second: Any, names: Names) -> None:
    """A bucket whose rule leads elsewhere is not shown: by its name nobody would reach it."""
    stray = f"stray-{uuid.uuid4()}"
    raw_second.create_bucket(Bucket=stray)

    shown = [each["Name"] for each in alice.list_buckets()["Buckets"]]

    assert {names.far, names.near} <= set(shown)
    assert stray not in shown
    assert shown == sorted(shown)


def test_the_list_comes_in_pages_too(alice: Any, names: Names) -> None:
    whole = [each["Name"] for each in alice.list_buckets()["Buckets"]]
    paginator = alice.get_paginator("list_buckets")

    pages = list(paginator.paginate(PaginationConfig={"PageSize": 1}))

    assert [len(page["Buckets"]) for page in pages] == [1] * len(whole)
    assert [page["Buckets"][0]["Name"] for page in pages] == whole
    found = alice.list_buckets(Prefix="far-", MaxBuckets=5)
    assert [each["Name"] for each in found["Buckets"]] == [names.far]
    assert (found["Prefix"], "ContinuationToken" in found) == ("far-", False)


@pytest.mark.parametrize("query", ["max-buckets=0", "max-buckets=10001", "continuation-token=%C3%A9"])
def test_a_page_that_cannot_be(service: Sealgate, query: str) -> None:
    answer = send("GET", f"{service.url}/?{query}")

    assert (answer.status, answer.code) == (400, "InvalidArgument")


def test_an_identity_acts_at_a_store_with_its_own_credentials(*, alice: Any, bob: Any, names: Names) -> None:
    """The store gives Bob what Bob may there: he reads, and does not write. Elsewhere he is the proxy."""
    assert bob.get_object(Bucket=names.far, Key="object")["Body"].read() == PLAIN
    for size in (1, 3 << 20):
        with pytest.raises(ClientError) as caught:
            bob.put_object(Bucket=names.far, Key="his", Body=bytes(size))
        assert refused(caught.value) == (403, "AccessDenied")
    with pytest.raises(ClientError):
        bob.delete_object(Bucket=names.far, Key="object")
    bob.put_object(Bucket=names.near, Key="his", Body=b"x")
    assert alice.get_object(Bucket=names.far, Key="object")["Body"].read() == PLAIN


def test_each_store_has_its_metrics(alice: Any, service: Sealgate) -> None:
    alice.list_buckets()

    told = service.metrics()

    for name in ("first", "second"):
        assert f'sealgate_upstream_connections{{state="idle",upstream="{name}"}}' in told


def test_a_store_is_taken_up_and_given_up_by_a_reload(*, service: Sealgate, alice: Any, names: Names) -> None:
    """The one that stays keeps its connections; names of the one that goes fall to the first."""
    path = service.directory / "config.yaml"
    before = path.read_text()
    config = yaml.safe_load(before)
    config["upstreams"].pop()
    config["buckets"] = []
    for who in config["identities"]:
        who.pop("upstreams", None)
    try:
        path.write_text(yaml.safe_dump(config))
        run("reload", "--config", str(path))
        with pytest.raises(ClientError) as caught:
            alice.get_object(Bucket=names.far, Key="object")
        assert refused(caught.value)[0] == 404
        assert 'upstream="second"' not in _idle(service.metrics())
    finally:
        path.write_text(before)
        run("reload", "--config", str(path))
    assert alice.get_object(Bucket=names.far, Key="object")["Body"].read() == PLAIN
    assert 'upstream="second"' in _idle(service.metrics())


def _idle(metrics: str) -> str:
    return "\n".join(
        line for line in metrics.splitlines() if line.startswith("sealgate_upstream_connections")
    )
