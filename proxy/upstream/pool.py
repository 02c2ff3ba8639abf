"""The connections to one store: how many, which next, and when an unused one goes.

Deciding is synchronous; only connecting and queueing wait. A place is counted from before the connection
is made until it is given back or lost, so the limit holds under cancellation too. The last used connection
is used first, so that surplus ones grow old and are closed. Whoever waits is served in order, ahead of
newcomers.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum, auto

from proxy.upstream.connection import STORE_BYTES, Connection
from proxy.upstream.messages import UpstreamUnreachable

SURE_SECONDS = 2.0
"""How recently a connection must have been used to carry what cannot be sent twice. Servers keep unused ones
for 5 s and more, so one that was used within 2 s and has no end to report is not about to be closed."""

_SPARE_STORES = 16


class PlaceRefused(UpstreamUnreachable):
    """No connection came free in time, or the pool is closed. Asking again at once would only queue again."""


class Fit(Enum):
    """What the connection must be good for."""

    ANY = auto()
    SURE = auto()
    """It is known to be alive: for what is not sent a second time."""
    NEW = auto()


class Pool:
    """Connections of one event loop. `acquire` and `release` are always paired."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        loop: asyncio.AbstractEventLoop,
        limit: int,
        queue_seconds: float,
        keep_alive_seconds: float,
    ) -> None:
        self._connect = connect
        self._loop = loop
        self._limit = limit
        self._queue_seconds = queue_seconds
        self._keep_alive_seconds = keep_alive_seconds
        self._idle: deque[Connection] = deque()
        self._busy: set[Connection] = set()
        self._open: set[Connection] = set()
        self._connecting = 0
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._reaper: asyncio.TimerHandle | None = None
        self._stores: list[bytearray] = []
        self._closed = False

    def __repr__(self) -> str:
        return (
            f"<Pool busy={self.busy} idle={self.idle} connecting={self._connecting}"
            f" waiting={self.waiting} limit={self._limit}>"
        )

    @property
    def busy(self) -> int:
        return len(self._busy)

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """Requests without a connection yet."""
        return sum(not waiter.done() for waiter in self._waiters)

    async def acquire(self, fit: Fit) -> Connection:
        """A connection ready for one exchange.

        Raises UpstreamUnreachable. A cancelled call leaves nothing behind.
        """
        if self._closed:
            raise PlaceRefused("the upstream is closed")
        found = self._maybe_idle(fit)
        if found is None and not self._maybe_place():
            found = await self._queue()
            if found is not None and not self._fits(found, fit):
                self._busy.discard(found)
                self._connecting += 1
                found.abort()
                found = None
        if found is None:
            found = await self._fresh()
        found.begin(self._stores.pop() if self._stores else bytearray(STORE_BYTES))
        return found

    def release(self, connection: Connection, *, reusable: bool) -> None:
        """Give it back; one that is not reusable is cut."""
        store = connection.end()
        if len(self._stores) < _SPARE_STORES:
            self._stores.append(store)
        self._take_back(connection, reusable=reusable)

    def _take_back(self, connection: Connection, *, reusable: bool) -> None:
        self._busy.discard(connection)
        if not reusable or self._closed or not connection.quiet:
            connection.abort()
            self._pass_on_place()
            return
        waiter = self._maybe_waiter()
        connection.idle_since = self._loop.time()
        if waiter is not None:
            self._busy.add(connection)
            waiter.set_result(connection)
            return
        self._idle.append(connection)
        if self._reaper is None:
            self._reaper = self._loop.call_later(self._keep_alive_seconds, self._reap)

    async def aclose(self) -> None:
        """Cut every connection and refuse who waits. Idempotent; who was using one gets UpstreamBroken."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        while (waiter := self._maybe_waiter()) is not None:
            waiter.set_exception(PlaceRefused("the upstream is closed"))
        self._idle.clear()
        closing = list(self._open)
        for connection in closing:
            connection.abort()
        if closing:
            await asyncio.wait([connection.closed for connection in closing])

    # Deciding

    def _maybe_idle(self, fit: Fit) -> Connection | None:
        while fit is not Fit.NEW and self._idle:
            connection = self._idle.pop()
            if self._fits(connection, fit):
                self._busy.add(connection)
                return connection
            connection.abort()
        return None

    def _fits(self, connection: Connection, fit: Fit) -> bool:
        if fit is Fit.NEW:
            return False
        # Bytes in the kernel before we ask are an end, or an answer that belongs to nobody.
        recent = self._loop.time() - connection.idle_since <= SURE_SECONDS
        return (fit is Fit.ANY or recent) and connection.silent()

    def _maybe_place(self) -> bool:
        """Take a place for a new connection, that of the longest idle one if need be."""
        if len(self._busy) + self._connecting >= self._limit:
            return False
        if len(self._busy) + self._connecting + len(self._idle) >= self._limit:
            self._idle.popleft().abort()
        self._connecting += 1
        return True

    def _pass_on_place(self) -> None:
        waiter = self._maybe_waiter()
        if waiter is not None:
            self._connecting += 1
            waiter.set_result(None)

    def _maybe_waiter(self) -> asyncio.Future[Connection | None] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def _forget(self, connection: Connection) -> None:
        """Its transport is gone. An idle one was closed by the store: it holds no place any more."""
        self._open.discard(connection)
        with contextlib.suppress(ValueError):
            self._idle.remove(connection)

    def _reap(self) -> None:
        self._reaper = None
        now = self._loop.time()
        while self._idle and self._idle[0].idle_since + self._keep_alive_seconds <= now:
            self._idle.popleft().abort()
        if self._idle:
            due = self._idle[0].idle_since + self._keep_alive_seconds
            self._reaper = self._loop.call_later(due - now, self._reap)

    # Waiting

    async def _queue(self) -> Connection | None:
        """Wait for a connection, or (None) for a place of one's own."""
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._queue_seconds):
                return await waiter
        except BaseException as exc:
            self._leave_queue(waiter)
            if isinstance(exc, TimeoutError):
                raise PlaceRefused(f"no connection came free within {self._queue_seconds} s") from exc
            raise

    def _leave_queue(self, waiter: "asyncio.Future[Connection | None]") -> None:
        """What was handed over in the same turn goes to the next one."""
        with contextlib.suppress(ValueError):
            self._waiters.remove(waiter)
        if not waiter.done() or waiter.cancelled() or waiter.exception() is not None:
            return
        connection = waiter.result()
        if connection is None:
            self._connecting -= 1
            self._pass_on_place()
            return
        self._take_back(connection, reusable=True)

    async def _fresh(self) -> Connection:
        """Connect, on a place that is already counted."""
        try:
            connection = await self._connect()
        except BaseException:
            self._connecting -= 1
            self._pass_on_place()
            raise
        self._connecting -= 1
        self._busy.add(connection)
        self._open.add(connection)
        connection.closed.add_done_callback(lambda _: self._forget(connection))
        if self._closed:
            self._busy.discard(connection)
            connection.abort()
            raise PlaceRefused("the upstream is closed")
        return connection
