"""What is counted of the use of keys, and what is remembered of destroyed ones, with the store behind it.

Counts live in memory and are written when `save` is called: a crash loses what was counted since. What is
remembered of a key is written by the change that destroys it.
"""

from collections.abc import Sequence
from threading import Lock

from proxy.hsm.core.metering import Meter
from proxy.hsm.core.model import Key
from proxy.hsm.core.records import (
    LAST_USE,
    PAST,
    USAGE,
    Record,
    last_use_record,
    tracking_record,
    usage_record,
)
from proxy.hsm.core.usage import MONTHS_KEPT, LastUse, Past, Tracking, Usage, month_of, months_before
from proxy.hsm.store import Store


class Books:
    """The meter is locked by `lock`; the rest changes one at a time, which the engine sees to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._past: dict[str, Past] = {}
        self.meter = Meter()
        self.lock = Lock()
        self.tracking: Tracking | None = None
        """Since when uses are counted; None until it is first written down."""

    def load(self, value: Usage | LastUse | Past | Tracking) -> None:
        match value:
            case Usage() | LastUse():
                self.meter.load(value)
            case Past():
                self._past[value.key_arn] = value
            case Tracking():
                self.tracking = value

    def past(self) -> Sequence[Past]:
        """Of all accounts, as it is now."""
        return tuple(self._past.values())

    def remember(self, past: Past) -> None:
        """A key that is destroyed: its record was written with that."""
        self._past[past.key_arn] = past
        with self.lock:
            self.meter.forget(past.key_arn)

    def last_use(self, key: Key) -> LastUse | None:
        with self.lock:
            return self.meter.maybe_last_use(key.arn)

    def counted_since(self, key: Key, now_epoch: float) -> float:
        """From when on a use of the key would be known."""
        since = self.tracking.since_epoch if self.tracking else now_epoch
        return max(since, key.created_epoch)

    def begin(self, now_epoch: float) -> None:
        """Notes since when uses are counted, the first time. Raises StoreFailed."""
        if self.tracking is None:
            tracking = Tracking(since_epoch=now_epoch)
            self._store.commit([tracking_record(tracking)])
            self.tracking = tracking

    def save(self, now_epoch: float) -> None:
        """Writes what was counted, in one change. Raises StoreFailed, and keeps it for the next time."""
        with self.lock:
            unsaved = self.meter.unsaved()
        old = self._outlived(now_epoch)
        records: list[Record] = [usage_record(usage) for usage in unsaved.usages]
        records += [last_use_record(use) for use in unsaved.uses]
        gone = [(USAGE, name) for name in unsaved.forgotten] + [(PAST, past.key_arn) for past in old]
        if records or gone:
            self._store.commit(records, delete=gone)
        for past in old:
            del self._past[past.key_arn]
        with self.lock:
            self.meter.saved(unsaved)

    def names(self) -> list[tuple[str, str]]:
        """Of all records of uses and of destroyed keys, by kind and name."""
        with self.lock:
            usages, uses = self.meter.names()
        return [
            *((USAGE, name) for name in usages),
            *((LAST_USE, arn) for arn in uses),
            *((PAST, arn) for arn in self._past),
        ]

    def forget(self) -> None:
        """As though nothing had been used or destroyed here; the records are deleted already."""
        with self.lock:
            self._past.clear()
            self.meter.clear()

    def _outlived(self, now_epoch: float) -> Sequence[Past]:
        """Keys that no bill asks for any more."""
        oldest = months_before(month_of(now_epoch), MONTHS_KEPT - 1)
        return [past for past in self._past.values() if month_of(past.ended_epoch) < oldest]


def past_of(key: Key, rotated_epochs: tuple[float, ...]) -> Past:
    if key.deletion_asked_epoch is None:
        raise AssertionError(f"nobody asked for the deletion of {key.arn}")
    return Past(
        key_arn=key.arn,
        account=key.account,
        region=key.region,
        created_epoch=key.created_epoch,
        rotated_epochs=rotated_epochs,
        ended_epoch=key.deletion_asked_epoch,
    )
