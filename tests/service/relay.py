"""A relay in front of a server, in a thread of its own: with TLS or without; it can be shut and reopened."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Coroutine, Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.stores.seaweedfs import Store, free_ports

_STEPS_TO_SERVE = 4
"""Its task, its transport, that this is made, and the task of _serve."""


class Relay:
    def __init__(self, store: Store, tls: ssl.SSLContext | None) -> None:
        self._place = urlsplit(store.url)
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = free_ports(1)[0]
        self.spoil = (b"", b"")
        """What is replaced in the store's answers, and by what of the same length."""
        self.requests = 0
        """Connections by which a request came; one that ended in its TLS handshake does not count."""

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def open(self) -> None:
        if not self._thread.is_alive():
            self._thread.start()
        self._run(self._listen())

    def shut(self) -> None:
        """As a store that has died: its port refuses, what was open is cut."""
        self._run(self._shut())

    def end(self) -> None:
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, step: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, self._loop).result(20)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)

    async def _shut(self) -> None:
        if self._server is not None:
            await self._accept_no_more(self._server)
            self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept_no_more(self, server: asyncio.Server) -> None:
        """What was accepted gets the few steps of the loop that it takes to be served, and cut: Python 3.11
        fails on it if the server is closed in between, and leaves its socket open.
        """
        for each in server.sockets:
            self._loop.remove_reader(each.fileno())
        for _ in range(_STEPS_TO_SERVE):
            await asyncio.sleep(0)
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await self._join(reader, writer)
        self._tasks.discard(task)
        writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(65_536)
        if not first:
            return
        self.requests += 1
        store_reader, store_writer = await asyncio.open_connection(self._place.hostname, self._place.port)
        try:
            store_writer.write(first)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, store_writer))
                both.create_task(self._pass_on(store_reader, writer, spoiled=True))
        except* OSError:
            pass
        finally:
            store_writer.transport.abort()

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, spoiled: bool = False
    ) -> None:
        while piece := await source.read(262_144):
            sink.write(piece.replace(*self.spoil) if spoiled and self.spoil[0] else piece)
            await sink.drain()
        raise ConnectionResetError("one side ended")


@contextlib.contextmanager
def relaying(store: Store, tls: ssl.SSLContext | None = None) -> Iterator[Relay]:
    relay = Relay(store, tls)
    relay.open()
    try:
        yield relay
    finally:
        relay.end()


def server_context(certificate_file: str, key_file: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return context
