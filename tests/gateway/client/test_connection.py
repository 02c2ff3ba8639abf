"""What a client's connection does with bytes that come too soon, too late, too many, or not at all."""

import asyncio
import random
import socket

import pytest

from proxy.gateway.client.http_exchange import HttpExchange
from proxy.gateway.exchange import BodyTooShort, ClientGone
from tests.gateway.fronts import LIMITS, echo, serving, talk

PUT = b"PUT /%d HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nbody%d"
LAST = b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
CHUNKED = b"PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


async def take_all(exchange: HttpExchange) -> int:
    taken = 0
    while piece := await exchange.read():
        taken += len(piece)
    return taken


async def refuse(exchange: HttpExchange) -> None:
    await exchange.begin(403, {}, length=2, first=b"no")


async def test_requests_in_a_row_are_answered_in_order_however_they_are_cut() -> None:
    """Pipelined: what comes behind a message is kept until its turn."""
    row = b"".join(PUT % (number, number) for number in range(5)) + LAST
    chance = random.Random(1)  # noqa: S311  # no secret

    async with serving() as (_, port):
        for _ in range(10):
            cuts = sorted(chance.sample(range(1, len(row)), 4))
            pieces = [row[a:b] for a, b in zip([0, *cuts], [*cuts, len(row)], strict=True)]
            answer = await talk(port, *pieces, pause_seconds=0.002)
            places = [answer.index(b"PUT /%d  body%d" % (number, number)) for number in range(5)]
            assert sorted(places) == places
            assert answer.endswith(b"GET /last  ")


BODY = b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"


async def test_after_a_chunked_body_the_connection_goes_on() -> None:
    """SDKs send each PUT over TLS like that; a handshake for every one would be dear."""
    async with serving() as (_, port):
        answer = await talk(port, CHUNKED + BODY, CHUNKED + BODY, LAST, pause_seconds=0.05)

    assert answer.count(b"PUT /c  abcd") == 2
    assert answer.count(b"connection: close") == 1
    assert answer.endswith(b"GET /last  ")


async def test_what_comes_along_with_a_chunked_body_s_end_is_not_read() -> None:
    """Where that body ended is nobody's to see differently; the client is told to come again."""
    async with serving() as (_, port):
        answer = await talk(port, CHUNKED + BODY + LAST)

    assert answer.endswith(b"PUT /c  abcd")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answer


async def test_a_damaged_chunked_body_is_told_to_the_handler() -> None:
    told: list[BodyTooShort] = []

    async def read(exchange: HttpExchange) -> None:
        try:
            await take_all(exchange)
        except BodyTooShort as exc:
            told.append(exc)
        await refuse(exchange)

    async with serving(read) as (_, port):
        answer = await talk(port, CHUNKED + b"xyz\r\n")

    assert (len(told), answer.endswith(b"no")) == (1, True)


async def test_a_client_still_sending_hears_the_answer_and_may_go_on() -> None:
    """What it sends meanwhile is dropped, and not left to make its system throw the answer away."""
    size = 3_000_000
    head = b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size

    async with serving(refuse) as (_, port):
        answer = await talk(port, head, *[b"x" * 300_000] * 10, LAST)

    assert answer.count(b"HTTP/1.1 403") == 2


async def test_a_body_that_nobody_takes_is_not_read() -> None:
    """Backpressure: what a slow handler leaves stays with the client."""
    may_go_on, size = asyncio.Event(), 64 * 1024 * 1024

    async def wait(exchange: HttpExchange) -> None:
        await may_go_on.wait()
        assert await take_all(exchange) == size
        await exchange.begin(200, {}, length=0)

    async with serving(wait) as (_, port):
        loop = asyncio.get_running_loop()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.setblocking(False)
            head = b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size
            sending = asyncio.ensure_future(loop.sock_sendall(client, head + bytes(size)))
            await asyncio.sleep(0.2)
            assert not sending.done()
            may_go_on.set()
            async with asyncio.timeout(30):
                await sending
                assert (await loop.sock_recv(client, 100)).startswith(b"HTTP/1.1 200")


async def test_a_client_that_takes_nothing_is_given_up() -> None:
    told: asyncio.Future[ClientGone] = asyncio.get_running_loop().create_future()

    async def send(exchange: HttpExchange) -> None:
        await exchange.begin(200, {}, length=1 << 40)
        try:
            while True:
                await exchange.write(bytes(1 << 20))
        except ClientGone as exc:
            told.set_result(exc)

    async with serving(send) as (_, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(LAST)
        async with asyncio.timeout(LIMITS.idle_timeout_seconds + 5):
            assert (await told).idle
        writer.close()


@pytest.mark.parametrize("sent", [LAST, b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"])
async def test_a_client_that_leaves_ends_the_work_behind_its_request(sent: bytes) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work(_exchange: HttpExchange) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.set()
            raise

    async with serving(work) as (front, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        await begun.wait()
        writer.close()
        async with asyncio.timeout(5):
            await ended.wait()
        assert front.in_flight == 0


async def test_what_a_handler_dies_of_tears_its_answer_and_nothing_else() -> None:
    async def die(exchange: HttpExchange) -> None:
        if exchange.target == "/last":
            raise RuntimeError("a defect")
        await echo(exchange)

    async with serving(die) as (_, port):
        assert await talk(port, LAST) == b""
        assert b"body1" in await talk(port, PUT % (1, 1) + LAST)


async def test_draining_closes_idle_connections_at_once() -> None:
    async with serving() as (front, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(PUT % (1, 1))
        await reader.readuntil(b"body1")
        async with asyncio.timeout(0.5):
            await front.drain(within_seconds=10)
            assert await reader.read() == b""
        writer.close()


async def test_draining_cuts_what_is_too_slow_and_waits_for_its_end() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow(_exchange: HttpExchange) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with serving(slow) as (front, port):
        asking = asyncio.ensure_future(talk(port, LAST))
        await begun.wait()
        await front.drain(within_seconds=0.05)
        assert ended.is_set()
        assert await asking == b""
