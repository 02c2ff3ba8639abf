"""What must complete once begun: whoever leaves cancels the rest of what was asked, and not this."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
GRACE_SECONDS = 20.0
"""How long it may go on behind a client that has left; below what a service manager waits at a stop."""


async def finish(step: Coroutine[Any, Any, T], *, within: float | None = GRACE_SECONDS) -> T:
    """Run `step` to its end, holding back a cancellation, but no longer than `within` from then on.

    None holds it back for ever. What the step then raises is the cancellation's cause.
    """
    task = asyncio.create_task(step)
    interrupted: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task], timeout=None if interrupted is None else within)
        except asyncio.CancelledError as exc:
            interrupted = exc
            continue
        if not task.done():
            task.cancel()
    if interrupted is not None:
        raise interrupted from None if task.cancelled() else task.exception()
    return task.result()
