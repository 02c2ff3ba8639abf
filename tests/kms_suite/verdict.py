"""What a run of the suite says, beside the list of tests that may differ: pure, so that it is tested itself.

A test that does not pass is a defect, unless allowed.yaml names it under a sentence of docs/kms-api.md that
says why the service answers otherwise. The list is strict: what is on it and passes must be taken off.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.compatibility.outcomes import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    says: str
    """The sentence of docs/kms-api.md, word for word."""
    tests: Sequence[str]
    """A name without brackets stands for all the cases of that test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    defects: Sequence[str]
    """Do not pass, and nobody said why."""
    passing: Sequence[str]
    """Named as differing, and pass, or are not there: to be taken off the list."""

    @property
    def good(self) -> bool:
        return not self.defects and not self.passing


def judge(outcomes: Mapping[str, Outcome], allowed: Sequence[Difference], *, whole: bool) -> Verdict:
    """`whole`: all of the suite was asked for, so that what did not run is not there."""
    names = {test for each in allowed for test in each.tests}
    differing = {test for test, ended in outcomes.items() if not ended.passed}
    ran = {name for name in names if _cases(name, outcomes)}
    passing = {name for name in ran if set(_cases(name, outcomes)) - differing}
    return Verdict(
        defects=sorted(test for test in differing if not names & {test, _function(test)}),
        passing=sorted(passing | (names - ran if whole else set())),
    )


def _cases(name: str, tests: Iterable[str]) -> list[str]:
    return [test for test in tests if name in {test, _function(test)}]


def _function(test: str) -> str:
    return test.partition("[")[0]
