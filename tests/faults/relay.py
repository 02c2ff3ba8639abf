"""A store's bad days: a TCP relay in front of a server that cuts, stalls, delays, changes or answers itself.

It runs in a thread of its own. What it does is a Trouble, which holds for all connections, old and new, from
the moment that it is set; its counters begin there.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.stores.seaweedfs import Store, free_ports

PIECE = 65_536
Change = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What happens to the bytes in one direction."""

    cut_after: int | None = None
    """Both sides are reset once this many bytes went through."""
    end_after: int | None = None
    """As cut_after, but the receiver sees an orderly end."""
    stall_after: int | None = None
    """Nothing more goes through; the connections stay."""
    delay_seconds: float = 0.0
    """Before each piece."""
    change: Change | None = None
    """Of each piece; a head comes whole in the first one here."""


CLEAR = Way()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    to_store: Way = CLEAR
    to_proxy: Way = CLEAR
    answer: bytes | None = None
    """Sent instead of the store's; the store sees nothing of the request."""
    times: int | None = None
    """How many connections are cut, ended or answered; then all is well."""


class Relay:
    def __init__(self, store: Store) -> None:
        self._place = urlsplit(store.url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.struck = 0
        """Connections that a trouble has met."""
        self._trouble = Trouble()
        self._moved = {"to_store": 0, "to_proxy": 0}

    @property
    def moved_bytes(self) -> int:
        """Both ways, since the trouble began."""
        return sum(self._moved.values())

    @contextlib.contextmanager
    def trouble(self, **what: Any) -> Iterator[None]:
        """What holds until the end of the block. Connections that it left half dead end with it."""
        self._set(Trouble(**what))
        try:
            yield
        finally:
            self._set(Trouble())
            self._run(self._end_connections())

    def open(self) -> None:
        if not self._thread.is_alive():
            self._thread.start()
        self._run(self._listen())

    def shut(self) -> None:
        """As a store that has died: its port refuses, what was open is reset."""
        self._run(self._shut())

    def end(self) -> None:
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _set(self, trouble: Trouble) -> None:
        self.struck = 0
        self._moved = dict.fromkeys(self._moved, 0)
        self._trouble = trouble

    def _run(self, step: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, self._loop).result(20)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._end_connections()

    async def _end_connections(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await self._join(reader, writer)
        self._tasks.discard(task)
        writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        store_reader, store_writer = await asyncio.open_connection(self._place.hostname, self._place.port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, store_writer, "to_store", writer))
                both.create_task(self._pass_on(store_reader, writer, "to_proxy", writer))
        except* OSError:
            pass
        finally:
            store_writer.transport.abort()

    async def _pass_on(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        way_name: str,
        proxy: asyncio.StreamWriter,
    ) -> None:
        while piece := await source.read(PIECE):
            trouble = self._current()
            if trouble.answer is not None and way_name == "to_store":
                self.struck += 1
                proxy.write(trouble.answer)
                await proxy.drain()
                await self._swallow(source, proxy)
            await self._move(piece, getattr(trouble, way_name), way_name, sink)
        raise ConnectionResetError("one side ended")

    def _current(self) -> Trouble:
        trouble = self._trouble
        over = trouble.times is not None and self.struck >= trouble.times
        return Trouble() if over else trouble

    async def _move(self, piece: bytes, way: Way, way_name: str, sink: asyncio.StreamWriter) -> None:
        await asyncio.sleep(way.delay_seconds)
        if way.change is not None:
            piece = way.change(piece)
        before = self._moved[way_name]
        bound = min(
            (b for b in (way.cut_after, way.end_after, way.stall_after) if b is not None), default=None
        )
        if bound is not None and before + len(piece) > bound:
            piece = piece[: max(0, bound - before)]
        self._moved[way_name] = before + len(piece)
        sink.write(piece)
        await sink.drain()
        if bound is None or self._moved[way_name] < bound:
            return
        self.struck += 1
        if way.stall_after is not None:
            await asyncio.Event().wait()
        if way.end_after is not None:
            sink.close()
            await sink.wait_closed()
        await asyncio.sleep(0.05)  # so that what was let through is read before the reset overtakes it
        raise ConnectionResetError("cut")

    async def _swallow(self, source: asyncio.StreamReader, proxy: asyncio.StreamWriter) -> None:
        """Read on for a moment, so that the answer is not lost to a reset; then end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                while await source.read(PIECE):
                    pass
        proxy.close()
        raise ConnectionResetError("answered")


@contextlib.contextmanager
def relaying(store: Store) -> Iterator[Relay]:
    relay = Relay(store)
    relay.open()
    try:
        yield relay
    finally:
        relay.end()
