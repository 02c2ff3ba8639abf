"""A changed configuration is taken up by every process or by none, and whoever asked is told which."""

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from tests.processes.reloading import asked, changed, reloaded
from tests.service.clients import MIB, client, paced
from tests.service.running import Launched, launched, until, upstream
from tests.stores.sealgate import ACCOUNT, ALICE, BOB, EVERYTHING, OTHER_ACCOUNT, USERS, User, identity
from tests.stores.seaweedfs import Store

CAROL = User(name="carol", account=ACCOUNT, access_key="AKIACAROL0000000", secret_key="carol-secret-key")
BUCKET = "reload"


@pytest.fixture(scope="module")
def service(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """Two workers; each test leaves the identities as they were, or does not care."""
    with launched(store, Path(tmp_path_factory.mktemp("reload")), workers=2) as running:
        with client("s3", running.url) as s3:
            s3.create_bucket(Bucket=BUCKET)
            s3.put_object(Bucket=BUCKET, Key="object", Body=b"plain")
        yield running


def lets_in(service: Launched, user: User) -> bool:
    answers = answers_to(service, user)
    assert answers in ({b"plain"}, {b"InvalidAccessKeyId"}), "the workers are not of one mind"
    return b"plain" in answers


def answers_to(service: Launched, user: User) -> set[bytes]:
    """The object or an error code; over sixteen connections: both workers are asked, almost surely."""
    with client("s3", service.url, user) as s3:
        url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "object"})
    answers = set()
    for _ in range(16):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own loopback URL
                answers.add(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                answers.add(refused.read().partition(b"<Code>")[2].partition(b"<")[0])
    return answers


def test_a_new_identity_may_enter_and_a_removed_one_may_not(service: Launched) -> None:
    """In every worker and in the key service, from the answer on."""
    assert not lets_in(service, CAROL)

    reloaded(service, identities=[identity(user) for user in (ALICE, CAROL)])

    assert lets_in(service, CAROL)
    assert not lets_in(service, BOB)
    with client("kms", service.kms_url, CAROL) as kms:
        assert kms.list_keys()["Keys"] is not None
    reloaded(service, identities=[identity(user) for user in USERS])
    assert lets_in(service, BOB)


def test_a_policy_alone_is_felt_by_every_worker_and_by_the_key_service(service: Launched) -> None:
    """By a signal as by the command: nothing else of the configuration changes."""
    reads_denied = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Deny", "Action": ["s3:GetObject", "kms:ListKeys"], "Resource": "*"},
    }
    narrowed = replace(BOB, policies=[EVERYTHING, reads_denied])
    others = [user for user in USERS if user != BOB]
    count = service.stderr.count("SIGHUP: reloaded")
    assert answers_to(service, BOB) == {b"plain"}

    reloaded(service, identities=[identity(user) for user in [*others, narrowed]])

    assert answers_to(service, BOB) == {b"AccessDenied"}
    assert answers_to(service, ALICE) == {b"plain"}
    with client("kms", service.kms_url, BOB) as kms, pytest.raises(ClientError, match="AccessDenied"):
        kms.list_keys()
    service.process.send_signal(signal.SIGHUP)  # the file is as it was
    until(lambda: service.stderr.count("SIGHUP: reloaded") == count + 1)
    assert answers_to(service, BOB) == {b"plain"}
    with client("kms", service.kms_url, BOB) as kms:
        assert kms.list_keys()["Keys"] is not None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"limits": {"drain_seconds": "soon"}}, "limits.drain_seconds: must be a number"),
        ({"regoin": "us-east-1"}, "regoin: is not a field; did you mean region?"),
        ({"accounts": [OTHER_ACCOUNT]}, f"identities[0].account: {ACCOUNT} is not in accounts: add it there"),
        ({"workers": 3}, "workers: has changed: restart the service for that"),
        ({"admin": {"port": 1}}, "admin: has changed: restart the service for that"),
        ({"run_directory": "elsewhere"}, None),
        ({"hsm": None, "kms": {"backends": [{"type": "aws", "write": True}]}}, "hsm: is added or left out"),
        ({"audit": {"sinks": [{"type": "file", "path": "no/such/audit.jsonl"}]}}, "audit.sinks: "),
        ({"listen": {"port": 1}}, "listen.port: has changed: restart the service for that"),
    ],
)
def test_a_bad_field_changes_nothing_and_the_answer_says_why(
    service: Launched, changes: dict[str, Any], why: str | None
) -> None:
    """Whoever finds it: the loader, the comparison or a process that tries."""
    everybody = {"identities": [identity(user) for user in (*USERS, CAROL)]}
    if why is None:
        path = service.directory / "config.yaml"
        path.write_text(yaml.safe_dump({**service.config, **changes}))
        code, told = asked(service)
        assert (code, "no service answers" in told) == (1, True)
    else:
        with changed(service, **everybody, **changes):
            code, told = asked(service)
        assert code == 1, told
        assert why in told

    assert not lets_in(service, CAROL)
    assert lets_in(service, ALICE)
    assert service.ready()[0] == 200


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ({"secret_access_key": "no-such-secret"}, "it refuses the proxy's credentials"),
        ({"url": "https://127.0.0.1:1", "ca_file": "/no/such/ca.pem"}, "ca_file: /no/such/ca.pem"),
    ],
)
def test_a_store_that_cannot_serve_is_found_before_anybody_swaps(
    service: Launched, store: Store, place: dict[str, str], why: str
) -> None:
    """It is tried beside the one that serves."""
    with changed(service, upstreams=upstream(store, **place)):
        code, told = asked(service)

    assert code == 1, told
    assert why in told
    assert told.count("\n") <= 2, "one reason is told once, however many workers have it"
    assert lets_in(service, ALICE)


