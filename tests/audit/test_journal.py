"""No record is lost in silence, and no request waits for a disk."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from proxy.audit import journal as module
from proxy.audit.event import Event, Recorder
from proxy.audit.journal import BATCH_EVENTS, Journal, Sink


@dataclass
class Memory:
    """A sink that fails or stalls on demand, and takes only so many bytes at once."""

    name: str = "memory"
    data: bytes = b""
    faults: list[OSError] = field(default_factory=list)
    most: int = 1 << 20
    hold: threading.Event | None = None
    closed: int = 0
    close_fault: OSError | None = None

    def write(self, lines: bytes) -> int:
        if self.hold:
            self.hold.wait(10)
        if self.faults:
            raise self.faults.pop(0)
        self.data += lines[: self.most]
        return min(len(lines), self.most)

    def close(self) -> None:
        self.closed += 1
        if self.close_fault:
            raise self.close_fault

    def holds(self, number: int) -> bool:
        return str(number) in self.ids()

    def ids(self) -> list[str]:
        return [json.loads(row)["requestID"] for row in self.data.splitlines()]


@dataclass
class Counts:
    written: int = 0
    failed: list[str] = field(default_factory=list)
    lost: int = 0

    def audit_written(self, events: int) -> None:
        self.written += events

    def audit_failed(self, sink: str) -> None:
        self.failed.append(sink)

    def audit_lost(self, events: int) -> None:
        self.lost += events


@asynccontextmanager
async def running(counts: Counts, *sinks: Sink, queue_events: int = 100) -> AsyncIterator[Journal]:
    journal = Journal(sinks, counts, queue_events=queue_events)
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.run())
        yield journal
        await journal.close(within_seconds=5)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 -- the condition is a thread's doing
            await asyncio.sleep(0.002)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", (0.01, 0.02))


@pytest.fixture
def numbered(event: Event) -> Callable[[int], Event]:
    return lambda number: replace(event, request_id=str(number))


Numbered = Callable[[int], Event]


@pytest.mark.parametrize("count", [0, 1, BATCH_EVENTS - 1, BATCH_EVENTS, BATCH_EVENTS + 1, 1000])
async def test_every_record_reaches_every_sink_in_order(count: int, numbered: Numbered) -> None:
    one, two, counts = Memory(), Memory(name="second", most=700), Counts()
    async with running(counts, one, two) as journal:
        recorder: Recorder = journal
        for number in range(count):
            recorder.record(numbered(number))

    assert one.ids() == two.ids() == [str(number) for number in range(count)]
    assert (counts.written, counts.lost, counts.failed) == (count, 0, [])
    assert (one.closed, two.closed) == (1, 1)


async def test_records_come_out_without_a_close(numbered: Numbered) -> None:
    """Nobody waits for the next event to see the last."""
    sink = Memory()
    async with running(Counts(), sink) as journal:
        for number in range(3):
            journal.record(numbered(number))
            await until(partial(sink.holds, number))


async def test_a_failing_sink_is_tried_until_it_takes_the_lines(
    numbered: Numbered, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk delays the trail and is told; it makes no hole."""
    counts = Counts()
    sink = Memory(faults=[OSError(28, "No space left on device") for _ in range(4)])
    async with running(counts, sink) as journal:
        journal.record(numbered(1))
        await until(lambda: journal.troubles == ("audit sink memory fails: No space left on device",))
        assert journal.depth == 1
        await until(lambda: not journal.depth)
        assert not journal.troubles

    assert sink.ids() == ["1"]
    assert counts.failed == ["memory"] * 4
    assert capsys.readouterr().err.splitlines() == [
        "sealgate: audit sink memory fails: No space left on device; requests wait while the queue is full",
        "sealgate: audit sink memory works again",
    ]


async def test_one_sinks_failure_repeats_nothing_at_another(numbered: Numbered) -> None:
    well, ill = Memory(), Memory(name="ill", faults=[OSError("x"), OSError("x")], most=100)
    async with running(Counts(), well, ill) as journal:
        for number in range(5):
            journal.record(numbered(number))

    assert well.ids() == ill.ids() == [*"01234"]


async def test_a_full_queue_refuses_new_work_and_keeps_what_it_has(numbered: Numbered) -> None:
    """Backpressure is felt where a request begins; one under way is always recorded."""
    sink = Memory(hold=threading.Event())
    async with running(Counts(), sink, queue_events=2) as journal:
        assert await journal.wait_for_room(0)
        for number in range(3):
            journal.record(numbered(number))
        assert not await journal.wait_for_room(0.02)

        waiting = asyncio.create_task(journal.wait_for_room(5))
        await asyncio.sleep(0.01)
        assert sink.hold is not None
        sink.hold.set()
        assert await waiting

        sink.hold.clear()
        for number in range(3, 6):
            journal.record(numbered(number))
        assert not await journal.wait_for_room(0.02)
        sink.hold.set()

    assert sink.ids() == ["0", "1", "2", "3", "4", "5"]


async def test_what_cannot_be_written_before_the_end_is_counted_and_said(
    numbered: Numbered, capsys: pytest.CaptureFixture[str]
) -> None:
    sink, counts = Memory(faults=[OSError(5, "Input/output error")] * 1000), Counts()
    async with running(counts, sink) as journal:
        journal.record(numbered(1))
        journal.record(numbered(2))
        await journal.close(within_seconds=0.05)
        journal.record(numbered(3))

    assert (counts.lost, counts.written, journal.depth) == (3, 0, 0)
    assert "2 audit event(s) lost" in capsys.readouterr().err
    assert sink.closed == 1


async def test_a_sink_in_use_is_not_closed(numbered: Numbered, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its descriptor's number might be another file's by the time the write goes on."""
    monkeypatch.setattr(module, "STALL_SECONDS", 0.05)
    sink = Memory(hold=threading.Event())
    counts = Counts()
    async with running(counts, sink) as journal:
        journal.record(numbered(1))
        await asyncio.sleep(0.05)
        await journal.close(within_seconds=0.01)
        assert sink.closed == 0
        assert sink.hold is not None
        sink.hold.set()

    assert (counts.lost, counts.written) == (1, 0)
    assert sink.closed == 1


async def test_a_sink_that_cannot_be_closed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A failed sync at the end is a failure, and the other sinks are closed all the same."""
    ill, well, counts = Memory(name="ill", close_fault=OSError("sync")), Memory(), Counts()
    async with running(counts, ill, well):
        pass

    assert (ill.closed, well.closed, counts.failed) == (1, 1, ["ill"])
    assert "audit sink ill fails: sync" in capsys.readouterr().err
