"""The memory that bodies may hold, in bytes, over all requests of one worker.

Whoever does not fit waits a moment in order of arrival, then is told to slow down: a worker that dies of
memory takes everybody's transfers with it.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType


class OverBudget(Exception):
    """The memory did not come free in time: the client should slow down and try again."""


class SharedBudget:
    """A budget of which no identity can hold more than its share, so that one of them cannot starve the rest.

    Whoever waits for their own share does not stand in the way of others.
    """

    def __init__(self, total_bytes: int, *, share_bytes: int, wait_seconds: float) -> None:
        self.total_bytes = total_bytes
        self._all = MemoryBudget(total_bytes, wait_seconds=wait_seconds)
        self._share_bytes = min(share_bytes, total_bytes)
        self._wait_seconds = wait_seconds
        self._shares: dict[str, MemoryBudget] = {}

    @property
    def used_bytes(self) -> int:
        return self._all.used_bytes

    def hold(self, identity: str, size_bytes: int) -> AbstractAsyncContextManager[None]:
        """Holds size_bytes (at most a whole share) while inside. Entering raises OverBudget."""
        size = min(size_bytes, self._share_bytes)
        share = self._shares.get(identity)
        if share is None:
            share = self._shares[identity] = MemoryBudget(self._share_bytes, wait_seconds=self._wait_seconds)
        return _Held((share, self._all), size)


class MemoryBudget:
    """First come, first served. Safe for concurrent tasks of one loop; a cancelled waiter leaves no trace."""

    def __init__(self, total_bytes: int, *, wait_seconds: float = 1.0) -> None:
        self.total_bytes = total_bytes
        self._free = total_bytes
        self._wait_seconds = wait_seconds
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def used_bytes(self) -> int:
        return self.total_bytes - self._free

    def hold(self, size_bytes: int) -> AbstractAsyncContextManager[None]:
        """Holds size_bytes (at most the whole budget) while inside. Entering raises OverBudget."""
        return _Held((self,), min(size_bytes, self.total_bytes))

    def takes_at_once(self, size: int) -> bool:
        """Take size bytes, if they are free and nobody came before."""
        if size > self._free or self._waiting:
            return False
        self._free -= size
        return True

    async def take(self, size: int) -> None:
        """Take size bytes when it is one's turn; `give` takes them back. Raises OverBudget."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (size, turn)
        self._waiting.append(entry)
        try:
            # Not wait_for: until Python 3.12 it swallows a cancellation that comes with the turn.
            async with asyncio.timeout(self._wait_seconds):
                await asyncio.shield(turn)
        except BaseException as exc:
            if turn.done():
                self.give(size)
            else:
                self._waiting.remove(entry)
                turn.cancel()
                self._wake()
            if isinstance(exc, TimeoutError):
                raise OverBudget(f"{size} bytes did not come free in {self._wait_seconds:g} s") from exc
            raise

    def give(self, size: int) -> None:
        self._free += size
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            size, turn = self._waiting.popleft()
            self._free -= size
            turn.set_result(None)


class _Held(AbstractAsyncContextManager[None]):
    """The same number of bytes from each of some budgets, taken in their order."""

    __slots__ = ("_budgets", "_size", "_taken")

    def __init__(self, budgets: Sequence[MemoryBudget], size: int) -> None:
        self._budgets = budgets
        self._size = size
        self._taken = 0

    async def __aenter__(self) -> None:
        try:
            for budget in self._budgets:
                if not budget.takes_at_once(self._size):
                    await budget.take(self._size)
                self._taken += 1
        except BaseException:
            self._give_back()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()

    def _give_back(self) -> None:
        for budget in self._budgets[: self._taken]:
            budget.give(self._size)
        self._taken = 0
