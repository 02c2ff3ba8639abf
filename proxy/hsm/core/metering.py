"""Counts uses of keys in memory, and says what of it is not written down yet.

Fed each successful call; `unsaved` gives the records to write and `saved` takes them as written, so that what
was counted in between is not lost. Months before the last are folded: the bill needs their sums alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proxy.hsm.core.usage import (
    MONTHS_KEPT,
    LastUse,
    Usage,
    month_bounds,
    month_of,
    months_before,
    usage_name,
)

Place = tuple[str, str, str, str, str]
"""Month, account, region, key's ARN, key's manager."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaved:
    usages: tuple[Usage, ...]
    uses: tuple[LastUse, ...]
    forgotten: tuple[str, ...]
    """Names of Usage records that are to be removed: too old, or folded into others."""


class Meter:
    """One caller at a time."""

    def __init__(self) -> None:
        self._counts: defaultdict[Place, dict[str, int]] = defaultdict(dict)
        self._uses: dict[str, LastUse] = {}
        self._changed: set[Place] = set()
        self._changed_uses: set[str] = set()
        self._forgotten: set[str] = set()
        self._month, self._month_ends = "", 0.0

    def load(self, value: Usage | LastUse) -> None:
        """What was written down before."""
        if isinstance(value, LastUse):
            self._uses[value.key_arn] = value
        else:
            place = value.month, value.account, value.region, value.key_arn, value.manager
            self._counts[place] = dict(value.counts)

    def count(
        self, operation: str, *, account: str, region: str, key_arn: str, manager: str, now_epoch: float
    ) -> None:
        if now_epoch >= self._month_ends:
            self._turn(now_epoch)
        place = self._month, account, region, key_arn, manager
        counts = self._counts[place]
        counts[operation] = counts.get(operation, 0) + 1
        self._changed.add(place)

    def use(self, use: LastUse) -> None:
        self._uses[use.key_arn] = use
        self._changed_uses.add(use.key_arn)

    def maybe_last_use(self, key_arn: str) -> LastUse | None:
        return self._uses.get(key_arn)

    def forget(self, key_arn: str) -> None:
        """A destroyed key has no last use; its counts stay."""
        self._uses.pop(key_arn, None)
        self._changed_uses.discard(key_arn)

    def clear(self) -> None:
        """As though nothing had been counted."""
        for held in (self._counts, self._uses, self._changed, self._changed_uses, self._forgotten):
            held.clear()

    def names(self) -> tuple[list[str], list[str]]:
        """Of the Usage and of the LastUse records that may have been written."""
        return [*(usage_name(*place) for place in self._counts), *self._forgotten], list(self._uses)

    def usages(self, month: str, account: str) -> Iterator[Usage]:
        for place in list(self._counts):
            if place[:2] == (month, account):
                yield self._usage(place)

    def unsaved(self) -> Unsaved:
        return Unsaved(
            usages=tuple(self._usage(place) for place in sorted(self._changed)),
            uses=tuple(self._uses[arn] for arn in sorted(self._changed_uses)),
            forgotten=tuple(sorted(self._forgotten)),
        )

    def saved(self, written: Unsaved) -> None:
        """Takes from what is unsaved what has not changed since."""
        same = [usage for usage in written.usages if self._usage(_place(usage)) == usage]
        self._changed.difference_update(_place(usage) for usage in same)
        self._changed_uses.difference_update(
            use.key_arn for use in written.uses if self._uses.get(use.key_arn) == use
        )
        self._forgotten.difference_update(written.forgotten)

    def _usage(self, place: Place) -> Usage:
        month, account, region, key_arn, manager = place
        counts = tuple(sorted(self._counts[place].items()))
        return Usage(
            month=month, account=account, region=region, key_arn=key_arn, manager=manager, counts=counts
        )

    def _turn(self, now_epoch: float) -> None:
        """Another month began, or this is the first call."""
        self._month = month_of(now_epoch)
        self._month_ends = month_bounds(self._month)[1]
        oldest, last = months_before(self._month, MONTHS_KEPT - 1), months_before(self._month, 1)
        for place in [place for place in self._counts if place[0] < last]:
            if place[0] < oldest:
                self._drop(place)
            elif place[3]:
                self._fold(place)

    def _fold(self, place: Place) -> None:
        month, account, region, _, manager = place
        whole: Place = (month, account, region, "", manager)
        for operation, count in self._counts[place].items():
            self._counts[whole][operation] = self._counts[whole].get(operation, 0) + count
        self._changed.add(whole)
        self._drop(place)

    def _drop(self, place: Place) -> None:
        del self._counts[place]
        self._changed.discard(place)
        self._forgotten.add(usage_name(*place))


def summed(usages: Iterable[Usage]) -> int:
    return sum(count for usage in usages for _, count in usage.counts)


def _place(usage: Usage) -> Place:
    return usage.month, usage.account, usage.region, usage.key_arn, usage.manager
