"""Answers over a real socket, plain and TLS, on both loops: whole, in pieces, cut short, and nonsense."""

import asyncio
import ssl

import pytest

from proxy.upstream.connection import STORE_BYTES, Stalled
from proxy.upstream.exchange import MAX_INTERIM
from proxy.upstream.messages import AnswerTooLarge, Request, UpstreamBroken
from tests.upstream.stores import (
    GET,
    Open,
    Serve,
    answers,
    empty,
    fetch,
    filled,
    one_idle,
    plain_answer,
    pool_of,
    read_request,
)

Wire = tuple[ssl.SSLContext | None, ssl.SSLContext | None]

CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nt: x\r\n\r\n"
)
WITH_INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
LARGE = bytes(range(256)) * 4096


@pytest.mark.parametrize("step", [0, 1, 7])
@pytest.mark.parametrize(
    "sent",
    [
        (plain_answer(b"hello world"), b"hello world"),
        (plain_answer(b""), b""),
        (CHUNKED, b"hello world"),
        (WITH_INTERIM + plain_answer(b"hello"), b"hello"),
        (WITH_INTERIM + CHUNKED, b"hello world"),
    ],
)
async def test_an_answer_is_the_same_however_it_arrives(
    serve: Serve, opened: Open, wire: Wire, sent: tuple[bytes, bytes], step: int
) -> None:
    """And the connection carries the next request."""
    answer, expected = sent
    up = opened(await serve(answers(answer, step=step), tls=wire[0]), context=wire[1])

    assert [await fetch(up) for _ in range(2)] == [(200, expected)] * 2
    assert pool_of(up) == one_idle()


@pytest.mark.parametrize("cut", range(1, len(plain_answer(b"hello world"))))
async def test_every_split_of_head_and_body_reads_the_same(serve: Serve, opened: Open, cut: int) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(plain_answer(b"hello world")[:cut])
        await asyncio.sleep(0.002)
        writer.write(plain_answer(b"hello world")[cut:])
        await reader.read()

    up = opened(await serve(script))

    assert await fetch(up) == (200, b"hello world")


@pytest.mark.parametrize("answer", [plain_answer(b"hello world"), CHUNKED], ids=["length", "chunked"])
async def test_every_cut_is_an_error_and_leaves_no_connection(
    serve: Serve, opened: Open, answer: bytes
) -> None:
    """Never a short answer as a whole one."""
    scripts = [answers(answer[:cut], then_close=True) for cut in range(len(answer))]
    up = opened(await serve(*scripts))
    for _ in scripts:
        with pytest.raises(UpstreamBroken):
            await fetch(up)

        assert pool_of(up) == empty()


@pytest.mark.parametrize(
    "size", [1, 1000, 1001, STORE_BYTES, STORE_BYTES + 1, 300_000, len(LARGE) + 1, len(LARGE) + 2]
)
@pytest.mark.parametrize("framing", ["length", "chunked", "connection"])
async def test_a_large_body_fills_buffers_of_any_size(
    serve: Serve, opened: Open, wire: Wire, size: int, framing: str
) -> None:
    """Whole buffers where they are asked for, and pauses of the reader lose nothing."""
    body = LARGE[: size * 500]
    at_least = 1 if size % 2 else 1 << 30
    answer = {
        "length": plain_answer(body),
        "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:7], body[7:]) if p)
        + b"0\r\n\r\n",
        "connection": b"HTTP/1.1 200 OK\r\n\r\n" + body,
    }[framing]
    up = opened(
        await serve(answers(answer, then_close=framing == "connection"), tls=wire[0]), context=wire[1]
    )

    async with up.open(GET) as response:
        assert response.content_length == (len(body) if framing == "length" else None)
        buffer, whole = memoryview(bytearray(size)), bytearray()
        while count := await response.fill(buffer, at_least=at_least):
            whole += buffer[:count]
            assert count == size or at_least == 1 or len(whole) == len(body)
            if len(whole) % 3 == 0:
                await asyncio.sleep(0)

        assert bytes(whole) == body
        assert await response.fill(buffer, at_least=1) == 0
    assert pool_of(up) == (empty() if framing == "connection" else one_idle())


