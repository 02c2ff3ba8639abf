"""The S3 port: aiohttp's low-level server behind the gateway's own exchange.

aiohttp parses strangers' bytes; the answer's head is written here, in one piece with the body's first bytes.
No router, no middleware. What is no HTTP at all is answered in S3's XML and the connection closed.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from proxy.gateway.connection import HttpExchange, Sent

BACKLOG = 1024
"""Connections that wait in the kernel while a worker is busy or being replaced."""
Handler = Callable[[HttpExchange], Awaitable[None]]
Refusal = Callable[[str, str], bytes]
"""Given the client's address and what is wrong, counts it and gives a whole HTTP answer that closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontLimits:
    head_timeout_seconds: float = 20.0
    """From a head's first byte to its last: s3.md's bound against slow heads."""
    idle_timeout_seconds: float = 120.0
    """A client that neither sends nor takes a byte for so long has gone."""
    keep_alive_seconds: float = 75.0
    head_bytes: int = 65_536
    headers: int = 256
    connections: int = 4096


class FrontProtocol(RequestHandler):
    """aiohttp's connection, with a bound on a head's bytes and time, and S3's words for non-requests."""

    __slots__ = ("_front", "_head_bytes", "_head_timer")

    def __init__(self, front: "Front", manager: web.Server, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._front = front
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Exchange.write promises that the caller's buffer is free again: so the transport may keep nothing.
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=0)
        super().connection_made(transport)
        if not self._front.admit():
            self._refuse("too many connections")

    def connection_lost(self, exc: BaseException | None) -> None:
        self._front.release()
        self._head_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # Bytes that came with the connection can be here before aiohttp's loop waits for its first request.
        awaited = self._waiter is not None or not self._request_count
        waiting_for_head = awaited and not self._messages
        super().data_received(data)
        if not waiting_for_head:
            return
        if self._messages:
            self._head_is_here()
            return
        self._head_bytes += len(data)
        if self._head_bytes > self._front.limits.head_bytes:
            self._refuse("the request's head is too large")
        elif self._head_timer is None:
            wait = self._front.limits.head_timeout_seconds
            self._head_timer = self._loop.call_later(wait, self._refuse, "the request's head came too slowly")

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002  # aiohttp's signature
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # the parser's words stay out of answers
    ) -> web.StreamResponse:
        """What the parser refused. The handler itself never raises to here: it answers or tears."""
        if status >= 500:
            logging.getLogger(__name__).error("a request died outside its handler", exc_info=exc)
        self._refuse("the request is not valid HTTP")
        return cast("web.StreamResponse", Sent(keep_alive=False))

    def leave_if_idle(self) -> None:
        """Close, unless a request is being served or has begun to come."""
        if self._waiter is not None and not self._messages and not self._head_bytes:
            self.force_close()

    def _head_is_here(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, what: str) -> None:
        self._head_is_here()
        if self.transport is not None:
            peer = self.peername
            self.transport.write(self._front.refusal(str(peer[0]) if peer else "", what))
        self.force_close()


class Front:
    """The listening side of one worker: sockets in, exchanges out."""

    def __init__(self, handler: Handler, refusal: Refusal, limits: FrontLimits) -> None:
        self.limits = limits
        self.refusal = refusal
        self._handler = handler
        self._open = 0
        self._draining = False
        self._busy = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._manager = web.Server(self._handle, handler_cancellation=True)

    @property
    def in_flight(self) -> int:
        return self._busy

    @property
    def connections(self) -> int:
        return self._open

    def admit(self) -> bool:
        self._open += 1
        return self._open <= self.limits.connections

    def release(self) -> None:
        self._open -= 1

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
        # Not aiohttp's pre_shutdown: after it a connection drops what arrives, and an upload never ends.
        for connection in self._manager.connections:
            cast("FrontProtocol", connection).leave_if_idle()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), within_seconds)
        await self._manager.shutdown(0.1)

    def _connection(self) -> RequestHandler:
        return FrontProtocol(
            self,
            self._manager,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=self.limits.keep_alive_seconds,
            access_log=None,
            auto_decompress=False,  # a client's Content-Encoding belongs to its object
            max_line_size=self.limits.head_bytes,
            max_field_size=self.limits.head_bytes,
            max_headers=self.limits.headers,
        )

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        exchange = HttpExchange(
            request, idle_seconds=self.limits.idle_timeout_seconds, closing=self._draining
        )
        self._busy += 1
        self._quiet.clear()
        try:
            await self._handler(exchange)
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()
        sent = exchange.sent()
        sent.keep_alive = sent.keep_alive and not self._draining
        return cast("web.StreamResponse", sent)
