"""The audit trail of a process: a journal over the configured sinks, which a reload can exchange for another.

Requests write their one record when they end, so it goes to the journal that is current then; the old one
writes what it has and is closed.
"""

from contextlib import AsyncExitStack

from proxy.audit.event import Event
from proxy.audit.journal import Journal
from proxy.config import schema
from proxy.metrics import Metrics
from proxy.runtime.inputs import journal_of


class Kept:
    """A journal that runs, and what closes it."""

    def __init__(self, journal: Journal, closing: AsyncExitStack) -> None:
        self.journal = journal
        self.aclose = closing.aclose


async def open_journal(config: schema.Config, metrics: Metrics) -> Kept:
    """Raises StartRefused where a sink cannot be opened."""
    closing = AsyncExitStack()
    return Kept(await closing.enter_async_context(journal_of(config, metrics)), closing)


class Trail:
    """A Recorder, and whoever asks how it does."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    @property
    def depth(self) -> int:
        return self._kept.journal.depth

    @property
    def troubles(self) -> tuple[str, ...]:
        return self._kept.journal.troubles

    def record(self, event: Event) -> None:
        self._kept.journal.record(event)

    async def wait_for_room(self, within_seconds: float) -> bool:
        return await self._kept.journal.wait_for_room(within_seconds)

    def exchange(self, kept: Kept) -> Kept:
        """Record there from now on. The answer is the old one, to be closed."""
        old, self._kept = self._kept, kept
        return old

    async def aclose(self) -> None:
        await self._kept.aclose()