async def test_bytes_that_nobody_waits_for_stay_on_the_wire(serve: Serve, opened: Open, wire: Wire) -> None:
    """The store of a connection is bounded; the sender has to wait."""
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 << 20))
        for _ in range(64):
            writer.write(bytes(1 << 20))
            await writer.drain()
            sent += 1

    up = opened(await serve(script, tls=wire[0]), context=wire[1])

    async with up.open(GET) as response:
        await asyncio.sleep(0.2)
        assert sent < 20
        assert await response.fill(memoryview(bytearray(1 << 20)), at_least=1 << 20) == 1 << 20
    assert pool_of(up) == empty()


async def test_a_fill_gives_no_byte_of_the_next_answer(serve: Serve, opened: Open) -> None:
    """Surplus bytes cost the connection, and nobody sees them."""
    evil = plain_answer(b"hello") + plain_answer(b"somebody else's")
    up = opened(await serve(answers(evil), answers(plain_answer(b"mine"))))

    async with up.open(GET) as response:
        assert await filled(response, size=1000, at_least=1000) == b"hello"
    assert pool_of(up) == empty()
    assert await fetch(up) == (200, b"mine")


@pytest.mark.parametrize(
    "answer",
    [
        b"\r\n\r\n",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\ncontent-length: 0\n\n" + bytes(STORE_BYTES),
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 2000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\na: " + b"x" * STORE_BYTES,
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_INTERIM + 1),
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;" + bytes(b"x" * 2 * STORE_BYTES),
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    ],
)
async def test_nonsense_is_an_error_and_costs_the_connection(
    serve: Serve, opened: Open, answer: bytes
) -> None:
    up = opened(await serve(answers(answer)))

    with pytest.raises(UpstreamBroken) as caught:
        await fetch(up)
    assert not isinstance(caught.value, Stalled)
    assert pool_of(up) == empty()


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
    ],
)
async def test_some_answers_have_no_body(serve: Serve, opened: Open, method: str, answer: bytes) -> None:
    """Whatever length they tell; the connection goes on."""
    up = opened(await serve(answers(answer)))
    for _ in range(2):
        async with up.open(Request(method=method, path="/b/k")) as response:
            assert response.content_length == 0
            assert await response.fill(memoryview(bytearray(9)), at_least=9) == 0
            assert await response.read(limit=0) == b""
            assert response.headers.get("content-length", "5") == "5"
        assert pool_of(up) == one_idle()


@pytest.mark.parametrize("answer", [plain_answer(b"x" * 101), CHUNKED + b"x" * 90], ids=["length", "chunked"])
async def test_a_body_above_the_limit_is_refused(serve: Serve, opened: Open, answer: bytes) -> None:
    limit = 100 if b"length" in answer else 10
    up = opened(await serve(answers(answer)))

    async with up.open(GET) as response:
        with pytest.raises(AnswerTooLarge):
            await response.read(limit=limit)
    assert pool_of(up) == empty()


async def test_a_redirect_is_an_answer_like_any_other(serve: Serve, opened: Open) -> None:
    moved = plain_answer(b"", status="301 Moved Permanently", headers="location: http://127.0.0.1:1/\r\n")
    up = opened(await serve(answers(moved)))

    assert await fetch(up) == (301, b"")


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200", plain_answer(b"hello")[:-1], CHUNKED[:-2]])
async def test_silence_ends_at_the_idle_timeout(serve: Serve, opened: Open, wire: Wire, sent: bytes) -> None:
    up = opened(await serve(answers(sent), tls=wire[0]), context=wire[1], idle_seconds=0.1, attempts=3)
    begun = asyncio.get_running_loop().time()

    with pytest.raises(UpstreamBroken, match=r"0\.1 s"):
        await fetch(up)

    assert 0.09 < asyncio.get_running_loop().time() - begun < 1
    assert pool_of(up) == empty()


async def test_a_slow_answer_that_moves_is_never_cut(serve: Serve, opened: Open) -> None:
    """The timeout is one of silence, not of the whole."""
    slow = plain_answer(b"hello world")[-30:]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(plain_answer(b"hello world")[:-30])
        for byte in slow:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    up = opened(await serve(script), idle_seconds=0.15)

    async with up.open(GET) as response:
        assert await filled(response, size=100, at_least=100) == b"hello world"
