"""An exchange over a client's connection.

It counts every byte of an answer against the length that it declared: too many is a defect, too few tears the
connection. An answer that could not declare one goes out in chunks, and without its end it is torn as well.
"""

from collections.abc import Mapping

from proxy.gateway.client.connection import ClientConnection
from proxy.gateway.client.forwarded import NOBODY, TrustedProxies
from proxy.gateway.client.heads import RequestHead, head_bytes
from proxy.gateway.exchange import Buffer

COALESCE_BYTES = 65_536
"""Up to here one copy costs less than a second system call."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class HttpExchange:
    """See Exchange for the contract."""

    __slots__ = (
        *("_closing", "_connection", "_continue", "_endless", "_owed", "_torn"),
        *("begun", "headers", "method", "plain_bytes_in", "plain_bytes_out", "secure", "source_ip", "target"),
        *("_takes_chunks", "waiting"),
    )

    def __init__(
        self,
        connection: ClientConnection,
        head: RequestHead,
        *,
        closing: bool,
        trusted: TrustedProxies = NOBODY,
    ) -> None:
        self.method = head.method
        self.target = head.target
        self.headers = head.headers
        self.source_ip, self.secure = trusted.origin(
            connection.source_ip, head.headers, secure=connection.secure
        )
        self.begun = False
        self.waiting = False
        self.plain_bytes_in = 0
        self.plain_bytes_out = 0
        self._connection = connection
        self._closing = closing or not head.keep_alive
        self._continue = head.awaits_continue
        self._takes_chunks = head.modern
        self._owed = 0
        self._endless = False
        """It has begun without a length, and its last chunk is still to come."""
        self._torn = False

    @property
    def tls_version(self) -> str:
        connection = self._connection
        return connection.tls_version if self.source_ip == connection.source_ip else ""

    async def read(self) -> bytes:
        if self._continue:
            self._continue = False
            await self._connection.send(CONTINUE)
        data = await self._connection.read()
        self.plain_bytes_in += len(data)
        return data

    async def begin(
        self, status: int, headers: Mapping[str, str], *, length: int | None, first: Buffer = b""
    ) -> None:
        assert not self.begun, "an answer has one head"
        # A client that was never told to continue may send its body or not: nobody could tell it from a head.
        self._closing = self._closing or self._continue or self._connection.goes_astray
        head = head_bytes(status, headers, length=length, close=self._closing)
        self.begun = True
        self._owed = length or 0
        self._count(first)
        if len(first) > COALESCE_BYTES:
            await self._connection.send(head)
            await self._connection.send(first)
        else:
            await self._connection.send(head + first)

    async def begin_waiting(self, headers: Mapping[str, str], first: bytes) -> bool:
        self.waiting = self._takes_chunks
        return await self.begin_in_chunks(200, headers, first)

    async def begin_in_chunks(self, status: int, headers: Mapping[str, str], first: Buffer) -> bool:
        assert not self.begun, "an answer has one head"
        if not self._takes_chunks:
            return False
        self._closing = self._closing or self._continue or self._connection.goes_astray
        chunked = {**headers, "transfer-encoding": "chunked"}
        head = head_bytes(status, chunked, length=None, close=self._closing)
        self.begun = self._endless = True
        await self._connection.send(head + self._chunk(first))
        return True

    async def conclude(self, last: bytes) -> None:
        assert self._endless, "the answer has begun, and not with a length"
        self.waiting = self._endless = False
        await self._connection.send(self._chunk(last) + LAST_CHUNK)

    async def write(self, data: Buffer) -> None:
        if self._endless:
            await self._connection.send(self._chunk(data))
            return
        self._count(data)
        await self._connection.send(data)

    def tear(self) -> None:
        self._torn = True
        self._connection.tear()

    async def end(self) -> bool:
        """See the request off, whose handler has ended. Whether another one may follow on the connection.

        An unfinished answer is torn here at the latest.
        """
        if self._torn or not self.begun or self._owed or self._endless:
            self._connection.tear()
            return False
        if self._continue:
            return False  # a body that was never asked for does not come
        return await self._connection.settle() and not self._closing

    def _chunk(self, data: Buffer) -> bytes:
        """RFC 9112, section 7.1. One of no bytes would be the end."""
        self.plain_bytes_out += len(data)
        return b"".join((b"%x\r\n" % len(data), data, b"\r\n")) if len(data) else b""

    def _count(self, data: Buffer) -> None:
        assert len(data) <= self._owed, "more bytes than the declared length"
        self._owed -= len(data)
        self.plain_bytes_out += len(data)
