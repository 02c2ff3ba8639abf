"""What SIGKILL takes along: the requests in that process, and nothing else."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from tests.processes.load import Load
from tests.service.clients import client
from tests.service.running import Launched, alive, launched, until
from tests.stores.seaweedfs import Store

BUCKET = "killed"
CLIENTS = 6


@pytest.fixture(scope="module")
def service(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    with launched(store, Path(tmp_path_factory.mktemp("killed")), workers=2) as running:
        with client("s3", running.url) as s3:
            s3.create_bucket(Bucket=BUCKET)
            s3.put_object(Bucket=BUCKET, Key="object", Body=b"plain")
        yield running


class Watched:
    """The service's counters, read all the time; `fallen` names those that ever were less than before."""

    def __init__(self, service: Launched) -> None:
        self._service = service
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._highest: dict[str, float] = {}
        self.fallen: list[str] = []
        self.pages = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            try:
                page = self._service.asked("/metrics")[1]
            except OSError:  # the observer is being replaced
                continue
            self.pages += 1
            for name, value in counters(page):
                if value < self._highest.get(name, 0.0):
                    self.fallen.append(f"{name}: {self._highest[name]} then {value}")
                self._highest[name] = value


def counters(page: str) -> Iterator[tuple[str, float]]:
    for family in families(page):
        if family.type in {"counter", "histogram"}:
            for sample in family.samples:
                yield f"{sample.name}{sorted(sample.labels.items())}", sample.value


def kill(service: Launched, name: str, while_away: Callable[[], object] = lambda: None) -> None:
    pid = service.child(name)
    os.kill(pid, signal.SIGKILL)
    while_away()
    until(lambda: service.child(name) != pid)


def all_cached(service: Launched, load: Load, *, requests: int) -> bool:
    """Whether so many more in a row needed no key service: a worker that was just replaced begins empty."""
    done = load.done
    until(lambda: load.done > done + requests)
    last = [event for event in service.events() if event["eventName"] in {"GetObject", "PutObject"}]
    return all(event["additionalEventData"]["cacheHit"] for event in last[-requests:])


def test_a_killed_worker_takes_its_own_requests_along(service: Launched) -> None:
    """At most one of each client, and none is refused: what is not accepted yet waits for the replacement."""
    with Watched(service) as watched, Load(service, BUCKET, clients=CLIENTS) as load:
        until(lambda: load.done > 50)
        kill(service, "worker-0")
        done = load.done
        until(lambda: load.done > done + 100 and watched.pages > 10)

    assert len(load.failures) <= CLIENTS, load.failures
    assert [each for each in load.failures if not isinstance(each, ConnectionResetError)] == []
    assert watched.fallen == []


def test_a_killed_key_service_fails_nothing_that_is_cached(service: Launched) -> None:
    with Watched(service) as watched, Load(service, BUCKET, clients=CLIENTS) as load:
        until(lambda: all_cached(service, load, requests=100))
        kill(service, "hsm-0")
        done = load.done
        until(lambda: load.done > done + 100)

    assert load.failures == []
    assert watched.fallen == []
    assert service.ready()[0] == 200


def test_a_killed_observer_forgets_nothing_of_the_dead(service: Launched) -> None:
    """The requests that a killed worker had served are on the page of the next observer too."""
    with client("s3", service.url) as s3:
        for _ in range(10):
            s3.get_object(Bucket=BUCKET, Key="object")["Body"].read()
    served = service.number("sealgate_s3_sent_bytes_total")
    with Watched(service) as watched:
        kill(service, "worker-1")
        until(lambda: service.number("sealgate_ready_processes") == 2)
        kill(service, "observer-0")
        kill(service, "worker-0")
        until(lambda: service.number("sealgate_ready_processes") == 2)

    assert watched.fallen == []
    assert service.number("sealgate_s3_sent_bytes_total") == served


def test_what_a_dead_process_has_is_not_counted(service: Launched) -> None:
    """Its connections are closed, and its budget is nobody's."""
    budget = service.number("sealgate_memory_budget_bytes")
    pid = service.child("worker-0")
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert service.number("sealgate_memory_budget_bytes") == budget / 2
        assert time.monotonic() - began < 1
        status, told = service.ready()
        assert (status, told["troubles"]) == (200, ["worker-0 does not answer"])
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: service.number("sealgate_memory_budget_bytes") == budget)


def test_none_that_is_queued_is_reset(store: Store, tmp_path: Path) -> None:
    """They sent their requests to a process that never accepted them: the next one answers."""
    head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with launched(store, tmp_path, workers=1) as service:
        pid = service.child("worker-0")
        os.kill(pid, signal.SIGSTOP)
        queued = []
        for _ in range(40):
            queued.append(
                socket.create_connection(("127.0.0.1", service.config["listen"]["port"]), timeout=20)
            )
            queued[-1].sendall(head)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid))

        for waiting in queued:
            with waiting:
                assert waiting.recv(12) == b"HTTP/1.1 403"


def test_no_worker_is_the_only_unreadiness(service: Launched) -> None:
    """One that serves is enough; without any, requests belong elsewhere."""
    pids = [service.child("worker-0"), service.child("worker-1")]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        status, told = service.ready()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    assert (status, told["reasons"]) == (503, ["no worker answers"])
    until(lambda: service.ready()[0] == 200)


def test_each_worker_gets_its_share_of_connections(service: Launched) -> None:
    """The kernel spreads them over the workers' sockets."""
    opened = [socket.create_connection(("127.0.0.1", service.config["listen"]["port"])) for _ in range(64)]
    try:
        until(lambda: service.number("sealgate_s3_connections") >= 64)
        pids = [service.child(f"worker-{number}") for number in range(2)]
        shares = [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids]
    finally:
        for each in opened:
            each.close()

    assert min(shares) > 20
