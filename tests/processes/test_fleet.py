"""Several proxies on one key service: what changes there is felt by every worker of all of them, and they
move to another key service while clients read and write.

The promise of a change is one second. A machine that is busy with tests gets some tries at it.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.e2e.sdk import client
from tests.processes.fleet import BUCKET, PROXY, Fleet, Readers, reading, running_fleet, until_all
from tests.processes.load import PLAIN, Load
from tests.processes.reloading import asked
from tests.stores.moto_kms import moto_server
from tests.stores.sealgate import ALICE, BOB, Sealgate, User
from tests.stores.seaweedfs import Store

OWNED, MANAGED = "alias/moved/owned", "alias/moved/s3"
"""Not the defaults: moto keeps one account for the whole test process."""
MOTO_ACCOUNT = "123456789012"
FELT_WITHIN_SECONDS, TRIES = 1.0, 5


@pytest.fixture(scope="module")
def fleet(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(store, tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")) as running:
        yield running


@pytest.fixture(scope="module")
def kms(fleet: Fleet) -> Iterator[Any]:
    with client("kms", fleet.kms_url) as made:
        yield made


def _policy(*readers: User) -> str:
    """Alice does everything with the key, readers open what it sealed, and nobody else does anything."""
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": who.arn}, "Action": action, "Resource": "*"}
        for who, action in ((ALICE, "kms:*"), *((each, "kms:Decrypt") for each in readers))
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _grant(kms: Any, key_id: str) -> None:
    kms.create_grant(KeyId=key_id, GranteePrincipal=BOB.arn, Operations=["Decrypt"])


def _revoke(kms: Any, key_id: str) -> None:
    [grant] = kms.list_grants(KeyId=key_id)["Grants"]
    kms.revoke_grant(KeyId=key_id, GrantId=grant["GrantId"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A way to let Bob use a key, and to end it."""

    readers: tuple[User, ...] = ()
    """Whom the key's policy names from the beginning."""
    allow: Callable[[Any, str], object]
    forbid: Callable[[Any, str], object]
    refused: int


TURNS = {
    "key policy": Turn(
        allow=lambda kms, key_id: kms.put_key_policy(KeyId=key_id, Policy=_policy(BOB)),
        forbid=lambda kms, key_id: kms.put_key_policy(KeyId=key_id, Policy=_policy()),
        refused=403,
    ),
    "grant": Turn(allow=_grant, forbid=_revoke, refused=403),
    "state": Turn(
        readers=(BOB,),
        allow=lambda kms, key_id: kms.enable_key(KeyId=key_id),
        forbid=lambda kms, key_id: kms.disable_key(KeyId=key_id),
        refused=400,
    ),
}


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_a_change_is_felt_by_every_worker_and_its_undoing_too(fleet: Fleet, kms: Any, turn: Turn) -> None:
    key_id = kms.create_key(Policy=_policy(*turn.readers))["KeyMetadata"]["Arn"]
    turn.allow(kms, key_id)
    with reading(fleet, key_id, f"turned-{key_id[-12:]}") as readers:
        for _ in range(TRIES):
            turn.forbid(kms, key_id)
            forbidden = until_all(readers, {turn.refused})
            turn.allow(kms, key_id)
            allowed = until_all(readers, {200})
            if max(forbidden, allowed) <= FELT_WITHIN_SECONDS:
                return
    pytest.fail(f"felt after {forbidden:.2f} s, and its undoing after {allowed:.2f} s, {TRIES} times")


def test_a_proxy_that_is_cut_off_goes_on_with_what_was_decided_and_decides_nothing_new(
    fleet: Fleet, kms: Any
) -> None:
    """What it missed meanwhile is felt as soon as it hears the key service again."""
    first, second = fleet.proxies
    key_id = kms.create_key(Policy=_policy(BOB))["KeyMetadata"]["Arn"]
    with (
        reading(fleet, key_id, "cut", second) as there,
        contextlib.closing(Readers((first,), "cut")) as here,
        contextlib.closing(Readers((second,), "cut", ALICE)) as newcomer,
    ):
        assert here.statuses() == {200}
        fleet.relay.shut()
        try:
            kms.disable_key(KeyId=key_id)
            until_all(here, {400})
            assert there.statuses() == {200}
            assert newcomer.one() == 503
        finally:
            fleet.relay.open()
        until_all(there, {400})


