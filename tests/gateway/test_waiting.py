"""Answers that begin before anybody knows how they end."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest

from proxy.gateway.call import Call
from proxy.gateway.client.http_exchange import HttpExchange
from proxy.gateway.patience import patience
from proxy.s3.markup import DECLARATION, without_declaration
from tests.gateway.fronts import serving, talk

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nHost: h\r\n\r\n"


def waited_on(exchange: HttpExchange, silent_seconds: float) -> Call:
    """A call as far as waiting looks at it."""
    call: Any = SimpleNamespace(
        exchange=exchange,
        rooms=SimpleNamespace(silent_seconds=silent_seconds),
        common_headers=lambda: {"x-amz-request-id": "1"},
    )
    return cast("Call", call)


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # what is waited for has no event
        await asyncio.sleep(0.01)


async def told(exchange: HttpExchange, document: bytes) -> None:
    if exchange.waiting:
        await exchange.conclude(without_declaration(document))
    else:
        await exchange.begin(200, {}, length=len(document), first=document)


async def test_the_connection_goes_on_behind_a_body_in_chunks() -> None:
    """Each piece is a chunk, and the end is said."""

    async def chunked(exchange: HttpExchange) -> None:
        assert await exchange.begin_waiting({"x-a": "b"}, b"one")
        await exchange.write(b" ")
        await exchange.write(b"")
        await exchange.conclude(b"two")

    async with serving(chunked) as (_, port):
        answer = await talk(port, GET, LAST)

    assert answer.count(b"transfer-encoding: chunked\r\n") == 2
    assert b"content-length" not in answer
    assert answer.count(b"\r\n\r\n3\r\none\r\n1\r\n \r\n3\r\ntwo\r\n0\r\n\r\n") == 2


async def test_without_its_end_it_is_torn() -> None:
    async def cut(exchange: HttpExchange) -> None:
        await exchange.begin_waiting({}, b"one")

    async with serving(cut) as (_, port):
        answer = await talk(port, GET)

    assert b"0\r\n\r\n" not in answer


async def test_a_client_that_knows_no_chunks_waits_for_the_whole() -> None:
    async def slow(exchange: HttpExchange) -> None:
        async with patience(waited_on(exchange, 0.01)):
            await asyncio.sleep(0.1)
        await told(exchange, b"<Done/>")

    async with serving(slow) as (_, port):
        answer = await talk(port, OLD)

    assert b"content-length: 7\r\n" in answer
    assert answer.endswith(b"\r\n\r\n<Done/>")


async def test_blanks_keep_a_client_that_waits() -> None:
    """What comes in the end is one document, with its declaration at the very start."""

    async def slow(exchange: HttpExchange) -> None:
        async with patience(waited_on(exchange, 0.01)):
            await until(lambda: exchange.plain_bytes_out > len(DECLARATION) + 3)
        await told(exchange, f"{DECLARATION}<Done/>".encode())

    async with serving(slow) as (_, port):
        head, _, body = (await talk(port, LAST)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-type: application/xml" in head
    whole = unchunked(body)
    assert whole.count(b" ") > 3
    assert ET.fromstring(whole).tag == "Done"  # noqa: S314  # our own answer


@pytest.mark.parametrize("late", [False, True])
async def test_an_error_comes_out_of_it_as_it_went_in(*, late: bool) -> None:
    """Whether it came before or after the first blank: whoever answers looks at `waiting`."""
    seen = []

    async def work(exchange: HttpExchange) -> None:
        async with patience(waited_on(exchange, 0.01)):
            await until(lambda: exchange.waiting or not late)
            raise LookupError

    async def fails(exchange: HttpExchange) -> None:
        with pytest.raises(LookupError):
            await work(exchange)
        seen.append(exchange.waiting)
        await told(exchange, b"<Error/>")

    async with serving(fails) as (_, port):
        assert b"<Error/>" in await talk(port, LAST)

    assert seen == [late]


async def test_a_client_that_leaves_ends_what_it_waited_for() -> None:
    ended = asyncio.Event()

    async def slow(exchange: HttpExchange) -> None:
        try:
            async with patience(waited_on(exchange, 0.01)):
                await asyncio.sleep(30)
        finally:
            ended.set()

    async with serving(slow) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        async with asyncio.timeout(5):
            await ended.wait()


def unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        whole, body = whole + rest[:length], rest[length + 2 :]
        if not length:
            break
    return whole
