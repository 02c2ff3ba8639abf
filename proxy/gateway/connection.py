"""An exchange over one aiohttp connection.

It writes heads itself and counts every byte against the length that it declared: too many is a defect, too
few tears the connection. A write returns when the transport holds nothing more of it.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from typing import TypeVar

from aiohttp import ClientConnectionError, web
from aiohttp.http_exceptions import HttpProcessingError

from proxy.gateway.exchange import BodyTooShort, Buffer, ClientGone

T = TypeVar("T")
COALESCE_BYTES = 65_536
"""Up to here one copy costs less than a second system call."""
REASONS = {status.value: status.phrase for status in HTTPStatus}


class Sent:
    """Tells aiohttp that the answer went out already, and whether the connection goes on."""

    __slots__ = ("body_length", "keep_alive", "status")

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.status = 0
        self.body_length = 0

    async def prepare(self, _request: web.BaseRequest) -> None:
        return None

    async def write_eof(self) -> None:
        return None


class HttpExchange:
    """See Exchange for the contract."""

    __slots__ = (
        "_closing",
        "_continue",
        "_idle_seconds",
        "_owed",
        "_request",
        "_torn",
        "begun",
        "headers",
        "method",
        "plain_bytes_in",
        "plain_bytes_out",
        "secure",
        "source_ip",
        "target",
    )

    def __init__(self, request: web.BaseRequest, *, idle_seconds: float, closing: bool) -> None:
        message = request._message  # noqa: SLF001  # the raw target and headers; aiohttp's own are normalised
        self.method: str = message.method
        self.target: str = message.path
        self.headers: Mapping[str, str] = joined_headers(message.raw_headers)
        self.secure = request.secure
        self.source_ip = request.remote or ""
        self.begun = False
        self.plain_bytes_in = 0
        self.plain_bytes_out = 0
        self._request = request
        self._idle_seconds = idle_seconds
        self._closing = closing or message.should_close or message.upgrade
        self._continue = self.headers.get("expect", "").lower() == "100-continue"
        self._owed = 0
        self._torn = False

    async def read(self) -> bytes:
        content = self._request.content
        if self._continue:
            self._continue = False
            await self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if content.is_eof() and content.total_bytes == 0:
            return b""
        try:
            data = await self._patiently(content.readany())
        except (web.RequestPayloadError, ClientConnectionError, HttpProcessingError, ConnectionError) as exc:
            raise BodyTooShort("the body ended before its declared length") from exc
        self.plain_bytes_in += len(data)
        return data

    async def begin(
        self, status: int, headers: Mapping[str, str], *, length: int | None, first: Buffer = b""
    ) -> None:
        assert not self.begun, "an answer has one head"
        # A client that was never told to continue may send its body or not: nobody could tell it from a head.
        self._closing = self._closing or self._continue
        head = head_bytes(status, headers, length=length, close=self._closing)
        self.begun = True
        self._owed = length or 0
        self._count(first)
        if len(first) > COALESCE_BYTES:
            await self._send(head)
            await self._send(first)
        else:
            await self._send(head + first)

    async def write(self, data: Buffer) -> None:
        self._count(data)
        await self._send(data)

    def tear(self) -> None:
        self._torn = True
        transport = self._request.transport
        if transport is not None:
            transport.abort()

    def sent(self) -> Sent:
        """What became of the answer. An unfinished one is torn here at the latest."""
        if not self.begun or self._owed:
            self.tear()
        elif self._continue and self._request.transport is not None:
            self._request.transport.close()  # aiohttp would wait for a body that never comes
        return Sent(keep_alive=not (self._closing or self._torn))

    def _count(self, data: Buffer) -> None:
        assert len(data) <= self._owed, "more bytes than the declared length"
        self._owed -= len(data)
        self.plain_bytes_out += len(data)

    async def _send(self, data: Buffer) -> None:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ClientGone("the client closed the connection")
        transport.write(data)
        if transport.get_write_buffer_size():
            try:
                await self._patiently(self._request.protocol._drain_helper())  # noqa: SLF001  # StreamWriter.drain without its bookkeeping
            except (ClientConnectionError, ConnectionError) as exc:
                raise ClientGone("the client closed the connection") from exc

    async def _patiently(self, step: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._idle_seconds):
                return await step
        except TimeoutError as exc:
            # Not torn here: the loss of the connection would cancel the handler, and hide why it ended.
            raise ClientGone(f"no byte moved for {self._idle_seconds:g} s", idle=True) from exc


def joined_headers(raw: tuple[tuple[bytes, bytes], ...]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = raw_name.decode("ascii").lower()
        value = raw_value.decode("utf-8", "surrogateescape")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def head_bytes(status: int, headers: Mapping[str, str], *, length: int | None, close: bool) -> bytes:
    """A whole HTTP/1.1 head. ValueError where a value would begin a new line: response splitting."""
    lines = [
        f"HTTP/1.1 {status} {REASONS.get(status, '')}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if length is not None:
        lines.append(f"content-length: {length}")
    if close:
        lines.append("connection: close")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise ValueError("a header value holds a line break or NUL")
    return (text + "\r\n\r\n").encode("utf-8", "surrogateescape")
