"""A data key in memory is not a permission: whose yes it takes, how long it holds, and what ends it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from proxy.keys.cache import CachedKeys, CacheLimits
from proxy.keys.decisions import DecisionLimits
from proxy.keys.provider import DataKey, KeyRefused, KeyUnavailable
from tests.keys.conftest import CALLER
from tests.keys.in_memory import CONTEXT, Clock, Kms, get

BEA = replace(CALLER, principal="arn:aws:iam::111122223333:user/bea")
ELSEWHERE = replace(CALLER, source_ip="198.51.100.7")
REFUSED = KeyRefused("no", code="AccessDeniedException")
DOWN = KeyUnavailable("down")


@pytest.fixture
def kms() -> Kms:
    return Kms()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys(kms: Kms, clock: Clock) -> AsyncIterator[CachedKeys]:
    cache = CachedKeys(kms, CacheLimits(), decisions=DecisionLimits(), clock=clock)
    yield cache
    await cache.aclose()


async def opened(keys: CachedKeys, caller: Any = CALLER) -> DataKey:
    return await keys.unwrap("k", b"w", CONTEXT, caller)


async def made(keys: CachedKeys, caller: Any = CALLER) -> DataKey:
    return await get(keys, "k", caller)


USES = pytest.mark.parametrize("use", [made, opened])


def asked(kms: Kms) -> list[str]:
    return [call[0] for call in kms.calls]


@USES
@pytest.mark.parametrize("other", [BEA, ELSEWHERE])
async def test_another_caller_shares_the_key_once_the_kms_allows_it(
    keys: CachedKeys,
    kms: Kms,
    use: Any,
    other: Any,
) -> None:
    """Asked by a dry run, once for each."""
    first = await use(keys)
    others = [await use(keys, other) for _ in range(3)]

    assert {each.plain for each in others} == {first.plain}
    assert len(kms.calls) == 2
    assert asked(kms)[1].startswith("may_")


@USES
async def test_a_caller_that_the_kms_refuses_does_not_get_the_key_that_is_here(
    keys: CachedKeys,
    kms: Kms,
    use: Any,
) -> None:
    await use(keys)
    kms.error = REFUSED

    with pytest.raises(KeyRefused):
        await use(keys, BEA)
    assert (await use(keys)).cached


@USES
async def test_a_refusal_is_kept_for_a_second_at_most(
    keys: CachedKeys, kms: Kms, clock: Clock, use: Any
) -> None:
    await use(keys)
    kms.error = REFUSED
    for _ in range(3):
        with pytest.raises(KeyRefused):
            await use(keys, BEA)
    assert len(kms.calls) == 2
    kms.error = None
    clock.now += 1

    assert (await use(keys, BEA)).cached


@USES
async def test_the_first_caller_s_refusal_is_nobody_else_s(keys: CachedKeys, kms: Kms, use: Any) -> None:
    """Who waited for the same data key asks anew."""
    kms.open.clear()
    kms.error = REFUSED
    first = asyncio.create_task(use(keys))
    await asyncio.sleep(0)
    second = asyncio.create_task(use(keys, BEA))
    await asyncio.sleep(0)
    kms.open.set()
    with pytest.raises(KeyRefused):
        await first
    kms.error = None

    assert (await second).plain
    assert [call[-1] for call in kms.calls if "generate" in call[0]][:1] != [BEA.principal]


@USES
async def test_a_decision_is_asked_for_again_after_thirty_seconds(
    keys: CachedKeys,
    kms: Kms,
    clock: Clock,
    use: Any,
) -> None:
    await use(keys)
    clock.now += 29.9
    await use(keys)
    assert len(kms.calls) == 1
    clock.now += 0.1
    await use(keys)

    assert len(kms.calls) == 2
    kms.error = REFUSED
    clock.now += 30
    with pytest.raises(KeyRefused):
        await use(keys)


@USES
async def test_while_the_kms_cannot_be_asked_a_decision_serves_until_the_key_s_age_ends(
    keys: CachedKeys,
    kms: Kms,
    clock: Clock,
    use: Any,
) -> None:
    """For the same question; a new one is not decided."""
    await use(keys)
    kms.error = DOWN
    clock.now += 299
    assert (await use(keys)).cached
    with pytest.raises(KeyUnavailable):
        await use(keys, BEA)
    with pytest.raises(KeyUnavailable):
        await use(keys, ELSEWHERE)
    clock.now += 1
    with pytest.raises(KeyUnavailable):
        await use(keys)


@USES
async def test_a_kms_that_is_down_is_not_asked_for_each_request(
    keys: CachedKeys,
    kms: Kms,
    clock: Clock,
    use: Any,
) -> None:
    await use(keys)
    kms.error = DOWN
    clock.now += 60
    for _ in range(10):
        await use(keys)
    assert len(kms.calls) == 2
    clock.now += 1
    kms.error = REFUSED

    with pytest.raises(KeyRefused):
        await use(keys)


@USES
async def test_no_older_decision_serves_where_none_may(kms: Kms, clock: Clock, use: Any) -> None:
    keys = CachedKeys(kms, CacheLimits(), decisions=DecisionLimits(max_stale_seconds=0), clock=clock)
    await use(keys)
    kms.error = DOWN
    clock.now += 29
    await use(keys)
    clock.now += 1

    with pytest.raises(KeyUnavailable):
        await use(keys)
    await keys.aclose()


@USES
@pytest.mark.parametrize(
    ("stale_seconds", "age_seconds", "serves"), [(0, 0, False), (9, 8.9, True), (9, 9, False)]
)
async def test_where_changes_are_not_heard_no_yes_is_worth_more_than_an_older_one(
    kms: Kms, clock: Clock, use: Any, stale_seconds: float, age_seconds: float, *, serves: bool
) -> None:
    """However long it would hold else: the change that nobody told may have ended it."""
    limits = DecisionLimits(max_stale_seconds=stale_seconds)
    keys = CachedKeys(kms, CacheLimits(), decisions=limits, clock=clock)
    await use(keys)
    clock.now += age_seconds
    keys.unheard()
    kms.error = DOWN

    if serves:
        assert (await use(keys)).cached
    else:
        with pytest.raises(KeyUnavailable):
            await use(keys)
    await keys.aclose()


@USES
async def test_what_was_under_way_when_the_stream_was_lost_is_not_kept(
    kms: Kms, clock: Clock, use: Any
) -> None:
    limits = DecisionLimits(max_stale_seconds=0)
    keys = CachedKeys(kms, CacheLimits(), decisions=limits, clock=clock)
    kms.open.clear()
    waiting = asyncio.create_task(use(keys))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    keys.unheard()
    kms.open.set()
    assert (await waiting).plain
    kms.error = DOWN

    with pytest.raises(KeyUnavailable):
        await use(keys)
    await keys.aclose()


@USES
async def test_a_loss_of_the_stream_costs_nothing_where_an_older_yes_may_serve(
    keys: CachedKeys, kms: Kms, clock: Clock, use: Any
) -> None:
    await use(keys)
    keys.unheard()
    clock.now += 29
    await use(keys)

    assert len(kms.calls) == 1


@USES
@pytest.mark.parametrize("told", [{"k", "arn:k"}, None])
async def test_news_of_a_change_drops_key_and_decisions(
    keys: CachedKeys, kms: Kms, use: Any, told: Any
) -> None:
    await use(keys)
    await use(keys, BEA)
    keys.forget(told)
    assert not keys.holds_keys
    kms.error = REFUSED

    for caller in (CALLER, BEA):
        with pytest.raises(KeyRefused):
            await use(keys, caller)


@USES
async def test_news_of_another_key_changes_nothing(keys: CachedKeys, kms: Kms, use: Any) -> None:
    await use(keys)
    keys.forget({"arn:another"})
    await use(keys)

    assert len(kms.calls) == 1


@USES
async def test_news_ends_a_refusal_whatever_key_it_is_of(keys: CachedKeys, kms: Kms, use: Any) -> None:
    """Which key a refused name stands for is not known here."""
    kms.error = REFUSED
    with pytest.raises(KeyRefused):
        await use(keys)
    kms.error = None
    keys.forget({"arn:another"})

    assert (await use(keys)).plain


@USES
async def test_an_answer_that_was_under_way_during_a_change_is_not_kept(
    keys: CachedKeys,
    kms: Kms,
    use: Any,
) -> None:
    """The KMS may have given it before the change: it serves those who asked then, and nobody later."""
    kms.open.clear()
    waiting = asyncio.create_task(use(keys))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    keys.forget({"another"})
    kms.open.set()
    assert (await waiting).plain
    kms.error = REFUSED

    with pytest.raises(KeyRefused):
        await use(keys)


@USES
async def test_a_dry_run_that_was_under_way_during_a_change_is_not_kept(
    keys: CachedKeys,
    kms: Kms,
    use: Any,
) -> None:
    await use(keys)
    kms.open.clear()
    waiting = asyncio.create_task(use(keys, BEA))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    keys.forget({"another"})
    kms.open.set()
    assert (await waiting).plain
    kms.error = REFUSED

    with pytest.raises(KeyRefused):
        await use(keys, BEA)


@USES
async def test_who_asks_after_a_change_does_not_wait_for_an_answer_from_before(
    keys: CachedKeys, kms: Kms, use: Any
) -> None:
    """The KMS may have said yes just before, and say no now."""
    await use(keys)
    kms.open.clear()
    before = asyncio.create_task(use(keys, BEA))
    await asyncio.sleep(0.01)
    keys.forget({"arn:other"})
    after = asyncio.create_task(use(keys, BEA))
    await asyncio.sleep(0.01)

    assert len(kms.calls) == 3
    kms.open.set()
    assert (await before).plain == (await after).plain


async def test_a_thousand_requests_without_a_decision_make_one_dry_run(keys: CachedKeys, kms: Kms) -> None:
    await made(keys)
    kms.open.clear()
    waiting = [asyncio.create_task(made(keys, BEA)) for _ in range(1000)]
    await asyncio.sleep(0.01)
    kms.open.set()
    await asyncio.gather(*waiting)

    assert asked(kms) == ["generate", "may_generate"]
    assert keys.counts.decisions_asked == 1
