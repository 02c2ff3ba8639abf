"""Uploads: memory is free when write returns, an early answer is heard, a cut leaves nothing at the store."""

import asyncio
import hashlib
import ssl

import pytest

from proxy.upstream.messages import AnsweredEarly, Upload, UpstreamBroken, UpstreamError, UpstreamUnreachable
from tests.upstream.stores import (
    GET,
    POST,
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
REFUSED = plain_answer(b"<Error>too large</Error>", status="403 Forbidden")


async def write_for_ever(upload: Upload) -> None:
    """Write 64 MiB, more than any socket holds."""
    for _ in range(64):
        await upload.write(bytes(1 << 20))


@pytest.mark.parametrize("piece", [1 << 10, 1 << 16, (1 << 19) + 1])
async def test_memory_may_be_used_again_when_write_returns(
    serve: Serve, opened: Open, wire: Wire, piece: int
) -> None:
    """Whatever is done to the buffer afterwards, the store gets what was in it."""
    got: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.05)
        body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r")[0]))
        got.append(hashlib.sha256(body).digest())
        writer.write(plain_answer(b"stored"))
        await reader.read()

    up = opened(await serve(script, tls=wire[0]), context=wire[1])
    buffer, expected, count = (
        bytearray(piece),
        hashlib.sha256(),
        max(4, (16 << 20) // piece) if piece > 1024 else 4,
    )
    async with up.upload(PUT, content_length=piece * count) as upload:
        for number in range(count):
            buffer[:] = bytes([number % 250 + 1]) * piece
            expected.update(buffer)
            await upload.write(memoryview(buffer))
            buffer[:] = b"\xff" * piece
        response = await upload.finish()

        assert await response.read(limit=10) == b"stored"

    assert got == [expected.digest()]
    assert pool_of(up) == one_idle()


async def test_memory_is_the_callers_again_after_an_early_answer(
    serve: Serve, opened: Open, wire: Wire
) -> None:
    """What the store had not read yet of the refused body never reaches it, nor what comes to stand there."""
    go, ended, seen = asyncio.Event(), asyncio.Event(), bytearray()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(REFUSED)
        await go.wait()
        try:
            while piece := await reader.read(1 << 20):
                seen.extend(piece)
        finally:
            ended.set()

    up = opened(await serve(script, tls=wire[0]), context=wire[1])
    buffer = bytearray(b"a" * (48 << 20))
    async with up.upload(PUT, content_length=len(buffer)) as upload:
        with pytest.raises(AnsweredEarly):
            await upload.write(memoryview(buffer))
        buffer[:] = b"S" * len(buffer)
        go.set()
        await asyncio.sleep(0.1)
        assert (await upload.finish()).status == 403
    await asyncio.wait_for(ended.wait(), 10)

    assert b"S" not in seen


@pytest.mark.parametrize("parts", [[], [b""], [b"", b"hello", b"", b" world"]])
async def test_any_cut_of_the_body_arrives_whole(serve: Serve, opened: Open, parts: list[bytes]) -> None:
    """An empty body too."""
    seen: list[tuple[bytes, bytes]] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(plain_answer(b""))
        await reader.read()

    up = opened(await serve(script))
    async with up.upload(PUT, content_length=sum(map(len, parts))) as upload:
        for part in parts:
            await upload.write(part)
        assert (await upload.finish()).status == 200

    assert [body for _, body in seen] == [b"".join(parts)]
    assert b"content-length: %d\r\n" % sum(map(len, parts)) in seen[0][0]


@pytest.mark.parametrize("read_first", [0, 100_000])
@pytest.mark.parametrize("after", ["keep", "close"])
async def test_an_answer_that_comes_early_is_heard(
    serve: Serve, opened: Open, wire: Wire, read_first: int, after: str
) -> None:
    """Write says so, finish gives it, and the connection is not used again."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(read_first)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" + REFUSED)
        await writer.drain()
        if after == "keep":
            await asyncio.sleep(30)
        await asyncio.sleep(0.1)

    up = opened(await serve(script, tls=wire[0]), context=wire[1])
    async with up.upload(PUT, content_length=64 << 20) as upload:
        with pytest.raises(AnsweredEarly):
            await write_for_ever(upload)
        with pytest.raises(AnsweredEarly):
            await upload.write(b"more")
        response = await upload.finish()

        assert (response.status, await response.read(limit=100)) == (403, b"<Error>too large</Error>")
    assert pool_of(up) == empty()


async def test_a_held_body_too_hears_an_early_answer(serve: Serve, opened: Open, wire: Wire) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(REFUSED)
        await writer.drain()
        await asyncio.sleep(30)

    up = opened(await serve(script, tls=wire[0]), context=wire[1])

    assert await fetch(up, PUT, bytes(32 << 20)) == (403, b"<Error>too large</Error>")
    assert pool_of(up) == empty()


async def test_an_early_answer_too_large_to_hold_is_an_error(serve: Serve, opened: Open) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(plain_answer(bytes(100_000)))
        await asyncio.sleep(30)

    up = opened(await serve(script))
    async with up.upload(PUT, content_length=64 << 20) as upload:
        with pytest.raises(UpstreamBroken):
            await write_for_ever(upload)
    assert pool_of(up) == empty()


async def test_leaving_before_finish_cuts_the_connection(serve: Serve, opened: Open, wire: Wire) -> None:
    """The store sees a body without its end."""
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen = await reader.readexactly(5)
        try:
            seen += await reader.readexactly(5)
        except (asyncio.IncompleteReadError, OSError):
            ended.set_result(len(seen))

    up = opened(await serve(script, tls=wire[0]), context=wire[1])
    async with up.upload(PUT, content_length=10) as upload:
        await upload.write(b"12345")

    assert await asyncio.wait_for(ended, 5) == 5
    assert pool_of(up) == empty()


async def test_what_the_caller_may_not_do_is_an_assertion(serve: Serve, opened: Open) -> None:
    up = opened(await serve(answers(plain_answer(b""))))
    async with up.upload(PUT, content_length=3) as upload:
        with pytest.raises(AssertionError):
            await upload.write(b"1234")
        with pytest.raises(AssertionError):
            await upload.finish()
    with pytest.raises(AssertionError):
        await upload.write(b"1")
    assert pool_of(up) == empty()


async def test_a_store_that_stops_reading_is_cut_at_the_idle_timeout(
    serve: Serve, opened: Open, wire: Wire
) -> None:
    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(30)

    up = opened(await serve(script, tls=wire[0]), context=wire[1], idle_seconds=0.2)
    async with up.upload(PUT, content_length=64 << 20) as upload:
        with pytest.raises(UpstreamBroken, match=r"0\.2 s"):
            await write_for_ever(upload)
    assert pool_of(up) == empty()


async def test_a_store_that_reads_slowly_is_not_cut(serve: Serve, opened: Open) -> None:
    """One write may take longer than the idle timeout, as long as bytes leave."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        left = 24 << 20
        while left:
            left -= len(await reader.read(1 << 20))
            await asyncio.sleep(0.02)
        writer.write(plain_answer(b""))
        await reader.read()

    up = opened(await serve(script), idle_seconds=0.2)
    async with up.upload(PUT, content_length=24 << 20) as upload:
        await upload.write(bytes(24 << 20))
        assert (await upload.finish()).status == 200


async def test_a_connection_lost_while_writing_is_broken(serve: Serve, opened: Open, wire: Wire) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    up = opened(await serve(script, tls=wire[0]), context=wire[1])
    async with up.upload(PUT, content_length=64 << 20) as upload:
        with pytest.raises(UpstreamBroken):
            await write_for_ever(upload)
    assert pool_of(up) == empty()


async def test_an_answer_before_the_question_is_never_taken_for_one(serve: Serve, opened: Open) -> None:
    """Bytes on a fresh connection before anything was asked belong to nobody."""

    async def eager(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(plain_answer(b"unasked"))
        await asyncio.sleep(30)

    up = opened(await serve(eager))
    async with up.upload(PUT, content_length=5) as upload:
        await asyncio.sleep(0.05)
        with pytest.raises(UpstreamUnreachable):
            await upload.write(b"hello")
    assert pool_of(up) == empty()


@pytest.mark.parametrize("request_", [GET, PUT, POST], ids=lambda r: r.method)
async def test_nobody_there_is_unreachable(opened: Open, request_: object, unused_tcp_port: int) -> None:
    up = opened(f"http://127.0.0.1:{unused_tcp_port}")

    with pytest.raises(UpstreamUnreachable):
        await fetch(up, request_)  # type: ignore[arg-type]  # a Request
    with pytest.raises(UpstreamError):
        async with up.upload(PUT, content_length=1):
            raise AssertionError
    assert pool_of(up) == empty()
