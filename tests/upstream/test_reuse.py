"""Which connection carries what: kept, stale, closed, limited, old."""

import asyncio

import pytest

from proxy.upstream import pool as pool_module
from proxy.upstream.connection import STORE_BYTES, Connection
from proxy.upstream.messages import Request, UpstreamBroken, UpstreamUnreachable
from proxy.upstream.pool import PlaceRefused
from tests.upstream.stores import (
    GET,
    POST,
    PUT,
    Open,
    Script,
    Serve,
    answers,
    empty,
    fetch,
    one_idle,
    plain_answer,
    pool_of,
    read_request,
)

OK = plain_answer(b"ok")


def once_then_gone(*, after: bytes = b"") -> Script:
    """Answer one request, wait for the next and end the connection instead of answering."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await read_request(reader)
        writer.write(after)

    return script


def counting(script: Script) -> tuple[Script, list[int]]:
    opened: list[int] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(1)
        await script(reader, writer)

    return counted, opened


async def test_one_connection_carries_request_after_request(serve: Serve, opened: Open) -> None:
    script, connections = counting(answers(OK))
    up = opened(await serve(script))

    for request in (GET, PUT, POST) * 3:
        assert await fetch(up, request, b"body" if request is not GET else b"") == (200, b"ok")
    async with up.upload(PUT, content_length=4) as upload:
        await upload.write(b"body")
        assert await (await upload.finish()).read(limit=2) == b"ok"

    assert (len(connections), pool_of(up)) == (1, one_idle())


@pytest.mark.parametrize(
    "headers",
    ["connection: close\r\n", "Connection: Keep-Alive, Close\r\n"],
)
async def test_a_server_that_says_close_is_believed(serve: Serve, opened: Open, headers: str) -> None:
    up = opened(await serve(answers(plain_answer(b"ok", headers=headers))))

    assert await fetch(up) == (200, b"ok")
    assert pool_of(up) == empty()


async def test_an_answer_not_read_to_its_end_costs_the_connection(serve: Serve, opened: Open) -> None:
    up = opened(await serve(answers(plain_answer(b"hello"))))

    async with up.open(GET) as response:
        assert await response.fill(memoryview(bytearray(4)), at_least=4) == 4
    assert pool_of(up) == empty()
    async with up.open(GET) as response:
        assert response.status == 200
    assert pool_of(up) == empty()


async def test_an_error_of_the_callers_own_does_not_cost_a_clean_connection(
    serve: Serve, opened: Open
) -> None:
    up = opened(await serve(answers(OK)))

    async def careless() -> None:
        async with up.open(GET) as response:
            await response.read(limit=2)
            raise KeyError

    with pytest.raises(KeyError):
        await careless()
    assert pool_of(up) == one_idle()


@pytest.mark.parametrize("request_", [GET, PUT], ids=lambda r: r.method)
async def test_what_may_be_sent_twice_survives_a_stale_connection(
    serve: Serve, opened: Open, request_: Request
) -> None:
    """With one attempt: this is no retry, the store never heard of it."""
    up = opened(await serve(once_then_gone(), answers(OK)))

    assert await fetch(up, request_, b"") == (200, b"ok")
    assert await fetch(up, request_, b"") == (200, b"ok")
    assert pool_of(up) == one_idle()


@pytest.mark.parametrize(
    "request_",
    [
        POST,
        Request(method="PUT", path="/b/k", headers={"if-none-match": "*"}),
        Request(method="DELETE", path="/b/k", headers={"if-match": '"x"'}),
    ],
    ids=["POST", "PUT if", "DELETE if"],
)
async def test_what_may_not_be_sent_twice_is_not(serve: Serve, opened: Open, request_: Request) -> None:
    """Not even with attempts left."""
    script, connections = counting(once_then_gone())
    up = opened(await serve(script), attempts=3)
    await fetch(up, request_)

    with pytest.raises(UpstreamBroken):
        await fetch(up, request_)
    assert (len(connections), pool_of(up)) == (1, empty())


async def test_a_byte_of_an_answer_means_that_the_request_was_heard(serve: Serve, opened: Open) -> None:
    """Then a broken connection is no stale one."""
    up = opened(await serve(once_then_gone(after=b"H"), answers(OK)))
    await fetch(up)

    with pytest.raises(UpstreamBroken):
        await fetch(up)


async def test_an_old_connection_carries_no_upload(
    serve: Serve, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who cannot send twice gets a connection that was used a moment ago, or a new one."""
    monkeypatch.setattr(pool_module, "SURE_SECONDS", 0.05)
    script, connections = counting(answers(OK))
    up = opened(await serve(script))
    await fetch(up)
    await fetch(up, POST)
    assert len(connections) == 1
    await asyncio.sleep(0.1)

    await fetch(up)
    await asyncio.sleep(0.1)
    await fetch(up, POST)
    await asyncio.sleep(0.1)
    async with up.upload(PUT, content_length=2) as upload:
        await upload.write(b"ab")
        await (await upload.finish()).read(limit=9)

    assert (len(connections), pool_of(up)) == (3, one_idle())