def test_a_request_in_progress_keeps_what_it_began_with(service: Launched, store: Store) -> None:
    """The old store's connections and the old identities serve it to its end."""
    plain = os.urandom(8 * MIB)
    with client("s3", service.url, BOB) as s3:
        s3.put_object(Bucket=BUCKET, Key="big", Body=plain)
        with (
            paced(s3, "GET", BUCKET, "big") as down,
            paced(s3, "PUT", BUCKET, "up", length=len(plain)) as up,
        ):
            assert down.head().startswith("HTTP/1.1 200")
            received = down.body(MIB)
            up.send(plain[: 2 * MIB])
            until(lambda: service.number("sealgate_s3_requests_in_flight") == 2)

            only_alice = [identity(ALICE)]
            reloaded(service, identities=only_alice, upstreams=upstream(store, name="renamed", connections=9))

            assert not lets_in(service, BOB)
            received += down.body(len(plain) - MIB)
            up.send(plain[2 * MIB :])
            assert up.head().startswith("HTTP/1.1 200")
            assert received == plain
    reloaded(service, identities=[identity(user) for user in USERS])
    with client("s3", service.url) as s3:
        assert s3.get_object(Bucket=BUCKET, Key="up")["Body"].read() == plain


def test_audit_events_go_to_the_new_sink_and_none_is_lost(service: Launched) -> None:
    """The old file gets what ended before, the new one what ended after."""
    new = service.directory / "new.jsonl"
    with client("s3", service.url) as s3:
        for number in range(20):
            s3.head_object(Bucket=BUCKET, Key="object")
            if number == 9:
                reloaded(service, audit={"sinks": [{"type": "file", "path": str(new)}]})
        until(lambda: new.read_text().count('"HeadObject"') == 10)
    reloaded(service)

    assert (service.directory / "audit.jsonl").read_text().count('"HeadObject"') >= 10
    assert service.number("sealgate_audit_events_lost_total") == 0


def test_a_replaced_process_begins_with_what_was_taken_up(service: Launched) -> None:
    """Not with what the service was started with."""
    reloaded(service, identities=[identity(ALICE), identity(CAROL)])
    places = ("worker-0", "worker-1", "hsm-0")
    before = {name: service.child(name) for name in places}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: all(service.child(name) != pid for name, pid in before.items()))

    assert lets_in(service, CAROL)
    assert not lets_in(service, BOB)
    reloaded(service)


def test_counters_do_not_fall(service: Launched, store: Store) -> None:
    """Also where store, key services and cache are new ones."""
    names = [
        "sealgate_data_key_cache_hits_total",
        "sealgate_data_key_cache_misses_total",
        "sealgate_s3_sent_bytes_total",
        "sealgate_audit_events_total",
    ]
    lets_in(service, ALICE)
    before = {name: service.number(name) for name in names}

    backends = [{"type": "hsm", "write": True, "name": "another"}]
    reloaded(service, upstreams=upstream(store, connections=7), kms={"backends": backends})

    lets_in(service, ALICE)
    assert all(service.number(name) >= value for name, value in before.items())
    assert service.number(names[1]) > before[names[1]], "the new cache's misses are told too"
    reloaded(service)


def test_a_hangup_reloads_and_the_log_tells(service: Launched) -> None:
    count = service.stderr.count("SIGHUP: reloaded")
    with changed(service, identities=[identity(ALICE), identity(CAROL)]):
        service.process.send_signal(signal.SIGHUP)
        until(lambda: service.stderr.count("SIGHUP: reloaded") == count + 1)
        assert lets_in(service, CAROL)
    with changed(service, workers=7):
        service.process.send_signal(signal.SIGHUP)
        until(lambda: "SIGHUP: not reloaded: workers: has changed" in service.stderr)
    reloaded(service)


def test_a_watched_file_is_taken_up_when_it_changes(service: Launched, tmp_path: Path) -> None:
    """Also one that the configuration names; a faulty one is told once and changes nothing."""
    people = tmp_path / "people.yaml"
    people.write_text(yaml.safe_dump([identity(ALICE)]))
    told = {"reload": {"watch": True}, "identities": None, "identities_file": str(people)}
    with changed(service, **told):
        assert asked(service)[0] == 0
        people.write_text("- name: [")
        until(lambda: "a file has changed: not reloaded: identities_file: line 1" in service.stderr)
        people.write_text(yaml.safe_dump([identity(ALICE), identity(CAROL)]))
        until(lambda: "a file has changed: reloaded" in service.stderr)
        assert lets_in(service, CAROL)
        assert service.stderr.count("a file has changed: not reloaded") == 1
    reloaded(service)


def test_nobody_to_ask_is_one_line(tmp_path: Path, service: Launched) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("hsm: {store: keys.sqlite}\n")
    code, told = asked(service, path)

    assert code == 1
    assert told.startswith(f"Error: {tmp_path}/run/control.sock: no service answers: ")
