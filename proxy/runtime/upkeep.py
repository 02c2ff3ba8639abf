"""What the key service does without being called: rotations and deletions on their day.

Looked for once before the first call, then each second; each thing done is an event of the audit trail. What
was counted of the use of keys is written down each minute and at the end: a crash loses a minute of it. A
store that cannot be written to is tried again.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from proxy.audit.event import Recorder
from proxy.hsm.api_audit import event_of_happening
from proxy.hsm.engine import Engine
from proxy.hsm.engine_due import Happening
from proxy.hsm.store import StoreFailed
from proxy.metrics import HSM_QUOTA_USED, Metrics

PAUSE_SECONDS = 1.0
ROOM_WAIT_SECONDS = 2.0
SAVE_SECONDS = 60.0
READ_SECONDS = 5.0

T = TypeVar("T")

log = logging.getLogger(__name__)


class Upkeep:
    """Owns a task from `begin` to `aclose`, which waits for what is under way."""

    def __init__(
        self,
        engine: Engine,
        *,
        recorder: Recorder,
        room: Callable[[float], Awaitable[bool]],
        metrics: Metrics,
    ) -> None:
        """`room` waits at most so many seconds for a place in the audit queue; False where there is none."""
        self._engine, self._recorder, self._room, self._metrics = engine, recorder, room, metrics
        self._used: Mapping[str, float] = {}
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._read_at = self._save_at = 0.0

    async def begin(self) -> None:
        """Does what fell due while nothing ran, and goes on looking."""
        await asyncio.to_thread(self._written, self._engine.begin)
        await self._look()
        self._task = asyncio.create_task(self._run())

    async def aclose(self) -> None:
        self._stopping.set()
        if self._task is not None:
            await self._task
        await asyncio.to_thread(self._written, self._engine.save_usage)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        self._read_at, self._save_at = clock(), clock() + SAVE_SECONDS
        while not self._stopping.is_set():
            try:
                await self._round(clock())
            except Exception as defect:  # noqa: BLE001 - keys that are due must not wait for the next start
                log.error("the key service's upkeep failed with %s", type(defect).__name__)  # noqa: TRY400
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), PAUSE_SECONDS)

    async def _round(self, now: float) -> None:
        await self._look()
        if now >= self._read_at:
            self._read_at = now + READ_SECONDS
            self._show(await asyncio.to_thread(self._engine.quotas_used))
        if now >= self._save_at:
            self._save_at = now + SAVE_SECONDS
            await asyncio.to_thread(self._written, self._engine.save_usage)

    def _show(self, used: Mapping[str, float]) -> None:
        for quota in used.keys() - self._used.keys():
            self._metrics.watch(HSM_QUOTA_USED, quota, read=partial(self._ratio, quota))
        self._used = used

    def _ratio(self, quota: str) -> float:
        return self._used.get(quota, 0.0)

    async def _look(self) -> None:
        # A thing that cannot be recorded is not done: it can wait.
        while await self._room(ROOM_WAIT_SECONDS):
            happened = await asyncio.to_thread(self._written, self._maybe_next)
            if happened is None:
                return
            event_id = str(uuid.uuid4())
            self._recorder.record(event_of_happening(happened, now=datetime.now(UTC), event_id=event_id))

    def _maybe_next(self) -> Happening | None:
        return next(self._engine.do_due(), None)

    def _written(self, change: Callable[[], T]) -> T | None:
        """None too where the store cannot be written to: what was to be done waits for the next time."""
        try:
            return change()
        except StoreFailed:
            return None
