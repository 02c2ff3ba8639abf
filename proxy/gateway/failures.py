"""Bounds how often one address may fail to prove who it is: guessing is made slow, everybody else is not.

Each address has a bucket of tries that refills with time. Counted after the fact, so a right signature never
waits, whatever others at the same address do wrong.
"""

from collections import OrderedDict
from collections.abc import Callable


class FailureLimit:
    """Remembers the addresses that failed last; a quiet one is forgotten first. `clock` is in seconds."""

    def __init__(
        self, *, burst: int, per_second: float, clock: Callable[[], float], addresses: int = 10_000
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._addresses = addresses
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def exceeded_by(self, address: str) -> bool:
        """Count one failure; True where there were too many."""
        now = self._clock()
        left, since = self._left.pop(address, (float(self._burst), now))
        left = min(float(self._burst), left + (now - since) * self._per_second) - 1
        self._left[address] = (max(left, -1.0), now)
        if len(self._left) > self._addresses:
            self._left.popitem(last=False)
        return left < 0
