"""The data-key cache: what it keeps, for whom, how long; and that one miss is one call."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy.keys.cache import CachedKeys, CacheLimits
from proxy.keys.provider import (
    DataKey,
    KeyRefused,
    KeyUnavailable,
)
from tests.keys.conftest import CALLER
from tests.keys.in_memory import CONTEXT, Clock, Kms, get


@pytest.fixture
def kms() -> Kms:
    return Kms()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys(kms: Kms, clock: Clock) -> AsyncIterator[CachedKeys]:
    cache = CachedKeys(kms, CacheLimits(max_age_seconds=300, max_uses=3, max_entries=4), clock=clock)
    yield cache
    await cache.aclose()


async def test_a_second_use_makes_no_call(keys: CachedKeys, kms: Kms) -> None:
    first, second = await get(keys), await get(keys)

    assert (first.plain, first.cached, second.cached) == (second.plain, False, True)
    assert len(kms.calls) == 1
    assert (keys.counts.hits, keys.counts.misses, keys.counts.calls_saved) == (1, 1, 1)


@pytest.mark.parametrize(
    "other",
    [{"key_id": "k2"}, {"more": "1"}, {"aws:s3:arn": "arn:aws:s3:::other"}],
    ids=["key", "more context", "other context"],
)
async def test_what_differs_is_asked_for(keys: CachedKeys, kms: Kms, other: dict[str, Any]) -> None:
    await get(keys)

    assert not (await get(keys, **other)).cached
    assert len(kms.calls) == 2


async def test_the_order_of_a_context_does_not_matter(keys: CachedKeys) -> None:
    await keys.generate("k", {"a": "1", "b": "2"}, CALLER, fresh=False)

    assert (await keys.generate("k", {"b": "2", "a": "1"}, CALLER, fresh=False)).cached


@pytest.mark.parametrize(("age", "cached"), [(0, True), (299.9, True), (300, False), (301, False)])
async def test_age_ends_an_entry(keys: CachedKeys, clock: Clock, age: float, *, cached: bool) -> None:
    await get(keys)
    clock.now += age

    assert (await get(keys)).cached is cached


async def test_age_counts_from_when_the_kms_was_asked(keys: CachedKeys, kms: Kms, clock: Clock) -> None:
    """The KMS said yes at some time after that: a revocation is never seen later than the age."""
    kms.open.clear()
    waiting = asyncio.create_task(get(keys))
    await asyncio.sleep(0)
    clock.now += 299
    await asyncio.sleep(0)
    kms.open.set()
    await waiting
    clock.now += 2

    assert not (await get(keys)).cached


async def test_uses_end_an_entry(keys: CachedKeys, kms: Kms) -> None:
    """max_uses is 3: the fourth use has another key."""
    plains = [(await get(keys)).plain for _ in range(7)]

    assert [plains.count(p) for p in dict.fromkeys(plains)] == [3, 3, 1]
    assert len(kms.calls) == 3


async def test_opened_keys_have_no_bound_of_uses_and_never_seal(keys: CachedKeys, kms: Kms) -> None:
    opened = [await keys.unwrap("k", b"w", CONTEXT, CALLER) for _ in range(10)]
    made = await get(keys)

    assert [o.cached for o in opened] == [False] + [True] * 9
    assert (made.cached, made.plain != opened[0].plain) == (False, True)
    assert [c[0] for c in kms.calls] == ["unwrap", "generate"]


async def test_a_made_key_does_not_open(keys: CachedKeys, kms: Kms) -> None:
    """Who may seal may not by that open: the KMS is asked."""
    made = await get(keys)
    await keys.unwrap(made.key_arn, made.wrapped, CONTEXT, CALLER)

    assert [c[0] for c in kms.calls] == ["generate", "unwrap"]


@pytest.mark.parametrize(("arn", "wrapped"), [("k2", b"w"), ("k", b"w2")])
async def test_another_unwrap_is_asked_for(keys: CachedKeys, arn: str, wrapped: bytes) -> None:
    await keys.unwrap("k", b"w", CONTEXT, CALLER)

    assert not (await keys.unwrap(arn, wrapped, CONTEXT, CALLER)).cached


async def test_the_least_recently_used_goes_when_it_is_full(keys: CachedKeys) -> None:
    for name in "abcd":
        await get(keys, name)
    await get(keys, "a")
    await get(keys, "e")

    assert (await get(keys, "a")).cached
    assert not (await get(keys, "b")).cached


async def test_fresh_bypasses_and_leaves_nothing(keys: CachedKeys, kms: Kms) -> None:
    kept = await get(keys)
    fresh = await keys.generate("k", CONTEXT, CALLER, fresh=True)

    assert (fresh.plain != kept.plain, fresh.cached) == (True, False)
    assert (await get(keys)).plain == kept.plain
    assert kms.calls[1][-1] == "True"


async def test_zero_age_turns_it_off(kms: Kms) -> None:
    keys = CachedKeys(kms, CacheLimits(max_age_seconds=0))
    for _ in range(2):
        assert not (await get(keys)).cached
        assert not (await keys.unwrap("k", b"w", CONTEXT, CALLER)).cached

    assert len(kms.calls) == 4


@pytest.mark.parametrize("limits", [{"max_uses": 0}, {"max_entries": 0}])
def test_limits_without_room_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="room"):
        CacheLimits(**limits)


async def test_a_thousand_misses_make_one_call(kms: Kms) -> None:
    keys = CachedKeys(kms, CacheLimits())
    kms.open.clear()
    waiting = [asyncio.create_task(get(keys)) for _ in range(1000)]
    await asyncio.sleep(0.01)
    kms.open.set()
    got = await asyncio.gather(*waiting)

    assert len(kms.calls) == 1
    assert (len({g.plain for g in got}), sum(not g.cached for g in got)) == (1, 1)
    assert (keys.counts.misses, keys.counts.joined) == (1, 999)
    await keys.aclose()


async def test_waiters_too_share_the_bound_of_uses(keys: CachedKeys, kms: Kms) -> None:
    kms.open.clear()
    waiting = [asyncio.create_task(get(keys)) for _ in range(10)]
    await asyncio.sleep(0)
    kms.open.set()
    plains = [g.plain for g in await asyncio.gather(*waiting)]

    assert max(plains.count(p) for p in plains) == 3
    assert len(kms.calls) == 4


@pytest.mark.parametrize("leaver", [0, 1, 2])
async def test_a_waiter_that_leaves_takes_nobody_along(keys: CachedKeys, kms: Kms, leaver: int) -> None:
    """Also the first, whose request made the call."""
    kms.open.clear()
    waiting = [asyncio.create_task(get(keys)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[leaver].cancel()
    await asyncio.sleep(0)
    kms.open.set()
    ends = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(ends.pop(leaver), asyncio.CancelledError)
    assert all(isinstance(end, DataKey) for end in ends)
    assert (len(kms.calls), kms.cancelled) == (1, 0)


async def test_a_call_that_all_have_left_is_not_lost(keys: CachedKeys, kms: Kms) -> None:
    kms.open.clear()
    waiting = asyncio.create_task(get(keys))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    kms.open.set()
    await asyncio.sleep(0.01)

    assert (await get(keys)).cached


@pytest.mark.parametrize("error", [KeyRefused("no", code="AccessDeniedException"), KeyUnavailable("down")])
async def test_errors_reach_all_who_wait_and_are_not_kept(
    keys: CachedKeys, kms: Kms, error: KeyRefused | KeyUnavailable
) -> None:
    kms.error = error
    kms.open.clear()
    waiting = [asyncio.create_task(get(keys)) for _ in range(3)]
    await asyncio.sleep(0)
    kms.open.set()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    kms.error = None

    assert [(type(e), str(e), e.code) for e in ends if isinstance(e, type(error))] == [
        (type(error), error.reason, error.code)
    ] * 3
    assert not (await get(keys)).cached


async def test_a_defect_is_nobodys_answer(keys: CachedKeys, kms: Kms) -> None:
    kms.error = RuntimeError("a defect")
    with pytest.raises(RuntimeError):
        await get(keys)


async def test_an_error_that_nobody_waits_for_is_silent(
    keys: CachedKeys, kms: Kms, caplog: pytest.LogCaptureFixture
) -> None:
    kms.error = KeyUnavailable("down")
    kms.open.clear()
    waiting = asyncio.create_task(get(keys))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    kms.open.set()
    await asyncio.sleep(0.01)
    gc.collect()

    assert caplog.text == ""


async def test_while_the_kms_is_down_what_is_here_serves(keys: CachedKeys, kms: Kms, clock: Clock) -> None:
    """Until its age ends, not beyond; and without a restart it recovers."""
    await get(keys)
    kms.error = KeyUnavailable("down")
    clock.now += 299
    assert (await get(keys)).cached
    clock.now += 2
    with pytest.raises(KeyUnavailable):
        await get(keys)

    kms.error = None
    assert not (await get(keys)).cached


async def test_key_bytes_are_dropped_when_their_age_ends(keys: CachedKeys, clock: Clock) -> None:
    """Also where nobody asks again."""
    entry = await get(keys)
    await keys.unwrap("k", b"w", CONTEXT, CALLER)
    held = [*keys._made.values(), *keys._opened.values()]
    assert (len(held), entry.cached) == (2, False)

    clock.now += 300
    keys.sweep()

    assert keys._made._Cache__data == keys._opened._Cache__data == {}  # type: ignore[attr-defined]  # what is really held


async def test_closing_ends_calls_under_way_and_drops_all(kms: Kms) -> None:
    keys = CachedKeys(kms, CacheLimits())
    await get(keys, "kept")
    kms.open.clear()
    waiting = asyncio.create_task(get(keys))
    await asyncio.sleep(0.01)
    await keys.aclose()

    with pytest.raises(KeyUnavailable):
        await waiting
    with pytest.raises(KeyUnavailable):
        await get(keys, "kept")
    assert (kms.closed, kms.cancelled, len(keys._made)) == (1, 1, 0)
    assert len(asyncio.all_tasks()) == 1


async def test_the_rest_passes_through(keys: CachedKeys, kms: Kms) -> None:
    assert await keys.re_encrypt("k", b"w", {}, CALLER, to_key_id="k2", to_context={}) == (
        "arn:to",
        b"rewrapped",
    )
    assert (await keys.describe("k", CALLER)).key_arn == "k"
    assert [c[0] for c in kms.calls] == ["re_encrypt", "describe"]
