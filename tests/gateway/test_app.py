"""The HTTP edges of the S3 port, driven byte by byte over real sockets."""

import asyncio
import socket

import pytest

from proxy.gateway.client.heads import head_bytes
from proxy.gateway.client.http_exchange import HttpExchange
from proxy.gateway.exchange import BodyTooShort, ClientGone
from tests.gateway.fronts import LIMITS, serving, talk


async def test_the_target_and_the_headers_arrive_as_they_were_sent() -> None:
    """A signature is over what stood on the wire: nothing is normalised on the way."""
    request = b"GET /b//a%2F../%c3?x&x=+1 HTTP/1.1\r\nHost: h\r\nX-One: a  b \r\nx-one: \xff\r\n\r\n"

    async with serving() as (_, port):
        answer = await talk(port, request)

    assert b"GET /b//a%2F../%c3?x&x=+1 x-one=a  b,\xff " in answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\r\n c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\x00c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\rc\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX A: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\nHost: h\n\n",
    ],
    ids=repr,
)
async def test_what_two_parsers_could_read_in_two_ways_is_refused_and_the_connection_closed(
    request_bytes: bytes,
) -> None:
    async with serving() as (_, port):
        answer = await talk(port, request_bytes)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"200" not in answer


async def test_a_head_larger_than_its_bound_is_refused() -> None:
    """Whatever it is made of: many headers, as one long line would be."""
    lines = b"".join(b"x-%d: %s\r\n" % (i, b"v" * 1000) for i in range(100))

    async with serving() as (_, port):
        answer = await talk(port, b"GET / HTTP/1.1\r\nHost: h\r\n", lines, b"\r\n")

    assert b"200 OK" not in answer


async def test_a_head_must_arrive_in_time() -> None:
    async with serving() as (_, port):
        answer = await talk(port, b"GET / HT", b"TP/1.1\r\n", b"Host: h\r\n", pause_seconds=0.25)

    assert b"too slowly" in answer


async def test_an_idle_connection_is_closed_without_a_word() -> None:
    async with serving() as (_, port):
        assert await talk(port) == b""


async def test_a_head_that_comes_with_its_connection_must_arrive_in_time_too() -> None:
    """Its first bytes may be there before anybody waits for them."""
    first = b"GET / HTTP/1.1\r\nHost: h\r\n"

    async with serving() as (front, _):
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with theirs:
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            protocol = front._connection()
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            protocol.data_received(first)
            async with asyncio.timeout(LIMITS.head_timeout_seconds + 0.3):
                assert b"too slowly" in await loop.sock_recv(theirs, 4096)


async def test_a_connection_that_never_speaks_is_closed() -> None:
    """It costs its client nothing, and us a place."""
    async with serving() as (front, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(LIMITS.keep_alive_seconds + 1):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert front.connections == 0


async def test_one_connection_carries_many_requests() -> None:
    once = b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
    last = b"GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

    async with serving() as (_, port):
        answer = await talk(port, once + once, last)

    assert (answer.count(b"200 OK"), answer.count(b"PUT /a  abc"), answer.count(b"GET /b")) == (3, 2, 1)


async def test_connections_beyond_the_bound_are_refused() -> None:
    async with serving() as (_, port):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(LIMITS.connections)]
        await asyncio.sleep(0.05)
        answer = await talk(port)
        for _, writer in held:
            writer.close()

    assert b"too many connections" in answer


async def test_a_client_that_waits_for_100_continue_gets_it_when_the_body_is_wanted() -> None:
    async with serving() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        interim = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"ab")
        final = await reader.readuntil(b"\r\n\r\n")
        writer.close()

    assert interim.startswith(b"HTTP/1.1 100 ")
    assert final.startswith(b"HTTP/1.1 200 ")


async def test_a_refusal_before_the_body_is_wanted_closes_instead_of_continuing() -> None:
    async def refuse(exchange: HttpExchange) -> None:
        await exchange.begin(403, {}, length=0)

    async with serving(refuse) as (_, port):
        answer = await talk(
            port, b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"connection: close" in answer


async def test_a_body_that_ends_early_is_told_to_the_handler() -> None:
    seen: list[BaseException] = []

    async def read(exchange: HttpExchange) -> None:
        try:
            while await exchange.read():
                pass
        except (BodyTooShort, asyncio.CancelledError) as exc:
            seen.append(exc)
            raise

    async with serving(read) as (_, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\nabc")
        await writer.drain()
        writer.close()
        await asyncio.sleep(0.1)

    assert len(seen) == 1


async def test_a_client_that_stands_still_is_given_up() -> None:
    seen: list[BaseException] = []

    async def read(exchange: HttpExchange) -> None:
        try:
            while await exchange.read():
                pass
        except ClientGone as exc:
            seen.append(exc)

    async with serving(read) as (_, port):
        await talk(port, b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\nabc")

    assert len(seen) == 1


@pytest.mark.parametrize("sent", [0, 1, 999])
async def test_an_answer_that_is_not_finished_is_torn(sent: int) -> None:
    """Fewer bytes than the declared length never look like the end."""

    async def cut(exchange: HttpExchange) -> None:
        await exchange.begin(200, {}, length=1000, first=b"x" * sent)

    async with serving(cut) as (_, port):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await _whole_answer(port)


async def _whole_answer(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        return head + await reader.readexactly(1000)
    finally:
        writer.close()


async def test_a_buffer_may_be_used_again_after_a_write() -> None:
    """Eight MiB through one 64 KiB buffer, to a client that reads late."""
    pieces, size = 128, 65_536

    async def reuse(exchange: HttpExchange) -> None:
        buffer = bytearray(size)
        await exchange.begin(200, {}, length=pieces * size)
        for number in range(pieces):
            buffer[:] = bytes([number]) * size
            await exchange.write(memoryview(buffer))

    async with serving(reuse) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(0.2)
        body = (await reader.read()).partition(b"\r\n\r\n")[2]
        writer.close()

    assert body == b"".join(bytes([number]) * size for number in range(pieces))


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\0b"])
def test_a_header_that_would_split_the_answer_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        head_bytes(200, {"x": value}, length=0, close=False)


async def test_draining_lets_the_answer_in_progress_end_and_accepts_nobody() -> None:
    started = asyncio.Event()

    async def slow(exchange: HttpExchange) -> None:
        started.set()
        await asyncio.sleep(0.1)
        await exchange.begin(200, {}, length=2, first=b"ok")

    async with serving(slow) as (front, port):
        asking = asyncio.ensure_future(talk(port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"))
        await started.wait()
        await front.drain(within_seconds=2)

        assert (await asking).endswith(b"ok")
        with pytest.raises(OSError):  # noqa: PT011  # refused or reset, as the system has it
            await asyncio.open_connection("127.0.0.1", port)
