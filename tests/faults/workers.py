"""A service of several workers, in front of a store that can be slow, or the death of whoever asks it.

A place in which a child dies five times in a minute ends the service: no test may kill there more often.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.faults.steps import Step, StepRelay, step_relay
from tests.service.clients import client
from tests.service.running import Launched, launched, until, upstream
from tests.stores.seaweedfs import Store

PLACES = 4
MOST_DEATHS = 4
WINDOW_SECONDS = 60.0
SILENT_SECONDS = 0.3


class Workers:
    def __init__(self, service: Launched, relay: StepRelay) -> None:
        self.service, self.relay = service, relay
        self._deaths: dict[int, list[float]] = {place: [] for place in range(PLACES)}
        relay.kill = self._kill

    @contextlib.contextmanager
    def client(self, bucket: str) -> Iterator[Any]:
        """boto3 with a connection of its own, to a worker that may be killed."""
        while True:
            with client("s3", self.service.url) as s3:
                s3.head_bucket(Bucket=bucket)
                if self._may_die(self._place(self.relay.seen[-1])):
                    yield s3
                    return

    def _may_die(self, place: int) -> bool:
        recent = [at for at in self._deaths[place] if time.monotonic() - at < WINDOW_SECONDS]
        return len(recent) < MOST_DEATHS

    def _kill(self, step: Step) -> None:
        place = self._place(step)
        self._deaths[place].append(time.monotonic())
        os.kill(self.service.child(f"worker-{place}"), signal.SIGKILL)

    def _place(self, step: Step) -> int:
        """Whose connection a step came over. A new worker serves a moment before the log tells of it."""
        link = f"socket:[{_inode(step.peer_port, self.relay.port)}]"
        found: list[int] = []

        def told() -> bool:
            found.extend(
                place for place in range(PLACES) if link in _opened(self.service.child(f"worker-{place}"))
            )
            return bool(found)

        until(told)
        return found[0]


@contextlib.contextmanager
def workers(store: Store, directory: Path) -> Iterator[Workers]:
    with (
        step_relay(store) as relay,
        launched(
            store,
            directory,
            workers=PLACES,
            upstreams=upstream(store, url=relay.url),
            limits={"drain_seconds": 1, "silent_seconds": SILENT_SECONDS},
        ) as service,
    ):
        yield Workers(service, relay)


def _inode(local_port: int, remote_port: int) -> str:
    """proc(5): addresses and ports in hexadecimal, the inode in the tenth column."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, *columns = line.split()
        if (int(local[-4:], 16), int(remote[-4:], 16)) == (local_port, remote_port):
            return columns[6]
    raise LookupError(f"no connection from {local_port} to {remote_port}")


def _opened(pid: int) -> set[str]:
    links = set()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                links.add(str(each.readlink()))
    return links
