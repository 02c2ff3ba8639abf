"""Processes come, count and go; what they have told adds up to counters that never fall."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.admin.readiness import Readiness
from proxy.metrics import merged
from proxy.runtime.tally import NOT_YET, Tally
from proxy.runtime.telling import Told

READY = Readiness(ready=True, reasons=(), troubles=())
DRAINING = Readiness(ready=False, reasons=("draining",), troubles=())
COUNTER, GAUGE, HISTOGRAM = "s3_sent_bytes_total", "s3_connections", "kms_request_duration_seconds"


def told(life: str, number: int, count: float, *, has: float = 0, readiness: Readiness = READY) -> Told:
    snapshot: Any = {
        "numbers": {COUNTER: [[[], count]], GAUGE: [[[], has]]},
        "histograms": {HISTOGRAM: [[["hsm"], [int(count)] * 17, float(count)]]},
    }
    return Told(life=life, number=number, readiness=readiness, snapshot=snapshot)


def sums(tally: Tally, answered: set[str]) -> tuple[float, float, float]:
    """Counter, gauge, and the histogram's sum."""
    page = merged(tally.page(answered))
    numbers = {name: sum(value for _, value in rows) for name, rows in page["numbers"].items()}
    times = sum(total for _, _, total in page["histograms"].get(HISTOGRAM, []))
    return numbers.get(COUNTER, 0), numbers.get(GAUGE, 0), times


def test_a_dead_process_keeps_its_counts_and_loses_what_it_has() -> None:
    tally = Tally(["worker-0", "worker-1"])
    tally.take("worker-0", told("a", 1, 10, has=3))
    tally.take("worker-1", told("b", 1, 5, has=4))
    assert sums(tally, {"worker-0", "worker-1"}) == (15, 7, 15.0)

    assert sums(tally, {"worker-1"}) == (15, 4, 15.0)

    assert tally.take("worker-0", told("c", 1, 1, has=1))
    assert sums(tally, {"worker-0", "worker-1"}) == (16, 5, 16.0)


def test_an_answer_that_comes_late_changes_nothing() -> None:
    """Of a life that is over, or older than one that came."""
    tally = Tally(["worker-0"])
    tally.take("worker-0", told("a", 2, 10))
    tally.take("worker-0", told("a", 1, 9))
    assert sums(tally, {"worker-0"})[0] == 10

    tally.take("worker-0", told("b", 1, 1))
    assert not tally.take("worker-0", told("a", 3, 11))
    assert sums(tally, {"worker-0"})[0] == 11


def test_the_next_tally_goes_on_from_the_dead_of_the_one_before() -> None:
    first = Tally(["worker-0"])
    first.take("worker-0", told("a", 1, 10))
    first.take("worker-0", told("b", 1, 1))

    second = Tally(["worker-0"], first.dead)
    second.take("worker-0", told("b", 2, 2))

    assert sums(second, {"worker-0"})[0] == 12


@given(
    st.lists(
        st.tuples(st.sampled_from(["worker-0", "worker-1"]), st.booleans(), st.integers(0, 5), st.booleans())
    )
)
def test_no_counter_ever_falls(steps: list[tuple[str, bool, int, bool]]) -> None:
    """Whoever dies, counts, and answers in time or not."""
    tally = Tally(["worker-0", "worker-1"])
    lives: dict[str, int] = {}
    counts: dict[str, int] = {}
    numbers: dict[str, int] = {}
    highest = (0.0, 0.0)
    for name, dies, more, answers in steps:
        if dies:
            lives[name], counts[name], numbers[name] = lives.get(name, 0) + 1, 0, 0
        counts[name] = counts.get(name, 0) + more
        numbers[name] = numbers.get(name, 0) + 1
        if answers:
            tally.take(name, told(f"{name} {lives.get(name, 0)}", numbers[name], counts[name]))
        counter, _, times = sums(tally, {name} if answers else set())
        assert (counter, times) >= highest
        highest = (counter, times)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (READY, READY, Readiness(ready=True, reasons=(), troubles=())),
        (READY, DRAINING, Readiness(ready=True, reasons=(), troubles=("draining",))),
        (DRAINING, DRAINING, Readiness(ready=False, reasons=("draining",), troubles=())),
        (READY, "never", Readiness(ready=True, reasons=(), troubles=(NOT_YET,))),
        ("never", "never", Readiness(ready=False, reasons=(NOT_YET,), troubles=())),
        (READY, "silent", Readiness(ready=True, reasons=(), troubles=("worker-1 does not answer",))),
        (
            DRAINING,
            "silent",
            Readiness(ready=False, reasons=("draining",), troubles=("worker-1 does not answer",)),
        ),
    ],
)
def test_the_service_is_ready_where_one_worker_is(first: Any, second: Any, expected: Readiness) -> None:
    """Why others are not is a trouble."""
    tally = Tally(["worker-0", "worker-1", "hsm-0"])
    answered = {"hsm-0"}
    tally.take("hsm-0", told("h", 1, 0))
    for name, state in (("worker-0", first), ("worker-1", second)):
        if state != "never":
            tally.take(name, told(name, 1, 0, readiness=READY if state == "silent" else state))
        if isinstance(state, Readiness):
            answered.add(name)

    assert tally.readiness(answered, serving=["worker-0", "worker-1"]) == expected


def test_silence_of_all_is_a_reason() -> None:
    """An answer without any reason would leave the operator to guess."""
    tally = Tally(["worker-0"])
    tally.take("worker-0", told("a", 1, 0))

    assert tally.readiness(set(), serving=["worker-0"]).reasons == ("no worker answers",)


def test_troubles_are_everybodys() -> None:
    """The key service's audit sink is the service's too; the same trouble is told once."""
    tally = Tally(["worker-0", "hsm-0"])
    troubled = Readiness(ready=True, reasons=(), troubles=("the disk is full",))
    tally.take("worker-0", told("a", 1, 0, readiness=troubled))
    tally.take("hsm-0", told("b", 1, 0, readiness=troubled))

    found = tally.readiness({"worker-0", "hsm-0"}, serving=["worker-0"])

    assert found == Readiness(ready=True, reasons=(), troubles=("the disk is full",))