def test_nobody_speaks_to_s3_as_a_proxy(fleet: Fleet) -> None:
    """Its access key is the key service's alone."""
    with (
        client("s3", fleet.proxies[0].url, PROXY) as s3,
        pytest.raises(Exception, match="InvalidAccessKeyId"),
    ):
        s3.list_buckets()


def test_other_keys_cost_nothing(fleet: Fleet, kms: Any) -> None:
    """A change of one key asks nobody anew about another."""
    one, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    with reading(fleet, one, "other") as readers:
        asked = _calls(fleet)
        kms.disable_key(KeyId=other)
        assert readers.statuses() == {200}
        assert _calls(fleet) == asked


def _calls(fleet: Fleet) -> float:
    return sum(
        float(line.rsplit(" ", 1)[1])
        for proxy in fleet.proxies
        for line in proxy.metrics().splitlines()
        if line.startswith("sealgate_kms_requests_total")
    )


@pytest.fixture
def aws() -> Iterator[dict[str, Any]]:
    """A backend, but for whether it writes."""
    with moto_server() as url:
        with client("kms", url) as kms:
            for alias in (OWNED, MANAGED):
                kms.create_alias(AliasName=alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
        yield {
            "type": "aws",
            "endpoint_url": url,
            "access_key_id": ALICE.access_key,
            "secret_access_key": ALICE.secret_key,
            "owned_key": OWNED,
            "managed_key": MANAGED,
            "arns": [f"arn:aws:kms:us-east-1:{MOTO_ACCOUNT}:*"],
        }


def _writes_to(proxy: Sealgate, name: str, aws: Mapping[str, Any]) -> None:
    """Both key services, of which one writes; the running proxy takes it up."""
    [hsm] = proxy.config["kms"]["backends"]
    backends = [
        {**hsm, "arns": [f"arn:aws:kms:us-east-1:{ALICE.account}:*"], "write": name == "hsm"},
        {**aws, "write": name == "aws"},
    ]
    config = {key: value for key, value in proxy.config.items() if value is not None}
    (proxy.directory / "config.yaml").write_text(yaml.safe_dump(config | {"kms": {"backends": backends}}))
    assert asked(proxy) == (0, "reloaded\n")


WISHES: dict[str, dict[str, str]] = {"owned": {}, "managed": {"ServerSideEncryption": "aws:kms"}}


def _write(proxy: Sealgate, name: str) -> dict[str, str]:
    """An object under each of the service's keys, by its name; the answers say which managed key it was."""
    with client("s3", proxy.url) as s3:
        puts = {
            f"{name}-{kind}": s3.put_object(Bucket=BUCKET, Key=f"{name}-{kind}", Body=PLAIN, **wish)
            for kind, wish in WISHES.items()
        }
    return {key: str(put.get("SSEKMSKeyId", "")) for key, put in puts.items()}


def _check_reads(fleet: Fleet, keys: Mapping[str, str]) -> None:
    for proxy in fleet.proxies:
        with client("s3", proxy.url) as s3:
            read = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
        assert read == dict.fromkeys(keys, PLAIN)


def test_a_fleet_moves_to_another_key_service_and_back(fleet: Fleet, kms: Any, aws: dict[str, Any]) -> None:
    """One proxy after the other, as the page says, while clients of both read and write: nothing fails."""
    first, second = fleet.proxies
    steps = [
        (first, "hsm"),  # from here on it opens what the other one writes
        (second, "hsm"),
        (first, "aws"),
        (second, "aws"),
        (second, "hsm"),
        (first, "hsm"),
    ]
    written = _write(second, "before")
    customer_key = kms.create_key()["KeyMetadata"]["Arn"]
    with client("s3", first.url) as s3:
        under = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": customer_key}
        s3.put_object(Bucket=BUCKET, Key="customer", Body=PLAIN, **under)
    written["customer"] = customer_key
    with Load(first, BUCKET, clients=2) as here, Load(second, BUCKET, clients=2) as there:
        for number, (proxy, name) in enumerate(steps):
            _writes_to(proxy, name, aws)
            made = _write(proxy, f"step-{number}")
            account = MOTO_ACCOUNT if name == "aws" else ALICE.account
            assert made[f"step-{number}-managed"].split(":")[4] == account
            written |= made
            _check_reads(fleet, written)

    assert (here.failures, there.failures) == ([], [])
    assert min(here.done, there.done) > 0
