"""The S3 port of one worker: sockets in, exchanges out.

Connections come through a door, which a reload replaces without touching them, and are served until they end
or the port drains. What is no HTTP at all is answered in S3's XML and the connection closed.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable

from proxy.gateway.client.connection import ClientConnection, FrontLimits
from proxy.gateway.client.forwarded import NOBODY, TrustedProxies
from proxy.gateway.client.http_exchange import HttpExchange

BACKLOG = 1024
"""Connections that wait in the kernel while a worker is busy or being replaced."""
CUT_SECONDS = 1.0
"""For what was cut to let go of what it holds and to be recorded."""
Handler = Callable[[HttpExchange], Awaitable[None]]
Refusal = Callable[[str, str], bytes]
"""Given the client's address and what is wrong, counts it and gives a whole HTTP answer that closes."""

log = logging.getLogger(__name__)


class Front:
    """The listening side of one worker, and the House of its connections."""

    def __init__(
        self,
        handler: Handler,
        refusal: Refusal,
        limits: FrontLimits,
        trusted: TrustedProxies = NOBODY,
    ) -> None:
        self.limits = limits
        self.trusted = trusted
        self.refusal = refusal
        self._handler = handler
        self._open: set[ClientConnection] = set()
        self._draining = False
        self._busy = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None

    @property
    def in_flight(self) -> int:
        return self._busy

    @property
    def connections(self) -> int:
        return len(self._open)

    async def listen(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._listener = listener
        await self.open(await self.door(tls))

    async def door(self, tls: ssl.SSLContext | None) -> asyncio.Server:
        """A server on the same address that accepts nobody yet: it is for `open`, or to be closed."""
        assert self._listener is not None, "a reload comes after the start"
        # On a descriptor of its own, as a server that is closed closes its socket.
        return await asyncio.get_running_loop().create_server(
            self._connection, sock=self._listener.dup(), ssl=tls, backlog=BACKLOG, start_serving=False
        )

    async def open(self, door: asyncio.Server) -> None:
        """Accept through this door from now on, instead of the one before. Connections stay as they are."""
        await door.start_serving()
        if self._server is not None:
            self._server.close()
        self._server = door

    async def drain(self, *, within_seconds: float) -> None:
        """Stop accepting, let what is in flight end, then cut the rest. Idempotent."""
        self._draining = True
        if self._server is not None and self._listener is not None:
            self._server.close()
            self._listener.close()
        for connection in list(self._open):
            connection.leave_if_idle()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), within_seconds)
        left = [connection.task for connection in self._open if connection.task is not None]
        for connection in list(self._open):
            connection.tear()
        if left:
            await asyncio.wait(left, timeout=CUT_SECONDS)

    def _connection(self) -> ClientConnection:
        return ClientConnection(self, asyncio.get_running_loop())

    # What its connections ask of it.

    def admit(self, connection: ClientConnection) -> bool:
        self._open.add(connection)
        return len(self._open) <= self.limits.connections

    def release(self, connection: ClientConnection) -> None:
        self._open.discard(connection)

    async def converse(self, connection: ClientConnection) -> None:
        goes_on = True
        while goes_on:
            head = await connection.next_head()
            exchange = HttpExchange(connection, head, closing=self._draining, trusted=self.trusted)
            await self._serve(exchange)
            goes_on = await exchange.end() and not self._draining
        connection.close()

    async def _serve(self, exchange: HttpExchange) -> None:
        self._busy += 1
        self._quiet.clear()
        try:
            await self._handler(exchange)
        except Exception:
            log.exception("a request died outside its handler")
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()
