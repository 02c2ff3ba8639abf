"""A front on a port of its own, and talks with it byte by byte."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

from proxy.gateway.app import Front
from proxy.gateway.client.connection import FrontLimits
from proxy.gateway.client.http_exchange import HttpExchange

LIMITS = FrontLimits(
    head_timeout_seconds=0.3, idle_timeout_seconds=0.5, keep_alive_seconds=1.0, connections=4
)


def refusal(_peer: str, what: str) -> bytes:
    return b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n" + what.encode()


async def echo(exchange: HttpExchange) -> None:
    body = b""
    while piece := await exchange.read():
        body += piece
    told = "&".join(f"{name}={value}" for name, value in exchange.headers.items() if name.startswith("x-"))
    answer = f"{exchange.method} {exchange.target} {told} ".encode("utf-8", "surrogateescape") + body
    await exchange.begin(200, {"x-a": "b"}, length=len(answer), first=answer)


@contextlib.asynccontextmanager
async def serving(
    handler: Callable[[HttpExchange], Awaitable[None]] = echo,
) -> AsyncIterator[tuple[Front, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    front = Front(handler, refusal, LIMITS)
    await front.listen(listener, None)
    try:
        yield front, listener.getsockname()[1]
    finally:
        await front.drain(within_seconds=0.1)


async def talk(port: int, *pieces: bytes, pause_seconds: float = 0.0) -> bytes:
    """Everything that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            await asyncio.sleep(pause_seconds)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(5):
                return await reader.read()
        return b""
    finally:
        writer.close()