@pytest.mark.parametrize("farewell", [b"", b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"])
async def test_a_connection_that_the_store_ends_while_idle_is_forgotten(
    serve: Serve, opened: Open, farewell: bytes
) -> None:
    """Also one on which it says something: that is nobody's answer."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await asyncio.sleep(0.05)
        writer.write(farewell)
        await writer.drain()
        if farewell:
            await asyncio.sleep(30)

    up = opened(await serve(script))
    await fetch(up)
    assert pool_of(up) == one_idle()
    await asyncio.sleep(0.15)

    assert pool_of(up) == empty()
    assert await fetch(up, POST) == (200, b"ok")


@pytest.mark.parametrize("request_", [GET, POST], ids=lambda r: r.method)
async def test_bytes_the_loop_has_not_seen_yet_are_no_answer(
    serve: Serve, opened: Open, request_: Request
) -> None:
    """The kernel is asked before a kept connection is used."""
    writers: list[asyncio.StreamWriter] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writers.append(writer)
        writer.write(OK)
        await asyncio.sleep(30)

    up = opened(await serve(script, answers(OK)))
    await fetch(up)
    writers[0].write(plain_answer(b"not for you"))

    assert await fetch(up, request_) == (200, b"ok")


async def test_a_connection_whose_store_was_full_hears_the_end_while_idle(serve: Serve, opened: Open) -> None:
    """Reading was paused; the last bytes of the body were taken from memory, without waiting."""
    body = bytes(STORE_BYTES)
    gate = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(plain_answer(body)[: -len(body)])
        await asyncio.sleep(0.02)
        writer.write(body)
        await gate.wait()

    up = opened(await serve(script))
    async with up.open(GET) as response:
        await asyncio.sleep(0.1)
        assert await response.fill(memoryview(bytearray(body)), at_least=1) == len(body)
    assert pool_of(up) == one_idle()
    gate.set()
    await asyncio.sleep(0.05)

    assert pool_of(up) == empty()


async def test_an_aborted_connection_gives_nothing_more() -> None:
    """Not even what had come: after a lost byte the rest is in the wrong place."""
    connection = Connection(asyncio.get_running_loop(), idle_seconds=1)
    connection.begin(bytearray(STORE_BYTES))
    memoryview(connection.get_buffer(-1))[:3] = b"abc"
    connection.buffer_updated(3)
    assert connection.held == 3
    connection.abort()

    assert connection.held == 0
    with pytest.raises(UpstreamBroken):
        await connection.take()


async def test_unused_connections_are_closed_in_time_and_the_last_used_is_used_first(
    serve: Serve, opened: Open
) -> None:
    script, connections = counting(answers(OK))
    up = opened(await serve(script), keep_alive_seconds=0.2)
    await asyncio.gather(*(fetch(up) for _ in range(5)))
    assert pool_of(up).startswith("<Pool busy=0 idle=5")

    for _ in range(6):
        await asyncio.sleep(0.05)
        await fetch(up)
    assert (len(connections), pool_of(up)) == (5, one_idle())
    await asyncio.sleep(0.3)

    assert pool_of(up) == empty()


async def test_no_more_connections_than_allowed_and_who_waits_is_served_in_order(
    serve: Serve, opened: Open
) -> None:
    script, connections = counting(answers(OK))
    up = opened(await serve(script), connections=3)
    order: list[int] = []

    async def one(number: int) -> None:
        async with up.open(GET) as response:
            order.append(number)
            await asyncio.sleep(0.01)
            await response.read(limit=9)

    tasks = [asyncio.create_task(one(n)) for n in range(12)]
    await asyncio.sleep(0.005)
    assert "waiting=9 limit=3" in pool_of(up)
    await asyncio.gather(*tasks)

    assert len(connections) == 3
    assert order[3:] == list(range(3, 12))
    assert pool_of(up) == "<Pool busy=0 idle=3 connecting=0 waiting=0 limit=3>"


async def test_a_waiter_gets_the_place_of_a_connection_that_broke(serve: Serve, opened: Open) -> None:
    """Also where what is waited for needs a connection of its own."""
    up = opened(await serve(answers(b"garbage\r\n\r\n"), answers(OK)), connections=1)

    results = await asyncio.gather(fetch(up), fetch(up, POST), fetch(up), return_exceptions=True)

    assert isinstance(results[0], UpstreamBroken)
    assert list(results[1:]) == [(200, b"ok")] * 2
    assert pool_of(up) == one_idle(1)


async def test_a_full_pool_gives_up_its_oldest_for_a_new_one(
    serve: Serve, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stale connection in a pool of one: its place is the new one's."""
    monkeypatch.setattr(pool_module, "SURE_SECONDS", 0.0)
    script, connections = counting(answers(OK))
    up = opened(await serve(script), connections=1)
    for _ in range(3):
        await asyncio.sleep(0.01)
        assert await fetch(up, POST) == (200, b"ok")

    assert (len(connections), pool_of(up)) == (3, one_idle(1))


async def test_a_connection_handed_to_a_waiter_that_it_does_not_fit_is_replaced(
    serve: Serve, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its own place: the limit holds."""
    monkeypatch.setattr(pool_module, "SURE_SECONDS", -1.0)
    script, connections = counting(answers(OK))
    up = opened(await serve(script), connections=1)

    results = await asyncio.gather(fetch(up), fetch(up, POST), fetch(up, POST))

    assert list(results) == [(200, b"ok")] * 3
    assert (len(connections), pool_of(up)) == (3, one_idle(1))


async def test_who_waits_too_long_is_told_and_leaves_the_queue(serve: Serve, opened: Open) -> None:
    """Once: another attempt would only queue again."""
    up = opened(await serve(answers(OK)), connections=1, queue_seconds=0.05, attempts=3)
    async with up.open(GET) as response:
        begun = asyncio.get_running_loop().time()
        with pytest.raises(PlaceRefused):
            await fetch(up)
        assert asyncio.get_running_loop().time() - begun < 0.14
        await response.read(limit=9)

    assert pool_of(up) == one_idle(1)


async def test_closing_ends_everything(serve: Serve, opened: Open) -> None:
    """Who reads is broken, who waits is refused, who comes later too; and again is no harm."""
    up = opened(await serve(answers(plain_answer(b"hello")[:-1])), connections=2)
    busy = [asyncio.create_task(fetch(up)) for _ in range(2)]
    waiting = asyncio.create_task(fetch(up))
    await asyncio.sleep(0.1)

    await up.aclose()
    results = await asyncio.gather(*busy, waiting, return_exceptions=True)

    assert [type(r) for r in results] == [UpstreamBroken, UpstreamBroken, PlaceRefused]
    assert pool_of(up) == empty(2)
    with pytest.raises(UpstreamUnreachable):
        await fetch(up)
    await up.aclose()


async def test_closing_while_connecting_leaves_no_connection(serve: Serve, opened: Open) -> None:
    up = opened(await serve(answers(OK)))
    task = asyncio.create_task(fetch(up))
    await asyncio.sleep(0)
    assert "connecting=1" in pool_of(up)

    await up.aclose()
    with pytest.raises(UpstreamUnreachable):
        await task
    assert pool_of(up) == empty()
