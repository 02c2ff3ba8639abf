"""Whatever is cancelled, whenever: the pool holds nothing, and nothing more is sent or written."""

import asyncio
import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.upstream.stores import (
    GET,
    PUT,
    Open,
    Serve,
    answers,
    empty,
    fetch,
    one_idle,
    plain_answer,
    pool_of,
    read_request,
)

Wire = tuple[ssl.SSLContext | None, ssl.SSLContext | None]
OK = plain_answer(b"ok")


async def cancelled(task: "asyncio.Task[object]", *, after: float = 0.05) -> None:
    await asyncio.sleep(after)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A listener that nobody accepts from, its queue full: connecting to it hangs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port
        for filler in fillers:
            filler.close()


async def test_in_connect(opened: Open, silent_port: int) -> None:
    up = opened(f"http://127.0.0.1:{silent_port}")
    task = asyncio.create_task(fetch(up))
    await asyncio.sleep(0.02)
    assert "connecting=1" in pool_of(up)

    await cancelled(task)

    assert pool_of(up) == empty()


async def test_in_the_tls_handshake(serve: Serve, opened: Open, wire: Wire) -> None:
    """A store that never speaks TLS."""
    if wire[1] is None:
        return
    ended = asyncio.Event()

    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()

    base = await serve(script)
    up = opened(base.replace("http:", "https:"), context=wire[1])
    task = asyncio.create_task(fetch(up))

    await cancelled(task)

    assert pool_of(up) == empty()
    await asyncio.wait_for(ended.wait(), 5)


async def test_at_every_turn_of_the_loop(serve: Serve, opened: Open, wire: Wire) -> None:
    """No moment of a whole exchange at which a connection or a place is lost."""
    up = opened(await serve(answers(OK), tls=wire[0]), context=wire[1], connections=2)
    for turns in range(60):
        task = asyncio.create_task(fetch(up, PUT, b"body"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert pool_of(up) in {empty(2), one_idle(2)}

    assert await fetch(up) == (200, b"ok")


async def test_in_the_queue(serve: Serve, opened: Open) -> None:
    """At every moment, also in the turn in which it is served."""
    up = opened(await serve(answers(OK)), connections=1)
    for turns in range(12):
        async with up.open(GET) as response:
            task = asyncio.create_task(fetch(up))
            await asyncio.sleep(0)
            await response.read(limit=2)
            if not turns:
                task.cancel()
        for _ in range(turns - 1):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert pool_of(up) in {empty(1), one_idle(1)}

    assert await fetch(up) == (200, b"ok")


async def test_in_the_turn_in_which_a_place_is_passed_on(serve: Serve, opened: Open) -> None:
    up = opened(await serve(answers(plain_answer(b"ok", headers="connection: close\r\n"))), connections=1)
    for turns in range(12):
        async with up.open(GET) as response:
            tasks = [asyncio.create_task(fetch(up)) for _ in range(2)]
            await asyncio.sleep(0)
            await response.read(limit=2)
        for _ in range(turns):
            await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)

        assert await asyncio.wait_for(tasks[1], 5) == (200, b"ok")
        assert pool_of(up) == empty(1)


async def test_in_write_what_was_not_sent_never_is(serve: Serve, opened: Open, wire: Wire) -> None:
    """The caller has its memory back: what it puts there next must not reach the store."""
    go, ended = asyncio.Event(), asyncio.Event()
    seen = bytearray()

    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await go.wait()
        try:
            while piece := await reader.read(1 << 20):
                seen.extend(piece)
        finally:
            ended.set()

    up = opened(await serve(script, tls=wire[0]), context=wire[1])
    buffer = bytearray(b"a" * (64 << 20))

    async def put() -> None:
        async with up.upload(PUT, content_length=len(buffer)) as upload:
            try:
                await upload.write(memoryview(buffer))
            finally:
                buffer[:] = b"S" * len(buffer)
                await asyncio.sleep(0.1)

    task: asyncio.Task[object] = asyncio.create_task(put())
    await asyncio.sleep(0.1)
    go.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 10)

    assert pool_of(up) == empty()
    assert b"S" not in seen
    assert len(seen) < 64 << 20


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n", plain_answer(b"hello")[:-1]])
@pytest.mark.parametrize("how", ["open", "upload", "fill"])
async def test_while_waiting_for_the_answer(
    serve: Serve, opened: Open, wire: Wire, how: str, sent: bytes
) -> None:
    up = opened(await serve(answers(sent), tls=wire[0]), context=wire[1])

    async def ask() -> None:
        if how == "upload":
            async with up.upload(PUT, content_length=1) as upload:
                await upload.write(b"1")
                await (await upload.finish()).read(limit=5)
        else:
            async with up.open(GET) as response:
                await response.fill(memoryview(bytearray(5)), at_least=5)

    await cancelled(asyncio.create_task(ask()))

    assert pool_of(up) == empty()


async def test_in_fill_nothing_is_written_to_the_buffer_afterwards(serve: Serve, opened: Open) -> None:
    """It is the caller's again, and may hold something else by then."""
    go = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(plain_answer(b"x" * 100)[:-50])
        await go.wait()
        writer.write(b"y" * 50)
        await reader.read()

    up = opened(await serve(script))
    buffer = bytearray(100)

    async def ask() -> None:
        async with up.open(GET) as response:
            await response.fill(memoryview(buffer), at_least=100)

    await cancelled(asyncio.create_task(ask()))
    buffer[:] = bytes(100)
    go.set()
    await asyncio.sleep(0.05)

    assert buffer == bytes(100)
    assert pool_of(up) == empty()


async def test_an_answer_is_of_no_more_use_after_a_cancelled_fill(serve: Serve, opened: Open) -> None:
    """Bytes were lost: reading on would shift the body."""
    up = opened(await serve(answers(plain_answer(b"x" * 100)[:-50])))
    async with up.open(GET) as response:
        task = asyncio.create_task(response.fill(memoryview(bytearray(100)), at_least=100))
        await cancelled(task)

        with pytest.raises(Exception, match="ended"):
            await response.fill(memoryview(bytearray(100)), at_least=1)
    assert pool_of(up) == empty()
