"""The whole product as its user starts it: `sealgate hsm init`, then `sealgate serve`, as real processes."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.stores.limits import LIMITS
from tests.stores.seaweedfs import Store, free_ports

SEALGATE = str(Path(sys.executable).parent / "sealgate")
ACCOUNT, OTHER_ACCOUNT = "111122223333", "444455556666"
READY_SECONDS = 60
MANY = ("CreateKey", "CreateAlias", "DisableKey", "EnableKey", "ScheduleKeyDeletion")
"""What tests do more often than AWS's quotas let one."""


EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"},
}
"""What every identity of the tests may do, where a test does not say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    name: str
    account: str
    access_key: str
    secret_key: str
    session_token: str = ""
    expires: str = ""
    """When the token is over; empty: never."""
    policies: Sequence[Mapping[str, Any]] = field(default=(EVERYTHING,), hash=False)

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:user/{self.name}"


ALICE = User(name="alice", account=ACCOUNT, access_key="AKIAALICE0000000", secret_key="alice-secret-key")
BOB = User(name="bob", account=ACCOUNT, access_key="AKIABOB000000000", secret_key="bob-secret-key")
MALLORY = User(
    name="mallory", account=OTHER_ACCOUNT, access_key="AKIAMALLORY00000", secret_key="mallory-secret"
)
VISITOR = User(
    name="visitor",
    account=ACCOUNT,
    access_key="ASIAVISITOR00000",
    secret_key="visitor-secret-key",
    session_token="visitor-token+/=",
    expires="2099-01-01T00:00:00Z",
)
GONE = replace(VISITOR, name="gone", access_key="ASIAGONE00000000", expires="2020-01-01T00:00:00Z")
"""Whose token is over."""
LIMITED = User(
    name="limited",
    account=ACCOUNT,
    access_key="AKIALIMITED00000",
    secret_key="limited-secret-key",
    policies=[LIMITS],
)
"""Who may do little, and that in buckets whose names begin with `limited-`."""
IDLE = User(
    name="idle", account=ACCOUNT, access_key="AKIAIDLE00000000", secret_key="idle-secret-key", policies=()
)
"""To whom nothing is allowed."""
USERS = (ALICE, BOB, MALLORY, VISITOR, GONE, LIMITED, IDLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealgate:
    """A running service. Its audit file and its log can be read while it runs."""

    url: str
    admin_url: str
    kms_url: str
    directory: Path
    process: subprocess.Popen[bytes]
    store: Store
    config: Mapping[str, Any]

    @property
    def log(self) -> str:
        return (self.directory / "sealgate.log").read_text()

    def metrics(self) -> str:
        address = f"{self.admin_url}/metrics"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  # our own loopback URL
            return str(answer.read().decode())


def config_for(store: Store, directory: Path, **changes: Any) -> dict[str, Any]:
    """A configuration in front of `store`, with the built-in HSM, on free ports."""
    listen, admin, kms = free_ports(3)
    config: dict[str, Any] = {
        # Most tests look at one worker's cache or process; which clients notice several is tests/processes.
        "workers": int(os.environ.get("SEALGATE_TEST_WORKERS", "1")),
        "listen": {"port": listen},
        "admin": {"port": admin},
        "upstreams": [
            {
                "name": "store",
                "url": store.url,
                "access_key_id": store.access_key,
                "secret_access_key": store.secret_key,
                "preset": store.preset,
            }
        ],
        "accounts": [ACCOUNT, OTHER_ACCOUNT],
        "identities": [identity(user) for user in USERS],
        "kms": {"backends": [{"type": "hsm", "write": True}]},
        "hsm": {
            "store": str(directory / "hsm.sqlite"),
            "root_key": {"file": str(directory / "root.key")},
            "socket": str(directory / "run" / "hsm.sock"),
            "listen": {"port": kms},
            "quotas": {"requests": [{"operation": name, "per_second": 1000} for name in MANY]},
        },
        "limits": {"drain_seconds": 5},
        "audit": {"sinks": [{"type": "file", "path": str(directory / "audit.jsonl")}]},
    }
    return config | changes


def identity(user: User) -> dict[str, Any]:
    key = {"access_key_id": user.access_key, "secret_access_key": user.secret_key}
    if user.session_token:
        key |= {"session_token": user.session_token}
    if user.expires:
        key |= {"expires": user.expires}
    who = {"name": user.name, "account": user.account, "access_keys": [key]}
    return who | {"policies": [dict(policy) for policy in user.policies], "tags": {"team": "red"}}


@contextlib.contextmanager
def serving(store: Store, directory: Path, **changes: Any) -> Iterator[Sealgate]:
    """`changes` replace whole sections of the configuration."""
    config = config_for(store, directory, **changes)
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    if config.get("hsm") and not (directory / "hsm.sqlite").exists():
        run("hsm", "init", "--config", str(path))
    with started(store, path, config) as service:
        yield service


@contextlib.contextmanager
def started(store: Store, path: Path, config: Mapping[str, Any]) -> Iterator[Sealgate]:
    directory = path.parent
    log = (directory / "sealgate.log").open("ab")
    process = subprocess.Popen(
        [SEALGATE, "serve", "--config", str(path)], stdout=log, stderr=log, start_new_session=True
    )
    tls = "https" if config["listen"].get("tls") else "http"
    service = Sealgate(
        url=f"{tls}://127.0.0.1:{config['listen']['port']}",
        admin_url=f"http://127.0.0.1:{config['admin']['port']}",
        kms_url=f"http://127.0.0.1:{config['hsm']['listen']['port']}" if config.get("hsm") else "",
        directory=directory,
        process=process,
        store=store,
        config=config,
    )
    try:
        _wait_until_ready(service)
        yield service
    finally:
        _stop(process)
        log.close()


def run(*arguments: str, environ: Mapping[str, str] | None = None, check: bool = True) -> str:
    """What a command of ours prints."""
    done = subprocess.run(
        [SEALGATE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **(environ or {})},
    )
    if check and done.returncode != 0:
        raise RuntimeError(f"sealgate {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout + done.stderr


def _wait_until_ready(service: Sealgate) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while "\nready\n" not in "\n" + service.log:
        if service.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"sealgate did not become ready:\n{service.log[-4000:]}")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
