"""What the service's processes told, added up so that no count ever falls. Decides; asks nobody.

Each process counts from zero in its own memory. When another life answers in a place, what the one before had
counted by its last answer joins the counts of the dead. A process that gives no answer now keeps its counts
on the page, and what it has of something (its gauges) is left out. Answers may come in any order: an older
one changes nothing.
"""

from collections.abc import Collection, Iterable

from proxy.admin.readiness import Readiness
from proxy.metrics import Snapshot, lasting, merged
from proxy.runtime.telling import Told

NOT_YET = "starting: the self-test has not passed yet"


class Tally:
    def __init__(self, names: Iterable[str], dead: Snapshot | None = None) -> None:
        """`dead` is what an earlier tally of this service held of processes that are gone."""
        self.dead: Snapshot = dead or {"numbers": {}, "histograms": {}}
        self._last: dict[str, Told | None] = dict.fromkeys(names)
        self._ended: set[str] = set()

    def take(self, name: str, told: Told) -> bool:
        """Note an answer; True where it was a new life's after another's, whose counts are now the dead's."""
        last = self._last[name]
        if told.life in self._ended or (last and last.life == told.life and last.number >= told.number):
            return False
        self._last[name] = told
        if last is None or last.life == told.life:
            return False
        self._ended.add(last.life)
        self.dead = merged([self.dead, lasting(last.snapshot)])
        return True

    def page(self, answered: Collection[str]) -> list[Snapshot]:
        """All snapshots that make up the service's numbers, of which `answered` gave theirs just now."""
        return [
            self.dead,
            *(
                told.snapshot if name in answered else lasting(told.snapshot)
                for name, told in self._last.items()
                if told is not None
            ),
        ]

    def readiness(self, answered: Collection[str], *, serving: Collection[str]) -> Readiness:
        """One answer for the service: it is ready where one of `serving` is, as they serve the same.

        Why others are not is then a trouble.
        """
        told = {name: each for name, each in self._last.items() if each and name in answered}
        servers = [told[name].readiness for name in serving if name in told]
        reasons = [reason for each in servers for reason in each.reasons]
        reasons += [NOT_YET for name in serving if self._last[name] is None]
        troubles = [trouble for each in told.values() for trouble in each.readiness.troubles]
        troubles += [
            f"{name} does not answer" for name, each in self._last.items() if each and name not in told
        ]
        if any(each.ready for each in servers):
            return Readiness(ready=True, reasons=(), troubles=_unique([*reasons, *troubles]))
        return Readiness(
            ready=False, reasons=_unique(reasons or ["no worker answers"]), troubles=_unique(troubles)
        )


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
