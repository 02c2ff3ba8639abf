"""What aliases stand for: asked once for all, and remembered through an outage."""

import asyncio

import pytest

from proxy.keys.names import KeyNames
from proxy.keys.provider import KeyRefused, KeyUnavailable, KeyUnusable
from tests.keys.conftest import CALLER
from tests.keys.in_memory import Clock, Kms

ALIAS = "alias/a"


@pytest.fixture
def kms() -> Kms:
    return Kms()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def names(kms: Kms, clock: Clock) -> KeyNames:
    return KeyNames(kms, CALLER, remembered_seconds=30, stale_seconds=300, clock=clock)


@pytest.mark.parametrize(("age", "calls"), [(0, 1), (29.9, 1), (30, 2)])
async def test_a_name_is_asked_for_again_after_a_while(
    names: KeyNames, kms: Kms, clock: Clock, age: float, calls: int
) -> None:
    await names.arn_of(ALIAS)
    clock.now += age
    await names.arn_of(ALIAS)

    assert len(kms.calls) == calls


@pytest.mark.parametrize("error", [None, KeyUnavailable("down"), KeyUnusable("no", code="NotFoundException")])
async def test_one_call_is_the_answer_of_all_who_ask_at_once(
    names: KeyNames, kms: Kms, error: Exception | None
) -> None:
    """Also where it is an error, which each raises for itself."""
    kms.error = error
    kms.open.clear()
    all_of_them = asyncio.gather(*(names.arn_of(ALIAS) for _ in range(1000)), return_exceptions=True)
    await asyncio.sleep(0)
    kms.open.set()
    ends = await all_of_them

    assert len(kms.calls) == 1
    assert len({id(each) for each in ends}) == (1000 if error else 1)
    assert {type(each) for each in ends} == {type(error) if error else str}


async def test_who_asked_and_leaves_takes_nobody_along(names: KeyNames, kms: Kms) -> None:
    kms.open.clear()
    leaving, *staying = [asyncio.create_task(names.arn_of(ALIAS)) for _ in range(3)]
    await asyncio.sleep(0)
    leaving.cancel()
    staying.pop().cancel()
    await asyncio.sleep(0)
    kms.open.set()

    assert await staying[0] == ALIAS
    assert len(kms.calls) == 2
    assert await names.arn_of(ALIAS) == ALIAS


async def test_while_the_kms_is_down_a_name_means_what_it_did(
    names: KeyNames, kms: Kms, clock: Clock
) -> None:
    """As long as an older yes may serve, and without asking each time; what was never heard is unknown."""
    await names.arn_of(ALIAS)
    kms.error = KeyUnavailable("down")
    clock.now += 31

    for _ in range(3):
        assert await names.arn_of(ALIAS) == ALIAS
    assert len(kms.calls) == 2
    with pytest.raises(KeyUnavailable):
        await names.arn_of("alias/other")
    clock.now += 268.9
    assert await names.arn_of(ALIAS) == ALIAS
    clock.now += 0.2
    with pytest.raises(KeyUnavailable):
        await names.arn_of(ALIAS)


async def test_a_no_ends_what_was_remembered(names: KeyNames, kms: Kms, clock: Clock) -> None:
    await names.arn_of(ALIAS)
    clock.now += 31
    kms.error = KeyRefused("no", code="AccessDeniedException")
    with pytest.raises(KeyRefused):
        await names.arn_of(ALIAS)
    kms.error = KeyUnavailable("down")

    with pytest.raises(KeyUnavailable):
        await names.arn_of(ALIAS)


async def test_without_older_answers_none_serve_through_an_outage(kms: Kms, clock: Clock) -> None:
    names = KeyNames(kms, CALLER, remembered_seconds=30, stale_seconds=0, clock=clock)
    await names.arn_of(ALIAS)
    kms.error = KeyUnavailable("down")
    clock.now += 30

    with pytest.raises(KeyUnavailable):
        await names.arn_of(ALIAS)
