"""Decides what follows a child's death. Fed the time; waits for nothing and starts nothing.

- A first start that says why it failed ends the service: the same configuration would fail again.
- So does one that says that another start would do harm, the first or not.
- So does the fifth death of one child's place within a minute.
- Any other death is answered by a new child, after a delay that grows with the deaths of the last minute.
Deaths are counted for each place (the HSM, worker 0, worker 1): one place that cannot live is a fault of
ours, while all of them killed once, as by a machine short of memory, is not.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    first_delay_seconds: float = 0.1
    growth: float = 4.0
    longest_delay_seconds: float = 5.0
    deaths: int = 5
    window_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    at_seconds: float
    """On a clock that never goes back."""
    cause: str
    was_ready: bool
    """Whether any child in this place has been ready before."""
    reported: bool
    """Whether the child itself said why; otherwise `cause` is what the supervisor saw."""
    for_good: bool = False
    """Whether it said that another start would do harm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    delay_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    reason: str


def recent(policy: Policy, deaths: tuple[Death, ...]) -> tuple[Death, ...]:
    """The deaths that still count when the last of them happens."""
    return tuple(d for d in deaths if deaths[-1].at_seconds - d.at_seconds < policy.window_seconds)


def judge(policy: Policy, deaths: tuple[Death, ...]) -> Again | End:
    """What follows the last of `deaths`, all of one place, in order, at least one."""
    last, count = deaths[-1], len(recent(policy, deaths))
    if last.for_good or (last.reported and not last.was_ready):
        return End(reason=last.cause)
    if count >= policy.deaths:
        return End(reason=f"died {count} times in {policy.window_seconds:g} s; the last time: {last.cause}")
    delay = policy.first_delay_seconds * policy.growth ** (count - 1)
    return Again(delay_seconds=min(delay, policy.longest_delay_seconds))
