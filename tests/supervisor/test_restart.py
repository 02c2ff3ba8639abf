"""What follows a child's death, decided without a clock."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.supervisor.restart import Again, Death, End, Policy, judge, recent

POLICY = Policy()
KILLED = "it was ended by SIGKILL"


def deaths(*moments: float, was_ready: bool = True, reported: bool = False) -> tuple[Death, ...]:
    return tuple(
        Death(at_seconds=moment, cause=KILLED, was_ready=was_ready, reported=reported) for moment in moments
    )


@pytest.mark.parametrize(
    ("moments", "verdict"),
    [
        ((0,), Again(delay_seconds=0.1)),
        ((0, 1), Again(delay_seconds=0.4)),
        ((0, 1, 2), Again(delay_seconds=1.6)),
        ((0, 1, 2, 3), Again(delay_seconds=5.0)),
        ((0, 1, 2, 3, 4), End(reason=f"died 5 times in 60 s; the last time: {KILLED}")),
        ((0, 1, 2, 3, 59.9), End(reason=f"died 5 times in 60 s; the last time: {KILLED}")),
        ((0, 1, 2, 3, 60), Again(delay_seconds=5.0)),
        ((0, 60), Again(delay_seconds=0.1)),
    ],
)
def test_deaths_of_the_last_minute_count(moments: tuple[float, ...], verdict: Again | End) -> None:
    """The delay grows from 0.1 to 5 s with them, and the fifth is the end."""
    judged = judge(POLICY, deaths(*moments))

    if isinstance(verdict, Again) and isinstance(judged, Again):
        assert verdict.delay_seconds == pytest.approx(judged.delay_seconds)
    else:
        assert verdict == judged


@pytest.mark.parametrize(
    ("was_ready", "reported", "ends"),
    [(False, True, True), (False, False, False), (True, True, False), (True, False, False)],
)
def test_a_first_start_that_says_why_it_failed_ends_the_service(
    *, was_ready: bool, reported: bool, ends: bool
) -> None:
    """Its reason is the service's; a child that was ready before may fail for a reason that passes."""
    verdict = judge(POLICY, deaths(0, was_ready=was_ready, reported=reported))

    assert (verdict == End(reason=KILLED)) is ends


@pytest.mark.parametrize("was_ready", [True, False])
def test_a_start_whose_repetition_would_do_harm_is_the_last(*, was_ready: bool) -> None:
    """Whatever went before: a token locks itself at some wrong PIN."""
    [death] = deaths(0, was_ready=was_ready, reported=True)

    assert judge(POLICY, (replace(death, for_good=True),)) == End(reason=KILLED)


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=40).map(sorted))
def test_the_service_ends_exactly_when_five_fall_into_a_minute(moments: list[float]) -> None:
    """Forgetting old deaths, as a keeper does, changes no verdict."""
    kept: tuple[Death, ...] = ()
    for count, moment in enumerate(moments, 1):
        kept = recent(POLICY, (*kept, *deaths(moment)))
        within = sum(moment - earlier < 60 for earlier in moments[:count])
        verdict = judge(POLICY, kept)

        assert judge(POLICY, deaths(*moments[:count])) == verdict
        assert isinstance(verdict, End) is (within >= 5)
        if isinstance(verdict, Again):
            assert 0.1 <= verdict.delay_seconds <= 5.0
