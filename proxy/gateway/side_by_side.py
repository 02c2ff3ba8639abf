"""Several small questions at once, bounded."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def side_by_side(steps: Iterable[Coroutine[Any, Any, T]], *, at_once: int) -> list[T]:
    """Their results, in order. The first error ends the others and is raised as itself."""
    places, waiting = asyncio.Semaphore(at_once), list(steps)

    async def placed(step: Coroutine[Any, Any, T]) -> T:
        async with places:
            return await step

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(placed(step)) for step in waiting]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        for step in waiting:
            step.close()  # one that was cancelled before its turn would complain that nobody awaited it
    return [task.result() for task in tasks]
