"""Waiting at a start or a reload for what does not answer yet, within a bound."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

START_SECONDS = 30.0
"""How long a start waits for a key service or a store that does not answer yet."""
RELOAD_SECONDS = 5.0
"""Shorter: somebody waits for the answer, and meanwhile the old configuration serves."""
PAUSE_SECONDS = 0.5

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

log = logging.getLogger(__name__)


class Patience:
    """So many seconds from now on, shared by all that is tried under it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    async def until_answered(
        self, trial: Callable[[], Awaitable[T]], error: type[E], *, may_pass: Callable[[E], bool]
    ) -> T:
        """What the trial returns; tried again after an error that may pass, which the log tells once.

        Raises what the trial raises: an error that will not pass, or the last one when the time is over.
        """
        told = ""
        while True:
            try:
                return await trial()
            except error as exc:
                if not may_pass(exc) or time.monotonic() >= self._deadline:
                    raise
                if str(exc) != told:
                    log.warning("%s; trying again for %g s", exc, self._seconds)
                told = str(exc)
            await asyncio.sleep(PAUSE_SECONDS)
