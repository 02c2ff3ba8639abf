"""The breaker's states, by an injected clock."""

import asyncio

import pytest

from proxy.keys.breaker import FORGOTTEN_SECONDS, Breaker
from proxy.keys.kms_errors import key_error
from proxy.keys.provider import KeyRefused, KeyServiceError, KeyUnavailable
from tests.keys.in_memory import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(failures=3, pause_seconds=1.0, clock=clock)


def fail(breaker: Breaker, error: KeyServiceError | None = None) -> None:
    with pytest.raises(KeyServiceError), breaker.guard():
        raise error or KeyUnavailable("down")


def is_refused(breaker: Breaker) -> bool:
    try:
        with breaker.guard():
            return False
    except KeyUnavailable as exc:
        return exc.code == "CircuitOpen"


@pytest.mark.parametrize(("failures", "is_open"), [(0, False), (2, False), (3, True)])
def test_it_opens_after_so_many_failures_in_a_row(breaker: Breaker, failures: int, *, is_open: bool) -> None:
    for _ in range(failures):
        fail(breaker)

    assert (breaker.is_open, is_refused(breaker)) == (is_open, is_open)


def test_each_probe_that_fails_doubles_the_pause_up_to_the_longest(clock: Clock) -> None:
    """And a success begins anew."""
    breaker = Breaker(failures=2, pause_seconds=1.0, longest_pause_seconds=5.0, clock=clock)
    for _ in range(2):
        for _ in range(2):
            fail(breaker)
        for pause in (1.0, 2.0, 4.0, 5.0, 5.0):
            clock.now += pause * 0.99
            assert is_refused(breaker)
            clock.now += pause * 0.02
            fail(breaker)
        clock.now += 6.0
        with breaker.guard():
            pass


async def test_calls_that_were_under_way_do_not_lengthen_the_pause(clock: Clock) -> None:
    """A busy proxy has many when a region goes away: they fail about at once, and are no probes."""
    breaker = Breaker(failures=2, pause_seconds=1.0, longest_pause_seconds=10.0, clock=clock)
    away = asyncio.Event()

    async def call() -> None:
        with breaker.guard():
            await away.wait()
            raise KeyUnavailable("down")

    calls = asyncio.gather(*(call() for _ in range(50)), return_exceptions=True)
    await asyncio.sleep(0)
    away.set()
    await calls

    assert is_refused(breaker)
    clock.now += 1.0
    assert not is_refused(breaker)


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "ExpiredToken", "LimitExceededException"])
def test_a_kms_that_does_not_take_somebody_s_credentials_is_alive(breaker: Breaker, code: str) -> None:
    """Whose they are is not known here: one identity's must not close the KMS to all others."""
    fail(breaker)
    fail(breaker)
    for _ in range(5):
        error = key_error(code, "", status=403)
        assert isinstance(error, KeyUnavailable)
        fail(breaker, error)

    fail(breaker)
    assert not breaker.is_open


def test_a_success_between_starts_the_count_anew(breaker: Breaker) -> None:
    for _ in range(5):
        fail(breaker)
        fail(breaker)
        assert not is_refused(breaker)


def test_a_kms_that_says_no_is_alive(breaker: Breaker) -> None:
    fail(breaker)
    fail(breaker)
    for _ in range(5):
        fail(breaker, KeyRefused("no"))

    assert not breaker.is_open
    fail(breaker)
    assert not breaker.is_open


@pytest.mark.parametrize(("later", "refused"), [(0.99, True), (1.0, False)])
def test_after_the_pause_one_call_is_let_through(
    breaker: Breaker, clock: Clock, later: float, *, refused: bool
) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now += later

    assert is_refused(breaker) is refused


def test_what_nobody_tried_for_long_is_as_good_as_new(breaker: Breaker, clock: Clock) -> None:
    """Till it fails once more. Else the first calls to it but one are refused, whatever it would answer."""
    for _ in range(3):
        fail(breaker)
    clock.now += 1 + FORGOTTEN_SECONDS - 0.01
    at_last = breaker.is_open
    clock.now += 0.02
    assert (at_last, breaker.is_open) == (True, False)
    with breaker.guard():
        assert not is_refused(breaker)
    for _ in range(3):
        fail(breaker)
    clock.now += 1 + FORGOTTEN_SECONDS

    fail(breaker)

    assert is_refused(breaker)


def test_a_probe_may_take_long(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now += 1
    with breaker.guard():
        clock.now += 2 * FORGOTTEN_SECONDS
        assert is_refused(breaker)


def test_there_is_one_probe_at_a_time_and_it_decides(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now += 1
    with breaker.guard():
        assert is_refused(breaker)

    assert not breaker.is_open
    assert not is_refused(breaker)


def test_a_probe_that_fails_opens_it_again(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now += 1
    fail(breaker)
    clock.now += 0.99

    assert is_refused(breaker)


def test_a_cancelled_probe_gives_its_place_to_the_next(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.now += 1
    with pytest.raises(asyncio.CancelledError), breaker.guard():
        raise asyncio.CancelledError

    assert breaker.is_open
    assert not is_refused(breaker)
