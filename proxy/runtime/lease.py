"""What several generations of a configuration may hold at once, closed when the last lets it go."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lease(Generic[T]):
    """One holder at first; `again` adds one."""

    def __init__(self, value: T, *, made_from: object, close: Callable[[], Awaitable[None]]) -> None:
        """`made_from` is compared, to tell whether another configuration asks for the same."""
        self.value = value
        self.made_from = made_from
        self._close = close
        self._holders = 1

    def again(self) -> "Lease[T]":
        self._holders += 1
        return self

    async def release(self) -> None:
        self._holders -= 1
        if not self._holders:
            await self._close()
