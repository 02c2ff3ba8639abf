"""The memory budget: bytes are never over-promised, and waiting is fair and bounded."""

import asyncio

import pytest

from proxy.gateway.budget import MemoryBudget, OverBudget, SharedBudget


async def test_what_fits_is_given_at_once_and_given_back() -> None:
    budget = MemoryBudget(10)

    async with budget.hold(4), budget.hold(6):
        assert budget.used_bytes == 10

    assert budget.used_bytes == 0


async def test_a_request_larger_than_the_whole_budget_gets_all_of_it() -> None:
    """It would else never be served; nobody else is while it is."""
    budget = MemoryBudget(10)

    async with budget.hold(11):
        assert budget.used_bytes == 10


async def test_who_does_not_fit_waits_for_others_to_end() -> None:
    budget = MemoryBudget(10, wait_seconds=5)
    order: list[str] = []

    async def use(name: str, size: int, seconds: float) -> None:
        async with budget.hold(size):
            order.append(name)
            await asyncio.sleep(seconds)

    await asyncio.gather(use("first", 10, 0.05), use("large", 9, 0.01), use("small", 1, 0.01))

    assert order == ["first", "large", "small"]
    assert budget.used_bytes == 0


async def test_a_small_request_does_not_overtake_a_large_one() -> None:
    """Else a stream of small ones would starve it."""
    budget = MemoryBudget(10, wait_seconds=60)

    async with budget.hold(5):
        large = asyncio.ensure_future(_hold(budget, 10))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await _hold(budget, 1)
        assert not large.done()
    await large

    assert budget.used_bytes == 0


async def test_waiting_has_an_end_and_leaves_no_trace() -> None:
    budget = MemoryBudget(10, wait_seconds=0.02)

    async with budget.hold(10):
        with pytest.raises(OverBudget):
            await _hold(budget, 1)

    async with budget.hold(10):
        assert budget.used_bytes == 10


@pytest.mark.parametrize("turns", range(4))
async def test_a_cancelled_waiter_gives_back_what_it_may_have_got(turns: int) -> None:
    """Whether the cancellation comes before or after its turn."""
    budget = MemoryBudget(10, wait_seconds=5)
    release = asyncio.Event()

    async def first() -> None:
        async with budget.hold(10):
            await release.wait()

    holder = asyncio.ensure_future(first())
    await asyncio.sleep(0)
    waiter = asyncio.ensure_future(_hold(budget, 10))
    await asyncio.sleep(0)
    release.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(holder, waiter, return_exceptions=True)

    assert budget.used_bytes == 0


async def _hold(budget: MemoryBudget, size: int) -> None:
    async with budget.hold(size):
        pass


async def test_one_identity_cannot_hold_all_of_a_shared_budget() -> None:
    budget = SharedBudget(10, share_bytes=6, wait_seconds=0.02)

    async with budget.hold("greedy", 6):
        with pytest.raises(OverBudget):
            async with budget.hold("greedy", 1):
                pass
        async with budget.hold("other", 4):
            assert budget.used_bytes == 10

    assert budget.used_bytes == 0


async def test_a_request_larger_than_a_share_gets_the_whole_share() -> None:
    budget = SharedBudget(10, share_bytes=6, wait_seconds=0.02)

    async with budget.hold("a", 100):
        assert budget.used_bytes == 6
