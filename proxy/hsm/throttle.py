"""Holds accounts to their request quotas: one bucket for each account, region and quota that is used.

A call that would go over is refused before anything is looked up. What only the service-owned key is used for
counts against nobody (AWS: "AWS owned keys do not count against request quotas").
"""

from collections.abc import Callable, Mapping
from threading import Lock

from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.quotas import OTHER_RATE, RATES, Bucket, group_of

_EXCEEDED = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."


class Throttle:
    """Safe to call from any thread."""

    def __init__(self, *, ticks: Callable[[], float], rates: Mapping[str, float] | None = None) -> None:
        """`ticks` are seconds that never go back; `rates` stand in the place of AWS's."""
        self._ticks = ticks
        self._rates = {**RATES, **(rates or {})}
        self._buckets: dict[tuple[str, str, str], Bucket] = {}
        self._lock = Lock()

    def admit(self, account: str, region: str, action: str) -> None:
        """Raises ThrottlingException."""
        place = account, region, group_of(action)
        with self._lock:
            bucket = self._buckets.get(place)
            if bucket is None:
                bucket = self._buckets[place] = Bucket(rate=self.rate(place[2]))
            if not bucket.take(self._ticks()):
                raise KmsError("ThrottlingException", _EXCEEDED)

    def rate(self, group: str) -> float:
        return self._rates.get(group, OTHER_RATE)

    def used(self, account: str, region: str) -> dict[str, float]:
        """How near each quota came to its end in the last minute or two, by its name; those in use."""
        with self._lock:
            now = self._ticks()
            return {
                place[2]: bucket.used_ratio(now)
                for place, bucket in self._buckets.items()
                if place[:2] == (account, region)
            }

    def furthest(self) -> dict[str, float]:
        """The same, of whichever account and region is nearest to its end."""
        found: dict[str, float] = {}
        with self._lock:
            now = self._ticks()
            for (_, _, group), bucket in self._buckets.items():
                found[group] = max(found.get(group, 0.0), bucket.used_ratio(now))
        return found
