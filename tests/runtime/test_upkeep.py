"""What the key service does without being called, and what it leaves in the audit trail."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.audit.event import Event
from proxy.hsm.core.lifecycle import DAY_SECONDS
from proxy.hsm.store import StoreFailed
from proxy.metrics import Metrics
from proxy.runtime import upkeep
from proxy.runtime.upkeep import Upkeep
from tests.hsm.rig import ACCOUNT, REGION, Rig, running


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with running(tmp_path) as started:
        yield started


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "PAUSE_SECONDS", 0.01)


class Trail:
    """A recorder, and whether it has room."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.full = False
        self.metrics = Metrics()

    def record(self, event: Event) -> None:
        self.events.append(event)

    async def room(self, _within_seconds: float) -> bool:
        return not self.full

    def names(self) -> list[str]:
        return [event.event_name for event in self.events if event.recipient_account_id]

    @asynccontextmanager
    async def kept_up(self, rig: Rig) -> AsyncIterator[None]:
        keeping = Upkeep(rig.engine, recorder=self, room=self.room, metrics=self.metrics)
        await keeping.begin()
        try:
            yield
        finally:
            await keeping.aclose()

    async def until(self, *names: str) -> None:
        await eventually(lambda: self.names() == list(names))


async def eventually(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not happened():  # noqa: ASYNC110 -- it happens in another thread
            await asyncio.sleep(0.01)


async def test_what_fell_due_while_nothing_ran_is_done_before_the_first_call(rig: Rig) -> None:
    """And later what falls due then, each with its event in its account's trail."""
    rotated, ended = rig.key(), rig.key()
    rig.ask("EnableKeyRotation", KeyId=rotated["KeyId"], RotationPeriodInDays=90)
    rig.ask("ScheduleKeyDeletion", KeyId=ended["KeyId"], PendingWindowInDays=7)
    rig.now += 8 * DAY_SECONDS
    trail = Trail()

    async with trail.kept_up(rig):
        assert trail.names() == ["DeleteKey"]
        rig.now += 90 * DAY_SECONDS
        await trail.until("DeleteKey", "RotateKey")
    gone, turned = trail.events
    assert [gone.resources[0].arn, turned.resources[0].arn] == [ended["Arn"], rotated["Arn"]]
    assert (gone.aws_region, gone.recipient_account_id) == (REGION, ACCOUNT)
    assert (gone.user_identity.type, gone.read_only) == ("AWSService", False)


async def test_what_happens_to_an_owned_key_is_in_no_account_s_trail(rig: Rig) -> None:
    rig.now += 366 * DAY_SECONDS
    trail = Trail()
    async with trail.kept_up(rig):
        pass

    [event] = trail.events
    assert (event.event_name, event.recipient_account_id) == ("RotateKey", "")


async def test_what_cannot_be_recorded_is_not_done(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    rig.ask("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
    rig.now += 7 * DAY_SECONDS
    trail = Trail()
    trail.full = True

    async with trail.kept_up(rig):
        assert rig.engine._desk.ring.key(REGION, key_id) is not None
        trail.full = False
        await trail.until("DeleteKey")


async def test_a_store_that_cannot_be_written_is_told_once_and_tried_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key_id = rig.key()["KeyId"]
    rig.ask("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
    rig.now += 7 * DAY_SECONDS
    tried = 0

    def full(*_: object, **__: object) -> None:
        nonlocal tried
        tried += 1
        raise StoreFailed("the disk is full")

    trail = Trail()
    with caplog.at_level(logging.WARNING), monkeypatch.context() as patched:
        patched.setattr(rig.engine._desk.ring._store._rows, "write", full)  # type: ignore[attr-defined]
        async with trail.kept_up(rig):
            await eventually(lambda: tried >= 5)
            assert rig.engine.troubles() == ["no key can be made or changed: the disk is full"]
            patched.undo()
            await trail.until("DeleteKey")

    assert rig.engine.troubles() == []
    assert caplog.messages == [
        "the key store cannot be written to: the disk is full",
        "the key store can be written to again",
    ]


async def test_a_defect_does_not_end_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told by its kind: its text may show what it was fed."""
    trail = Trail()
    async with trail.kept_up(rig):
        with monkeypatch.context() as patched:
            patched.setattr(rig.engine, "do_due", lambda: iter([1 / 0]))
            await eventually(lambda: caplog.messages)
        key_id = rig.key()["KeyId"]
        rig.ask("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        rig.now += 7 * DAY_SECONDS
        await trail.until("DeleteKey")

    assert set(caplog.messages) == {"the key service's upkeep failed with ZeroDivisionError"}


async def test_counts_are_written_at_the_stop(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    async with Trail().kept_up(rig):
        rig.ask("Encrypt", KeyId=key_id, Plaintext=b"x")
    rig.restart()

    assert rig.ask("GetKeyLastUsage", KeyId=key_id)["KeyLastUsage"]["Operation"] == "Encrypt"


async def test_counts_are_written_now_and_then(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash loses what was counted since."""
    monkeypatch.setattr(upkeep, "SAVE_SECONDS", 0.01)
    key_id = rig.key()["KeyId"]
    store = rig.engine._desk.ring._store
    before = store.generation
    async with Trail().kept_up(rig):
        rig.ask("Encrypt", KeyId=key_id, Plaintext=b"x")
        await eventually(lambda: store.generation >= before + 2)


async def test_quotas_are_on_the_metrics_page(rig: Rig) -> None:
    trail = Trail()
    rig.key()
    async with trail.kept_up(rig):
        await eventually(lambda: trail.metrics.snapshot()["numbers"]["hsm_quota_used_ratio"])
    told = trail.metrics.snapshot()["numbers"]["hsm_quota_used_ratio"]

    ratios = {labels[0]: ratio for labels, ratio in told}
    assert ratios["CustomerKeys"] == pytest.approx(1 / 100_000)
    assert ratios["CryptographicOperationsSymmetric"] == 0
