"""The bound on failed signatures."""

from proxy.gateway.failures import FailureLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def limit(clock: Clock, **changes: int) -> FailureLimit:
    return FailureLimit(burst=3, per_second=1.0, clock=clock, **changes)


def test_so_many_failures_at_once_pass_and_the_next_does_not() -> None:
    failures = limit(Clock())

    assert [failures.exceeded_by("a") for _ in range(5)] == [False, False, False, True, True]


def test_tries_come_back_with_time_and_no_more_than_the_burst() -> None:
    clock = Clock()
    failures = limit(clock)
    for _ in range(9):
        failures.exceeded_by("a")

    clock.now = 2.0
    assert [failures.exceeded_by("a") for _ in range(2)] == [False, True]
    clock.now = 1000.0
    assert [failures.exceeded_by("a") for _ in range(4)] == [False, False, False, True]


def test_one_address_does_not_use_up_anothers_tries() -> None:
    failures = limit(Clock())
    for _ in range(9):
        failures.exceeded_by("a")

    assert not failures.exceeded_by("b")


def test_memory_is_bounded_by_forgetting_who_failed_longest_ago() -> None:
    failures = limit(Clock(), addresses=2)
    for address in ("a", "a", "a", "b", "c"):
        failures.exceeded_by(address)

    assert not failures.exceeded_by("a")
