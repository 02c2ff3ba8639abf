"""One connection: moves bytes between the socket and memory, and knows when they stopped moving.

Rules. Bytes land in the caller's buffer while a fill waits, else in a bounded store; when that is full,
reading is paused. Callbacks only move bytes and wake the one task that uses the connection; what they mean is
decided in that task. Nothing is kept after an abort. Memory given to `write` is free again when `unsent` is
False or `cut` has returned, never before: uvloop keeps a reference to what it has not sent, and the caller's
next use of that memory would go out to the store.
"""

import asyncio
import select
import ssl
from typing import cast

from proxy.upstream.answer_head import HEAD_END
from proxy.upstream.messages import UpstreamBroken

STORE_BYTES = 65536
"""What waits for a reader, and the bound of an answer's head."""

_NOTHING = memoryview(b"")


class Stalled(UpstreamBroken):
    """No byte moved for the idle time. Asking again would make the caller wait as long again."""


class Connection(asyncio.BufferedProtocol):
    """Used by one task at a time. `begin` and `end` bracket each use; between uses it is idle."""

    __slots__ = (
        *("_loop", "_idle_seconds", "_transport", "_poll", "_tls", "_store", "_view", "_start", "_end"),
        *("_target", "_filled", "_want", "_waiter", "_timer", "_moved", "_unsent_bytes", "_eof", "_stalled"),
        *("_reading_paused", "_aborted", "closed", "heard", "idle_since", "unsent", "uses"),
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, *, idle_seconds: float) -> None:
        self._loop = loop
        self._idle_seconds = idle_seconds
        self._transport: asyncio.Transport | None = None
        self._tls = False
        self._poll: select.poll | None = None
        self._store: bytearray | None = None
        self._view = _NOTHING
        self._start = self._end = 0
        self._target: memoryview | None = None
        self._filled = self._want = 0
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._moved = 0.0
        self._unsent_bytes = 0
        self._eof = self._stalled = self._aborted = self._reading_paused = False
        self.closed: asyncio.Future[None] = loop.create_future()
        """Done once the transport is gone and holds no memory of ours."""
        self.heard = False
        """A byte of an answer came in this use."""
        self.unsent = False
        """The transport still holds what was written."""
        self.uses = 0
        self.idle_since = 0.0

    # The loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._tls = transport.get_extra_info("ssl_object") is not None
        # "Paused" must mean "not empty". TLS transports compare with >=, so that 0 would mean "always".
        self._transport.set_write_buffer_limits(high=1 if self._tls else 0, low=0)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.closed.done():
            self.closed.set_result(None)
        self._wake()

    def eof_received(self) -> None:
        self._eof = not self._tls or self._said_goodbye()
        self._wake()

    def pause_writing(self) -> None:
        self.unsent = True

    def resume_writing(self) -> None:
        self.unsent = False
        self._wake()

    def get_buffer(self, sizehint: int) -> memoryview | bytearray:  # noqa: ARG002 - the loop's signature
        target = self._target
        if target is not None and self._filled < len(target):
            return target[self._filled :]
        if self._store is None or self._end == STORE_BYTES:
            return bytearray(1)
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        self.heard = True
        target = self._target
        if target is not None and self._filled < len(target):
            self._filled += nbytes
            if self._filled < self._want:
                self._moved = self._loop.time()
                return
        elif self._store is None or self._end == STORE_BYTES or self._aborted:
            self.abort()  # nobody asked: whatever it is, no next answer may begin with it
            return
        else:
            self._end += nbytes
            if self._end == STORE_BYTES:
                self._pause_reading()
        self._wake()

    # The pool's side

    def begin(self, store: bytearray) -> None:
        """Take the store for one use."""
        self._store = store
        self._view = memoryview(store)
        self._start = self._end = 0
        self.heard = False
        self.uses += 1

    def end(self) -> bytearray:
        """Give the store back. What it held is forgotten."""
        store = self._store
        if store is None:
            raise AssertionError("the connection is not in use")
        self._store = None
        self._view = _NOTHING
        if self.alive:
            self._resume_reading()
        return store

    @property
    def alive(self) -> bool:
        """Open, as far as the loop has heard."""
        return (
            self._transport is not None
            and not self._eof
            and not self._aborted
            and not self._transport.is_closing()
        )

    @property
    def quiet(self) -> bool:
        """Alive, and neither has anything to read nor to send: an exchange may begin or has ended cleanly."""
        return self.alive and self._start == self._end and not self.unsent

    def silent(self) -> bool:
        """Quiet, and the kernel has nothing for us either: neither bytes nor the end. One poll."""
        if self._transport is None or not self.quiet:
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not self._poll.poll(0)

    def abort(self) -> None:
        """Cut now, forgetting what was read. Idempotent. See `cut` for the memory that was being sent."""
        self._aborted = True
        self._start = self._end = 0
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    async def cut(self) -> None:
        """Abort, and wait the few turns of the loop until the transport has let go of all memory.

        A cancellation is held back until then.
        """
        self.abort()
        interrupted: asyncio.CancelledError | None = None
        while not self.closed.done():
            try:
                await asyncio.wait([self.closed])
            except asyncio.CancelledError as exc:
                interrupted = exc
        if interrupted is not None:
            raise interrupted

    # The user's side

    @property
    def held(self) -> int:
        """Bytes that came and were not taken."""
        return self._end - self._start

    @property
    def slices(self) -> bool:
        """Writes should come in pieces: TLS copies all it is given, and shows no progress inside one."""
        return self._tls

    def write(self, *parts: bytes | bytearray | memoryview) -> None:
        """Hand parts to the transport; see `unsent`, `moved`. UpstreamBroken where the connection ended."""
        if not self.alive or self._transport is None:
            raise self._ended()
        if len(parts) == 1:
            self._transport.write(parts[0])
        else:
            self._transport.writelines(parts)

    async def moved(self) -> None:
        """Until bytes came, or what was written is gone, or the connection with them.

        UpstreamBroken where the connection ended, Stalled where nothing moved.
        """
        if not self.alive:
            raise self._ended()
        await self._wait()

    def maybe_head(self) -> bytes | None:
        """A whole head, taken from the bytes that came; None where it is not all here."""
        if self._store is None:
            raise AssertionError("the connection is not in use")
        at = self._store.find(HEAD_END, self._start, self._end)
        if at < 0:
            return None
        end = at + len(HEAD_END)
        raw = bytes(self._view[self._start : end])
        self._start = end
        self._rewind()
        return raw

    async def more(self) -> bool:
        """Until more bytes came. False where the peer ended the stream in order; UpstreamBroken otherwise."""
        before = self._end
        if self._end == STORE_BYTES:
            self._make_room()
            before = self._end
        while self._end == before:
            if self._eof and not self._aborted:
                return False
            if not self.alive:
                raise self._ended()
            await self._wait()
        return True

    async def take(self) -> memoryview:
        """Bytes that came, good until the next await; none where the stream has ended in order."""
        if not self.held and not await self.more():
            return _NOTHING
        taken = self._view[self._start : self._end]
        self._start = self._end
        self._rewind()
        return taken

    async def fill(self, target: memoryview, *, at_least: int) -> int:
        """Read at_least bytes or more into target, straight from the socket where they are not here yet.

        After an error or a cancellation the connection is of no more use, and target is no longer written to.
        """
        filled = min(self.held, len(target))
        if filled:
            target[:filled] = self._view[self._start : self._start + filled]
            self._start += filled
            self._rewind()
        if filled >= at_least:
            return filled
        self._target, self._filled, self._want = target, filled, at_least
        try:
            while self._filled < at_least:
                await self.moved()
            return self._filled
        except BaseException:
            self.abort()
            raise
        finally:
            self._target = None

    # Inside

    def _ended(self) -> UpstreamBroken:
        if self._stalled:
            return Stalled(f"no byte moved for {self._idle_seconds} s")
        return UpstreamBroken("the store ended the connection before its answer was whole")

    def _said_goodbye(self) -> bool:
        """Whether the peer ended TLS itself (close_notify), and not somebody else its TCP connection.

        asyncio reports both as the end. Asking the TLS object for more gives nothing after a close_notify and
        an error otherwise.
        """
        if self._transport is None:
            return False
        try:
            return not self._transport.get_extra_info("ssl_object").read(1)
        except ssl.SSLError:
            return False

    def _rewind(self) -> None:
        if self._start == self._end:
            self._start = self._end = 0

    def _make_room(self) -> None:
        if self._store is None or self._start == 0:
            raise UpstreamBroken("the answer's head is longer than 64 KiB")
        held = self.held
        self._store[:held] = self._store[self._start : self._end]
        self._start, self._end = 0, held

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self) -> None:
        if self._end < STORE_BYTES:
            self._resume_reading()
        if self.unsent and self._transport is not None:
            self._unsent_bytes = self._transport.get_write_buffer_size()
        self._moved = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._idle_seconds, self._tick)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _tick(self) -> None:
        """The one timer: it runs on from wait to wait, and looks at the clock only when it fires."""
        self._timer = None
        if self._waiter is None or self._transport is None:
            return
        now = self._loop.time()
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent_bytes:
            self._moved = now
        self._unsent_bytes = unsent
        left = self._moved + self._idle_seconds - now
        if left > 0:
            self._timer = self._loop.call_later(left, self._tick)
        else:
            self._stalled = True
            self.abort()
