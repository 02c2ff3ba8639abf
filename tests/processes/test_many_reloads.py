"""Reloads leave nothing behind: no descriptor, no thread, no memory, no task. A hundred by default; `make
soak` asks for a thousand.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.processes.reloading import asked_directly, changed
from tests.service.authority import Authority
from tests.service.clients import client
from tests.service.running import Launched, launched, until, upstream
from tests.stores.sealgate import ALICE, BOB, identity
from tests.stores.seaweedfs import Store, free_ports

RELOADS = int(os.environ.get("SEALGATE_SOAK_RELOADS", "100"))
WARM_UP = 20
PLACES = ("worker-0", "worker-1", "hsm-0", "observer-0")
MORE_MEMORY = 6 << 20
"""Beyond what the warm-up took: an allocator's arenas, and not a rest of each reload."""
BUCKET = "soak"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def service(store: Store, tmp_path: Path, authority: Authority) -> Iterator[Launched]:
    own = authority.signed("server")
    tls = {"certificate_file": own.certificate_file, "key_file": own.key_file}
    listen = {"port": free_ports(1)[0], "tls": tls}
    with launched(store, tmp_path, workers=2, listen=listen) as running:
        yield running


def test_reloads_leave_nothing_behind(service: Launched, store: Store, authority: Authority) -> None:
    """Each exchanges everything: identities, store, key services, cache, TLS, sinks."""
    with client("s3", service.url, verify=authority.ca_file) as s3:
        s3.create_bucket(Bucket=BUCKET)
        for number in range(WARM_UP):
            reload_and_use(service, store, s3, number)
        before = {name: held(service.child(name)) for name in PLACES}
        supervisor = held(service.process.pid)
        for number in range(RELOADS):
            reload_and_use(service, store, s3, number)

        for name, had in {**before, "supervisor": supervisor}.items():
            pid = service.process.pid if name == "supervisor" else service.child(name)
            until(lambda pid=pid, had=had: held(pid)["descriptors"] <= had["descriptors"])  # type: ignore[misc]  # mypy infers no lambda with defaults
            now = held(pid)
            assert now["threads"] <= had["threads"] + 1, name
            assert now["memory"] - had["memory"] < MORE_MEMORY, (name, had, now)
    assert "fault of ours" not in service.stderr
    assert service.number("sealgate_audit_events_lost_total") == 0
    assert service.number("sealgate_upstream_connections") == 0


def reload_and_use(service: Launched, store: Store, s3: Any, number: int) -> None:
    """Every tenth is refused when the workers have prepared: the key service may open no other file. Where it
    is to be proved anew they cannot prepare either, which takes seconds: one in a hundred.
    """
    sink = service.directory / f"audit{number % 2}.jsonl"
    refused = number % 10 == 9
    backend = number - 1 if refused and number % 100 != 19 else number
    changes = {
        "identities": [identity(ALICE), *[identity(BOB)] * (number % 2)],
        "upstreams": upstream(store, connections=10 + number % 2, name=f"store{number % 2}"),
        "kms": {"backends": [{"type": "hsm", "write": True, "name": f"hsm{backend % 2}"}]},
        "audit": {"sinks": [{"type": "file", "path": str(sink)}]},
    }
    with changed(service, **changes), no_descriptors(service.child("hsm-0")) if refused else nullcontext():
        answer = asked_directly(service)
    assert answer["done"] is not refused, answer
    assert not refused or "hsm-0: audit.sinks: " in answer["lines"][0]
    s3.put_object(Bucket=BUCKET, Key="object", Body=str(number).encode())
    assert s3.get_object(Bucket=BUCKET, Key="object")["Body"].read() == str(number).encode()


@contextmanager
def no_descriptors(pid: int) -> Iterator[None]:
    """The process can open nothing meanwhile."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def held(pid: int) -> dict[str, int]:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": int(status["Threads"]),
        "memory": int(status["VmRSS"].split()[0]) << 10,
    }
