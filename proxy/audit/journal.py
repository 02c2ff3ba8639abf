"""From the request's path to the sinks, without making a request wait and without losing a record in silence.

`record` appends to a queue in memory and does no more. `run` forms the lines, a few at a time so that
the event loop stays free, and has a thread write them. A record is never dropped to make room: work that
cannot be recorded is not begun. A request asks `wait_for_room` first and is refused where there is none
in time; what runs already always fits, as the connections bound it. A sink that fails is tried until it
takes the lines: counted, said on standard error, told in `troubles`. Only `close` has an end; what is
not written by then is counted as lost, and said.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from proxy.audit.event import Event, line

LINGER_SECONDS = 0.02
"""How long the first record waits for company: a hop to a thread costs more than forming several records."""
SLICE_EVENTS = 16
"""Formed without a pause: well under a millisecond of the loop's time."""
BATCH_EVENTS = 256
RETRY_SECONDS = (0.1, 0.5, 2.0)
"""Waits after a sink's first, second and further failures in a row."""
STALL_SECONDS = 2.0
"""Longer than a sink may take for one write."""


class Sink(Protocol):
    """Where lines go. Called by one thread at a time, never by the event loop's."""

    @property
    def name(self) -> str: ...

    def write(self, lines: bytes) -> int:
        """Take a front part of lines, one byte at least, and return its length; within a bounded time.

        Raises OSError where it took nothing.
        """

    def close(self) -> None:
        """Make what was written as durable as the sink can, and give it back. Raises OSError."""


class Observer(Protocol):
    """Who counts what becomes of events."""

    def audit_written(self, events: int) -> None: ...
    def audit_failed(self, sink: str) -> None: ...
    def audit_lost(self, events: int) -> None: ...


class Journal:
    """A Recorder over sinks. Every sink gets every record; the slowest sets the pace.

    `run` is one task for the journal's whole life; it ends after `close` and must not be cancelled before.
    """

    def __init__(self, sinks: Sequence[Sink], observer: Observer, *, queue_events: int) -> None:
        self._sinks = tuple(sinks)
        self._observer = observer
        self._queue_events = queue_events
        self._queue: deque[Event] = deque()
        self._failing: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._closing = asyncio.Event()
        self._given_up = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def depth(self) -> int:
        """Events that not every sink has taken yet."""
        return len(self._queue)

    @property
    def troubles(self) -> tuple[str, ...]:
        """A sentence for each sink that fails now."""
        return tuple(f"audit sink {name} fails: {why}" for name, why in self._failing.items())

    def record(self, event: Event) -> None:
        """See Recorder. After the journal's end there is nobody to write it: it is counted as lost."""
        if self._ended.is_set() or self._given_up.is_set():
            self._lose(1)
            return
        self._queue.append(event)
        self._wake.set()

    async def wait_for_room(self, within_seconds: float) -> bool:
        """Whether one more request may begin: at once, or when the queue has shrunk in time."""
        if len(self._queue) < self._queue_events:
            return True
        try:
            async with asyncio.timeout(within_seconds):
                while len(self._queue) >= self._queue_events:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Write until closed and empty."""
        try:
            while self._queue or not self._closing.is_set():
                await self._gather_some()
                await self._write_batch()
        finally:
            self._ended.set()

    async def close(self, *, within_seconds: float) -> None:
        """Write what is queued, for so long at most, and close the sinks. Idempotent.

        A write that is under way when the time is up gets STALL_SECONDS more: a sink in use is not closed.
        """
        self._closing.set()
        self._wake.set()
        written = await _is_set(self._ended, within_seconds)
        self._given_up.set()
        if self._queue:
            self._lose(len(self._queue))
            self._queue.clear()
        if written or await _is_set(self._ended, STALL_SECONDS):
            await self._close_sinks()

    async def _close_sinks(self) -> None:
        sinks, self._sinks = self._sinks, ()
        for sink in sinks:
            try:
                await asyncio.to_thread(sink.close)
            except OSError as exc:
                self._note_failure(sink, exc)

    async def _gather_some(self) -> None:
        if not self._queue:
            self._wake.clear()
            await self._wake.wait()
        if len(self._queue) < BATCH_EVENTS and not self._closing.is_set():
            await asyncio.sleep(LINGER_SECONDS)

    async def _write_batch(self) -> None:
        batch = list(islice(self._queue, BATCH_EVENTS))
        lines = await _formed(batch)
        async with asyncio.TaskGroup() as group:
            for sink in self._sinks:
                group.create_task(self._write(sink, lines))
        if self._given_up.is_set():  # what was not written is counted as lost
            return
        for _ in batch:
            self._queue.popleft()
        self._room.set()
        self._observer.audit_written(len(batch))

    async def _write(self, sink: Sink, lines: bytes) -> None:
        failures = 0
        while lines and not self._given_up.is_set():
            try:
                taken = await asyncio.to_thread(sink.write, lines)
            except OSError as exc:
                self._note_failure(sink, exc)
                await _is_set(self._given_up, RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
            else:
                lines = lines[taken:]
                failures = 0
                if self._failing.pop(sink.name, None) is not None:
                    _say(f"audit sink {sink.name} works again")

    def _note_failure(self, sink: Sink, exc: OSError) -> None:
        why = exc.strerror or str(exc) or type(exc).__name__
        if self._failing.get(sink.name) != why:
            _say(f"audit sink {sink.name} fails: {why}; requests wait while the queue is full")
        self._failing[sink.name] = why
        self._observer.audit_failed(sink.name)

    def _lose(self, events: int) -> None:
        self._observer.audit_lost(events)
        _say(f"{events} audit event(s) lost: the journal was closed before they were written")


async def _formed(batch: Sequence[Event]) -> bytes:
    lines = []
    for start in range(0, len(batch), SLICE_EVENTS):
        lines += [line(event) for event in batch[start : start + SLICE_EVENTS]]
        await asyncio.sleep(0)
    return b"".join(lines)


async def _is_set(event: asyncio.Event, within_seconds: float) -> bool:
    """Whether the event is set now or in time."""
    try:
        async with asyncio.timeout(within_seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _say(text: str) -> None:
    """Where an operator looks when the audit trail itself is the trouble."""
    sys.stderr.write(f"sealgate: {text}\n")
