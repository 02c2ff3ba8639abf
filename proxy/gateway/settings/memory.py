"""What one worker remembers of buckets' settings: for seconds what they are, for ever how far they were.

The second is all that can tell a record from an older one of the same bucket, and a bucket that never had one
from one whose record is gone. It ends with the worker, and does not reach another: docs/threat-model.md.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakValueDictionary

from proxy.gateway.settings.values import NO_SETTINGS, BucketSettings

FRESH_SECONDS = 5.0
MOST_WITHOUT = 10_000
"""Buckets that have no record. Anybody may ask for one more, so these push out none that has."""
MOST_WITH = 100_000

Place = tuple[str, str]
"""Store and bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    counter: int
    """0: there was no record."""
    settings: BucketSettings
    at: float


class SettingsMemory:
    """One worker's. `now` is in seconds and never falls."""

    def __init__(self, *, most_without: int = MOST_WITHOUT, most_with: int = MOST_WITH) -> None:
        self._without: OrderedDict[Place, Seen] = OrderedDict()
        self._with: OrderedDict[Place, Seen] = OrderedDict()
        self._most_without = most_without
        self._most_with = most_with
        self._reading: WeakValueDictionary[Place, asyncio.Lock] = WeakValueDictionary()

    def fresh(self, place: Place, *, now: float) -> BucketSettings | None:
        """What they were a moment ago; None where nobody looked."""
        seen = self._with.get(place) or self._without.get(place)
        return seen.settings if seen is not None and now - seen.at < FRESH_SECONDS else None

    def last(self, place: Place) -> Seen:
        """The newest record that was ever seen, however long ago; counter 0 where none was."""
        return self._with.get(place) or Seen(counter=0, settings=NO_SETTINGS, at=float("-inf"))

    def learn(self, place: Place, counter: int, settings: BucketSettings, *, now: float) -> None:
        """What was read, proven, or written just now; not an older one, read while a newer was written."""
        if counter < self.last(place).counter:
            return
        self._without.pop(place, None)
        kept, most = (self._with, self._most_with) if counter else (self._without, self._most_without)
        kept[place] = Seen(counter=counter, settings=settings, at=now)
        kept.move_to_end(place)
        while len(kept) > most:
            kept.popitem(last=False)

    def doubt(self, place: Place) -> None:
        """Look again before the next use; the counter stays."""
        seen = self._with.get(place)
        if seen is not None:
            self._with[place] = Seen(counter=seen.counter, settings=seen.settings, at=float("-inf"))
        self._without.pop(place, None)

    def forget(self, place: Place) -> None:
        """The bucket is gone, and with it all that was said of it."""
        self._with.pop(place, None)
        self._without.pop(place, None)

    def reading(self, place: Place) -> asyncio.Lock:
        """Held by whoever asks the store, so that a crowd asks once."""
        lock = self._reading.get(place)
        if lock is None:
            lock = self._reading[place] = asyncio.Lock()
        return lock
