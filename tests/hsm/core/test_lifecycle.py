"""When a key is rotated and when it ends, by the day."""

from dataclasses import replace

import pytest

from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.lifecycle import (
    AUTOMATIC,
    DAY_SECONDS,
    ON_DEMAND,
    is_gone,
    is_rotation_due,
    rotated,
    with_deletion,
    with_rotation,
    without_deletion,
    without_rotation,
)
from proxy.hsm.core.model import Key, Manager
from proxy.hsm.core.states import KeyState

NOW = 1_800_000_000.0
KEY = Key(
    key_id="0f1e2d3c-4b5a-4697-8877-665544332211",
    account="111122223333",
    region="eu-central-1",
    manager=Manager.CUSTOMER,
    state=KeyState.ENABLED,
    created_epoch=NOW,
)
YEARLY = with_rotation(KEY, None, NOW)


def day(number: float) -> float:
    return NOW + number * DAY_SECONDS


@pytest.mark.parametrize(
    ("state", "at", "due"),
    [
        (KeyState.ENABLED, 364.9, False),
        (KeyState.ENABLED, 365, True),
        (KeyState.ENABLED, 5000, True),
        (KeyState.DISABLED, 365, False),
        (KeyState.PENDING_DELETION, 365, False),
    ],
)
def test_a_rotation_is_due_on_its_day_and_while_the_key_is_enabled(
    state: KeyState, at: float, *, due: bool
) -> None:
    assert is_rotation_due(replace(YEARLY, state=state), day(at)) is due


def test_a_key_without_rotation_is_never_due() -> None:
    assert not is_rotation_due(KEY, day(5000))
    assert not is_rotation_due(without_rotation(YEARLY), day(5000))


@pytest.mark.parametrize(
    ("asked_on", "days", "next_on"),
    [
        (10, None, 365),  # the same period: no date moves
        (10, 365, 365),
        (10, 90, 100),  # another counts from the call
        (10, 2560, 2570),
    ],
)
def test_a_period_that_is_asked_for_again(asked_on: float, days: int | None, next_on: float) -> None:
    assert with_rotation(YEARLY, days, day(asked_on)).next_rotation_epoch == day(next_on)


@pytest.mark.parametrize(
    ("done_on", "next_on"),
    [
        (365, 730),
        (365.9, 730),  # late by less than a day: the schedule stays
        (366, 731),  # by more: counted anew, and what fell due in between is not made up for
        (2000, 2365),
    ],
)
def test_the_next_rotation_is_a_period_later(done_on: float, next_on: float) -> None:
    key = rotated(YEARLY, AUTOMATIC, day(done_on))

    assert (key.version, key.next_rotation_epoch) == (2, day(next_on))
    assert key.on_demand_rotations == 0


def test_rotation_on_demand_leaves_the_schedule_alone() -> None:
    key = rotated(YEARLY, ON_DEMAND, day(100))

    assert (key.version, key.next_rotation_epoch, key.on_demand_rotations) == (2, day(365), 1)
    assert rotated(KEY, ON_DEMAND, NOW).next_rotation_epoch is None


@pytest.mark.parametrize(("asked", "waits"), [(None, 30), (7, 7), (30, 30)])
def test_a_deletion_waits_7_to_30_days(asked: int | None, waits: int) -> None:
    key = with_deletion(KEY, asked, NOW)

    assert (key.state, key.deletion_window_days) == (KeyState.PENDING_DELETION, waits)
    assert not is_gone(key, day(waits) - 0.001)
    assert is_gone(key, day(waits))


@pytest.mark.parametrize("asked", [1, 6, 31, 365])
def test_no_other_time_is_waited(asked: int) -> None:
    with pytest.raises(KmsError) as caught:
        with_deletion(KEY, asked, NOW)

    assert caught.value.code == "ValidationException"


def test_a_cancelled_deletion_leaves_a_disabled_key_as_it_was_else() -> None:
    assert without_deletion(with_deletion(YEARLY, 7, NOW)) == replace(YEARLY, state=KeyState.DISABLED)
