"""A key service's engine that is killed on the way: the script that it runs, and the program that runs it.

Everything that is random is drawn from a fixed sequence, so that each run makes the same keys: after k
acknowledged steps the store must hold what it holds after k steps of a run that nobody disturbed, or k + 1.

    python -m tests.hsm.crashing    a run in a child of its own for each line of its input, `DIRECTORY
                                    ROUNDS WHEN N MICROSECONDS`; answers with the count of steps, and
                                    whether the child died

Under strace, which does something to each process's call number MOST_SYNCS of `fsync` or of `fdatasync`, WHEN
is that name, and it happens to the run's own call number N.
"""

import io
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from proxy.hsm.core.key_policies import default_policy
from proxy.hsm.engine import Engine
from proxy.hsm.init import initialise, open_sqlite_store
from proxy.hsm.root import KeyFile
from proxy.hsm.witness import FileWitness, beside
from tests.hsm.rig import ACCOUNT, NOW, REGION, user
from tests.hsm.rights import everything

GRANTEE = f"arn:aws:iam::{ACCOUNT}:user/bea"
PASSES = "the waiting time of a deletion passes"
WAIT_SECONDS = 8 * 86_400.0
WHENS = ("before", "after")
MOST_SYNCS = 100
Step = tuple[str, dict[str, Any]]


def make(directory: Path) -> None:
    initialise(
        directory / "hsm.db",
        KeyFile(directory / "root.key"),
        account=ACCOUNT,
        region=REGION,
        clock=lambda: NOW,
        random=random.Random(1).randbytes,  # noqa: S311 -- the same keys in each run
        make_root_key=True,
    )


class Clock:
    """Stands still but where a step moves it."""

    now = NOW


def opened(directory: Path) -> Engine:
    Clock.now = NOW
    path = directory / "hsm.db"
    store = open_sqlite_store(
        path, KeyFile(directory / "root.key"), random=os.urandom, witness=FileWitness(beside(path))
    )
    return Engine(
        store,
        clock=lambda: Clock.now,
        random=random.Random(2).randbytes,  # noqa: S311 -- the same keys in each run
        accounts=[ACCOUNT],
        regions=[REGION],
        rights_of=everything,
    )


def steps(rounds: int) -> Iterable[Step]:
    """Changes of every kind, each on the newest key. "KEY" stands for its id."""
    yield "CreateKey", {"Description": "to be destroyed"}
    yield "CreateAlias", {"AliasName": "alias/destroyed", "TargetKeyId": "KEY"}
    yield "RotateKeyOnDemand", {"KeyId": "KEY"}
    yield "CreateGrant", {"KeyId": "KEY", "GranteePrincipal": GRANTEE, "Operations": ["Decrypt"]}
    yield "PutKeyPolicy", {"KeyId": "KEY", "Policy": default_policy(ACCOUNT)}
    yield "ScheduleKeyDeletion", {"KeyId": "KEY", "PendingWindowInDays": 7}
    yield PASSES, {}
    for number in range(rounds):
        yield "CreateKey", {"Description": f"key {number}"}
        yield "CreateAlias", {"AliasName": f"alias/{number}", "TargetKeyId": "KEY"}
        yield "UpdateKeyDescription", {"KeyId": "KEY", "Description": f"renamed {number}"}
        yield "DisableKey", {"KeyId": "KEY"}
        if number:
            yield "UpdateAlias", {"AliasName": f"alias/{number - 1}", "TargetKeyId": "KEY"}
            yield "DeleteAlias", {"AliasName": f"alias/{number - 1}"}


def run(engine: Engine, rounds: int, acknowledged: Callable[[], None]) -> None:
    key_id = ""
    for action, request in steps(rounds):
        named = {name: key_id if value == "KEY" else value for name, value in request.items()}
        if action == PASSES:
            Clock.now += WAIT_SECONDS
            assert [happened.name for happened in engine.do_due()] == ["DeleteKey"]
            Clock.now -= WAIT_SECONDS
            acknowledged()
            continue
        response = engine.call(user(), action, named).response
        if action == "CreateKey":
            key_id = response["KeyMetadata"]["KeyId"]
        acknowledged()


def snapshot(engine: Engine) -> dict[str, Any]:
    """All that the store holds of the account: keys with their material's digest, grants and aliases."""
    ring = engine._desk.ring
    found: dict[str, Any] = {}
    for key_id in ring.key_ids(REGION, ACCOUNT):
        key = ring.key(REGION, key_id)
        assert key is not None
        digests = [sha256(v.material.reveal()).hexdigest() for v in ring.versions(key)]
        found[key_id] = (key, digests, ring.grants.of_key(key.arn))
    for name in ring.alias_names(REGION, ACCOUNT):
        found[name] = ring.alias(REGION, ACCOUNT, name)
    return found


class Dying(sqlite3.Connection):
    """Kills its process before or after its n-th statement."""

    when, at, count = "", 0, 0

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        with self._statement():
            return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        with self._statement():
            return super().executemany(*arguments)

    def _statement(self) -> "_Counted":
        return _Counted()


class _Counted:
    def __enter__(self) -> None:
        Dying.count += 1
        if (Dying.when, Dying.at) == ("before", Dying.count):
            os.kill(os.getpid(), signal.SIGKILL)

    def __exit__(self, *_: object) -> None:
        if (Dying.when, Dying.at) == ("after", Dying.count):
            os.kill(os.getpid(), signal.SIGKILL)


def run_in(directory: Path, rounds: int, out: int) -> None:
    """A dot for each acknowledged step, as it is acknowledged."""
    with closing(opened(directory)) as engine:

        def acknowledged() -> None:
            os.write(out, b".")

        run(engine, rounds, acknowledged)


def sync_before(call: str, times: int) -> None:
    with tempfile.TemporaryFile() as nothing:
        for _ in range(times):
            getattr(os, call)(nothing.fileno())


def serve() -> None:
    """Forks: a new interpreter for each kill would take most of the time."""
    for line in sys.stdin:
        directory, rounds, when, at, pause = line.split()
        readable, writable = os.pipe()
        child = os.fork()
        if child == 0:
            Dying.when, Dying.at = when, int(at)
            if when in {"fsync", "fdatasync"}:
                sync_before(when, MOST_SYNCS - int(at))
            sqlite3.connect = partial(sqlite3.connect, factory=Dying)  # type: ignore[assignment]  # overloads
            run_in(Path(directory), int(rounds), writable)
            os._exit(0)
        os.close(writable)
        with open(readable, "rb", buffering=0) as dots:  # noqa: PTH123 -- a pipe
            count = _killed_after(child, dots, int(at), int(pause)) if when == "random" else 0
            while dot := dots.read(64):
                count += len(dot)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{count} {status}\n")
        sys.stdout.flush()


def _killed_after(child: int, dots: io.RawIOBase, steps: int, pause_microseconds: int) -> int:
    """Kills it a moment after so many acknowledged steps; answers with how many were heard of."""
    heard = 0
    while heard < steps and (dot := dots.read(1)):
        heard += len(dot)
    time.sleep(pause_microseconds / 1e6)
    os.kill(child, signal.SIGKILL)
    return heard


if __name__ == "__main__":
    serve()
