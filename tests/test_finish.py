"""What must complete once begun: a cancellation waits for it, but not for ever."""

import asyncio

import pytest

from proxy.finish import finish


async def test_a_result_and_an_error_come_through() -> None:
    async def fails() -> None:
        raise ValueError("no")

    assert await finish(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(ValueError, match="no"):
        await finish(fails())


async def test_a_cancellation_is_held_back_until_the_end() -> None:
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def step() -> None:
        begun.set()
        await go_on.wait()
        ended.set()

    task = asyncio.create_task(finish(step()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_it_is_bounded_once_nobody_waits() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def never() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    task = asyncio.create_task(finish(never(), within=0.01))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


async def test_an_error_behind_a_cancellation_is_its_cause() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def fails() -> None:
        begun.set()
        await go_on.wait()
        raise ValueError("no")

    task = asyncio.create_task(finish(fails(), within=None))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()

    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert isinstance(caught.value.__cause__, ValueError)
