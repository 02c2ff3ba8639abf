"""What two runs of the suite say together: pure, so that the verdict itself is tested.

The promise is that no test that passes against the bare store fails through the proxy. Those that may are
named in allowed.yaml with the sentence that explains them; the list is strict in both directions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_ALLOWED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    test: str
    outcome: str
    """passed, skipped, failed; `failed in setup` where the suite could not prepare, or not clean up."""
    message: str
    seconds: float

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    test: str
    reason: str
    design: str
    """Page and section that say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    new: Sequence[str]
    """Pass bare and fail through the proxy, and nobody allowed it."""
    passing: Sequence[str]
    """Allowed to fail, and do not, or not bare either: to be taken off the list."""

    @property
    def good(self) -> bool:
        return not self.new and not self.passing


def passed(outcomes: Mapping[str, Outcome]) -> set[str]:
    return {test for test, outcome in outcomes.items() if outcome.passed}


def differences(bare: Mapping[str, Outcome], proxied: Mapping[str, Outcome]) -> list[str]:
    """What passes bare and not through the proxy. A test that never came to its turn there counts."""
    return sorted(passed(bare) - passed(proxied))


def judge(differing: Sequence[str], allowed: Sequence[Allowed], ran: Sequence[str]) -> Verdict:
    """`ran` are the tests that were asked for: a run of some says nothing about others."""
    names = {each.test for each in allowed}
    return Verdict(
        new=sorted(set(differing) - names),
        passing=sorted((names & set(ran)) - set(differing)),
    )
