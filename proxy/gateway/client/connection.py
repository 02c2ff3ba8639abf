"""One client's connection: bytes in, heads and bodies out, answers back.

Rules. Callbacks only move bytes, judge heads, and wake the one task that serves the connection. A body is
counted here by its length, and reading is paused while too much of it waits for the task. One timer watches
whatever is awaited; it runs on from wait to wait and looks at the clock only when it fires. When the
connection is lost the task is cancelled, wherever it is.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, cast

from proxy.chunks import Chunks, DamagedChunks, of_request
from proxy.gateway.client.heads import BadHead, HeadReader, RequestHead
from proxy.gateway.exchange import BodyTooShort, Buffer, ClientGone

UNREAD_BYTES = 131_072
"""From so many on that nobody has taken, the client is not read from."""
LINGER_SECONDS = 10.0
"""How long bytes are dropped that nobody wants: a client that is still sending when its connection is closed
may lose the answer that it was sent (RFC 9112, 9.6)."""


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


class House(Protocol):
    """Whose connections these are."""

    limits: FrontLimits

    def admit(self, connection: "ClientConnection") -> bool:
        """False where there are too many. `release` follows in any case."""

    def release(self, connection: "ClientConnection") -> None: ...
    def refusal(self, source_ip: str, what: str) -> bytes: ...
    def converse(self, connection: "ClientConnection") -> Coroutine[Any, Any, None]:
        """Its exchanges, one after the other; cancelled when the connection is lost."""


class ClientConnection(asyncio.Protocol):
    """Used by one task, which it makes itself."""

    __slots__ = (
        *("_behind", "_body_left", "_chunks", "_damaged", "_deadline", "_ended", "_head", "_house", "_late"),
        *("_loop", "_pieces", "_reader", "_reading_paused", "_serving", "_timer", "_transport", "_unread"),
        *("_unsent", "_unsent_bytes", "_waiter", "secure", "source_ip", "task"),
    )

    def __init__(self, house: House, loop: asyncio.AbstractEventLoop) -> None:
        self._house = house
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self.task: asyncio.Task[None] | None = None
        self.secure = False
        self.source_ip = ""
        limits = house.limits
        self._reader = HeadReader(max_bytes=limits.head_bytes, max_headers=limits.headers)
        self._head: RequestHead | None = None
        self._serving = False
        """A head is here, and the exchange that it began is not over."""
        self._body_left = 0
        self._chunks: Chunks | None = None
        self._damaged = False
        self._pieces: deque[bytes] = deque()
        self._unread = 0
        self._behind = b""
        """What came after the end of the message that is being served."""
        self._reading_paused = self._unsent = self._ended = False
        self._unsent_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._late: Callable[[], None] | None = None
        """What happens at the deadline; None where nothing is awaited."""

    @property
    def tls_version(self) -> str:
        """Such as 1.3; empty without TLS."""
        secured = self._transport.get_extra_info("ssl_object") if self.secure and self._transport else None
        return (secured.version() or "").removeprefix("TLSv") if secured else ""

    # The loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.secure = transport.get_extra_info("sslcontext") is not None
        peer = transport.get_extra_info("peername")
        self.source_ip = str(peer[0]) if peer else ""
        # "Paused" must mean "not empty". TLS transports compare with >=, so that 0 would mean "always".
        self._transport.set_write_buffer_limits(high=1 if self.secure else 0, low=0)
        if self._house.admit(self):
            self.task = self._loop.create_task(self._house.converse(self))
        else:
            self._transport.write(self._house.refusal(self.source_ip, "too many connections"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the loop's signature
        self._house.release(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        if self._serving:
            self._take(data)
        else:
            self._read_head(data)

    def pause_writing(self) -> None:
        self._unsent = True

    def resume_writing(self) -> None:
        self._unsent = False
        self._wake()

    # The task's side

    async def next_head(self) -> RequestHead:
        """The next request's. A client that is too long silent, too slow or wrong never gets so far."""
        behind, self._behind = self._behind, b""
        if behind:
            self._read_head(behind)
        if self._head is None and not self._reader.begun and not self._ended:
            self._watch(self._house.limits.keep_alive_seconds, self.close)
        self._resume_reading()
        while self._head is None:
            await self._woken()
        head, self._head = self._head, None
        return head

    async def read(self) -> bytes:
        """The body's next piece, b"" at its end. Raises BodyTooShort, ClientGone."""
        while not self._pieces:
            if self.body_is_over:
                return b""
            if self._damaged:
                raise BodyTooShort("the body is no chunked coding")
            await self._moved()
        piece = self._pieces.popleft()
        self._unread -= len(piece)
        self._resume_reading()
        return piece

    async def send(self, data: Buffer) -> None:
        """On return the transport holds nothing of data, unless the connection is lost. Raises ClientGone."""
        if self._transport is None or self._transport.is_closing():
            raise ClientGone("the client closed the connection")
        self._transport.write(data)
        while self._unsent:
            await self._moved()

    @property
    def goes_astray(self) -> bool:
        """No other request can follow: nobody could tell where it begins."""
        return self._damaged or (self._chunks is not None and self._chunks.surplus)

    @property
    def body_is_over(self) -> bool:
        """Nothing more of it will come; some may still be to be read."""
        return self._body_left == 0 if self._chunks is None else self._chunks.over

    async def settle(self) -> bool:
        """Drop what is left of the body; whether another request can follow.

        A body that goes on for too long ends the connection, and the caller's task with it.
        """
        while True:
            self._pieces.clear()
            self._unread = 0
            if self.body_is_over or self._damaged:
                break
            if self._late is None:
                self._watch(LINGER_SECONDS, self.close)
            self._resume_reading()
            await self._woken()
        can_follow = not self.goes_astray
        self._chunks = None
        self._serving = False
        self._late = None
        return can_follow

    def close(self) -> None:
        """End the connection behind what was sent. Idempotent."""
        self._ended = True
        if self._transport is not None:
            self._transport.close()

    def tear(self) -> None:
        """End the connection now. Idempotent."""
        self._ended = True
        if self._transport is not None:
            self._transport.abort()

    def leave_if_idle(self) -> None:
        """Close, unless a request is being served or has begun to come."""
        if not self._serving and not self._reader.begun:
            self.close()

    # Reading

    def _read_head(self, data: bytes) -> None:
        begun = self._reader.begun
        try:
            head = self._reader.feed(data)
        except BadHead as exc:
            self._refuse(str(exc))
            return
        if head is not None:
            self._late = None
            self._head = head
            self._serving = True
            self._body_left = head.body_length or 0
            self._chunks = of_request() if head.body_length is None else None
            if self._reader.behind:
                self._take(self._reader.behind)
            self._wake()
        elif self._reader.begun and not begun:
            self._watch(self._house.limits.head_timeout_seconds, self._refuse_slow_head)

    def _take(self, data: bytes) -> None:
        """What came while a request is served: its body, and what is behind it."""
        if self._chunks is not None and not self._chunks.over:
            piece = self._unchunked(self._chunks, data)
        elif len(data) <= self._body_left:
            piece = data
            self._body_left -= len(piece)
        else:
            piece = data[: self._body_left]
            self._body_left = 0
            self._behind += data[len(piece) :]
        if piece:
            self._pieces.append(piece)
            self._unread += len(piece)
        if self._unread + len(self._behind) >= UNREAD_BYTES:
            self._pause_reading()
        self._wake()

    def _unchunked(self, chunks: Chunks, data: bytes) -> bytes:
        try:
            return chunks.feed(data)
        except DamagedChunks:
            self._damaged = True
            return b""

    def _refuse(self, what: str) -> None:
        """Say what is wrong and end; what else the client sends meanwhile is dropped."""
        if self._transport is None or self._ended:
            return
        self._transport.write(self._house.refusal(self.source_ip, what))
        if not self._transport.can_write_eof():  # over TLS
            self.close()
            return
        self._ended = True
        self._transport.write_eof()
        self._watch(LINGER_SECONDS, self.close)

    def _refuse_slow_head(self) -> None:
        self._refuse("the request's head came too slowly")

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused and self._unread < UNREAD_BYTES and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()

    # Waiting

    async def _moved(self) -> None:
        """Until bytes came or went. Raises ClientGone where none did for the idle time."""
        if self._unsent and self._transport is not None:
            self._unsent_bytes = self._transport.get_write_buffer_size()
        self._watch(self._house.limits.idle_timeout_seconds, self._stall)
        try:
            await self._woken()
        finally:
            self._late = None

    async def _woken(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _stall(self) -> None:
        """Nothing came for the idle time; maybe something went."""
        seconds = self._house.limits.idle_timeout_seconds
        unsent = self._transport.get_write_buffer_size() if self._transport is not None else 0
        if self._unsent and unsent < self._unsent_bytes:
            self._unsent_bytes = unsent
            self._watch(seconds, self._stall)
        elif self._waiter is not None and not self._waiter.done():
            # Not torn here: the loss of the connection would cancel the task, and hide why it ended.
            self._waiter.set_exception(ClientGone(f"no byte moved for {seconds:g} s", idle=True))

    def _watch(self, seconds: float, late: Callable[[], None]) -> None:
        """Call `late` after so many seconds, unless it was replaced by then."""
        self._late = late
        self._deadline = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= self._deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._late is None:
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._tick)
            return
        late, self._late = self._late, None
        late()
