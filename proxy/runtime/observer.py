"""The process that answers for the others: health and metrics on the admin port. It holds no secret.

It asks every child's status socket when somebody asks it, and once a second besides, so that what a child
counted before it died is known. It lives from before the first self-test to after the last drained request.
The counts of the dead are kept in a file too: this process may die itself, and counters must not fall for
that.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import version
from pathlib import Path

from proxy.admin.app import admin_server
from proxy.admin.readiness import Readiness
from proxy.metrics import RUNNING, Metrics, Snapshot, render
from proxy.runtime.tally import Tally
from proxy.runtime.telling import LONGEST_BYTES, checked, maybe_decode
from proxy.supervisor.start import Start

SCRAPE_SECONDS = 0.05
"""How long a scrape waits for a process: one that hangs must not take the page of all the others along."""
PROBE_SECONDS = 0.5
"""Longer, as it decides whether this replica is sent requests at all; below a probe's usual second."""
POLL_SECONDS = 1.0


async def run_observer(start: Start, *, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Serve the admin port until stopped."""
    observer = Observer(start.peers, Path(start.ledger) if start.ledger else None)
    await observer.begin()
    async with (
        admin_server(start.sockets["admin"], render=observer.page, readiness=observer.readiness),
        asyncio.TaskGroup() as tasks,
    ):
        polling = tasks.create_task(observer.poll())
        ready()
        await stop.wait()
        polling.cancel()


class Observer:
    def __init__(self, peers: Mapping[str, str], ledger: Path | None) -> None:
        self._peers = peers
        self._serving = [name for name in peers if name.startswith("worker-")]
        self._ledger = ledger
        dead = _read(ledger)
        self._follows = dead is not None
        self._tally = Tally(peers, dead)
        self._writing = asyncio.Lock()
        self._own = Metrics()
        self._own.count(RUNNING, version("sealgate"))

    async def begin(self) -> None:
        """Learn what an observer before this one knew, before anybody is told less."""
        if self._follows:
            await self._ask_all(PROBE_SECONDS)
        await self._keep()

    async def page(self, accept: str) -> tuple[bytes, str]:
        answered = await self._ask_all(SCRAPE_SECONDS)
        return render([*self._tally.page(answered), self._own.snapshot()], accept)

    async def readiness(self) -> Readiness:
        answered = await self._ask_all(PROBE_SECONDS)
        return self._tally.readiness(answered, serving=self._serving)

    async def poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self._ask_all(PROBE_SECONDS)

    async def _ask_all(self, within_seconds: float) -> Collection[str]:
        """The names of those that answered in time."""
        asking = {name: asyncio.create_task(_line(path)) for name, path in self._peers.items()}
        try:
            if asking:
                await asyncio.wait(asking.values(), timeout=within_seconds)
        finally:
            for task in asking.values():
                task.cancel()
        lines = {name: task.result() for name, task in asking.items() if task.done() and not task.cancelled()}
        return await self._take(lines)

    async def _take(self, lines: Mapping[str, bytes]) -> Collection[str]:
        answers = {name: told for name, line in lines.items() if (told := maybe_decode(line)) is not None}
        died = [name for name, told in answers.items() if self._tally.take(name, told)]
        if died:
            await self._keep()
        return answers.keys()

    async def _keep(self) -> None:
        if self._ledger is not None:
            async with self._writing:
                await asyncio.to_thread(_write, self._ledger, self._tally.dead)


async def _line(path: str) -> bytes:
    """What a process tells; empty where nobody does."""
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_BYTES)
    except OSError:
        return b""
    try:
        return await reader.readline()
    except (ValueError, ConnectionError):  # longer than any answer of ours, or cut
        return b""
    finally:
        writer.close()


def _read(ledger: Path | None) -> Snapshot | None:
    if ledger is None:
        return None
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        return checked(json.loads(ledger.read_text()))
    return None


def _write(ledger: Path, dead: Snapshot) -> None:
    """Whole or not at all. Without it a later observer would begin anew, so a full disk is no fault here."""
    new = ledger.with_suffix(".new")
    with contextlib.suppress(OSError):
        new.write_text(json.dumps(dead))
        new.replace(ledger)
