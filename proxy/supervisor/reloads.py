"""The three ways to ask for a reload: SIGHUP, a connection to the control socket, and a file that has
changed.

Reloads run one at a time, in the order asked. The control socket lies in a directory of the service's own;
whoever connects sends the line `reload` and is answered with one JSON line: `done`, and `lines` that say why
not. SIGHUP and the watch can only tell the log.
"""

import asyncio
import itertools
import json
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from proxy.supervisor.keeper import Keeper
from proxy.supervisor.reload import Load, ReloadRefused, reload
from proxy.supervisor.start import BACKLOG

log = logging.getLogger(__name__)

ORDER = b"reload\n"
ASKING_SECONDS = 5.0
WATCH_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloading:
    """What the supervisor, which reads no configuration itself, is given to reload by."""

    load: Load
    changed: Callable[[], bool]
    """Whether what was last loaded, or tried, is no longer what the files hold; asked in a thread."""
    control: socket.socket | None = None
    """Bound and listening."""


@asynccontextmanager
async def reloads(reloading: Reloading, serving: Callable[[], list[Keeper] | None]) -> AsyncIterator[None]:
    """Take orders while inside. `serving` gives who is to be reloaded, or None where nobody can be now."""
    orders = _Orders(reloading, serving)
    loop = asyncio.get_running_loop()
    working = [asyncio.create_task(orders.work()), asyncio.create_task(orders.watch())]
    server = None
    if reloading.control is not None:
        server = await asyncio.start_unix_server(orders.answer, sock=reloading.control, backlog=BACKLOG)
    loop.add_signal_handler(signal.SIGHUP, orders.ask, "SIGHUP")
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        if server is not None:
            server.close()
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        orders.refuse_the_rest()


class _Orders:
    def __init__(self, reloading: Reloading, serving: Callable[[], list[Keeper] | None]) -> None:
        self._reloading = reloading
        self._serving = serving
        self._asked: asyncio.Queue[tuple[str, asyncio.Future[tuple[str, ...]]]] = asyncio.Queue()
        self._numbers = itertools.count(1)

    def ask(self, who: str) -> "asyncio.Future[tuple[str, ...]]":
        """Its result: why it was refused; empty where it is done."""
        done: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        self._asked.put_nowait((who, done))
        return done

    async def work(self) -> None:
        while True:
            who, done = await self._asked.get()
            lines: tuple[str, ...] = ("the service was stopped meanwhile",)
            try:
                lines = await self._one(who)
            finally:
                if not done.done():
                    done.set_result(lines)

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if await asyncio.to_thread(self._reloading.changed):
                await self.ask("a file has changed")

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, ValueError):
            async with asyncio.timeout(ASKING_SECONDS):
                line = await reader.readline()
            if line == ORDER:
                lines = await self.ask("sealgate reload")
                writer.write(json.dumps({"done": not lines, "lines": lines}).encode() + b"\n")
                await writer.drain()
        writer.close()

    def refuse_the_rest(self) -> None:
        while not self._asked.empty():
            _, done = self._asked.get_nowait()
            done.set_result(("the service is being stopped",))

    async def _one(self, who: str) -> tuple[str, ...]:
        lines = await self._refusals()
        for line in lines:
            log.error("%s: not reloaded: %s", who, line)
        if not lines:
            log.info("%s: reloaded", who)
        return lines

    async def _refusals(self) -> tuple[str, ...]:
        keepers = self._serving()
        if keepers is None:
            return ("the service is starting or being stopped: try again when it is ready",)
        try:
            await reload(keepers, self._reloading.load, number=next(self._numbers))
        except ReloadRefused as exc:
            return exc.lines
        except Exception as exc:
            log.exception("a fault of ours")
            return (f"a fault of ours: {type(exc).__name__}: the log has more",)
        return ()
