"""What the key service does without being called: rotations and deletions on their day.

Looked for once before the first call, then each second; each thing done is an event of the audit trail. A
store that cannot be written to is told once in the log, and tried again.
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from proxy.audit.event import Recorder
from proxy.hsm.api_audit import event_of_happening
from proxy.hsm.engine import Engine
from proxy.hsm.engine_due import Happening
from proxy.hsm.store import StoreFailed

PAUSE_SECONDS = 1.0
ROOM_WAIT_SECONDS = 2.0

log = logging.getLogger(__name__)


class Upkeep:
    """Owns a task from `begin` to `aclose`, which waits for what is under way."""

    def __init__(
        self, engine: Engine, *, recorder: Recorder, room: Callable[[float], Awaitable[bool]]
    ) -> None:
        """`room` waits at most so many seconds for a place in the audit queue; False where there is none."""
        self._engine, self._recorder, self._room = engine, recorder, room
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failing = False

    async def begin(self) -> None:
        """Does what fell due while nothing ran, and goes on looking."""
        await self._look()
        self._task = asyncio.create_task(self._run())

    async def aclose(self) -> None:
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), PAUSE_SECONDS)
            except TimeoutError:
                await self._look()

    async def _look(self) -> None:
        # A thing that cannot be recorded is not done: it can wait.
        while await self._room(ROOM_WAIT_SECONDS):
            happened = await asyncio.to_thread(self._maybe_one)
            if happened is None:
                return
            event_id = str(uuid.uuid4())
            self._recorder.record(event_of_happening(happened, now=datetime.now(UTC), event_id=event_id))

    def _maybe_one(self) -> Happening | None:
        """None where nothing more is to be done now."""
        try:
            happened = next(self._engine.do_due(), None)
        except StoreFailed as exc:
            if not self._failing:
                log.warning("what is due in the key store cannot be written: %s", exc)
            self._failing = True
            return None
        self._failing = False
        return happened
