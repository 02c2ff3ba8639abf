"""Rooms, and how many requests are in them: so that a reload knows when the old ones can be closed."""

import asyncio
from types import TracebackType

from proxy.gateway.call import Rooms


class Tenure:
    """A context manager for each request; `ended` for whoever closes the rooms."""

    __slots__ = ("_inside", "_over", "_quiet", "rooms")

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        self._inside = 0
        self._over = False
        self._quiet = asyncio.Event()

    def __enter__(self) -> Rooms:
        self._inside += 1
        return self.rooms

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside -= 1
        if self._over and not self._inside:
            self._quiet.set()

    async def ended(self) -> None:
        """Wait until the last request is out. No other may come in any more."""
        self._over = True
        if self._inside:
            await self._quiet.wait()
