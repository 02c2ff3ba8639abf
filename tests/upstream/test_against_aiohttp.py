"""The same promises against a server that we did not write: aiohttp's, plain and TLS, on both loops."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from proxy.upstream.messages import AnsweredEarly, Request, Upload
from tests.upstream.stores import PUT, Open, empty, fetch, filled, one_idle, pool_of

Wire = tuple[ssl.SSLContext | None, ssl.SSLContext | None]
OBJECT = bytes(range(251)) * 20_000


async def _handle(request: web.BaseRequest) -> web.StreamResponse:
    if request.path == "/refused":
        return web.Response(status=403, text="no", headers={"connection": "close"})
    if request.path == "/chunked":
        response = web.StreamResponse(headers={"x-a": "1"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for at in range(0, len(OBJECT), 99_991):
            await response.write(OBJECT[at : at + 99_991])
        await response.write_eof()
        return response
    if request.method == "PUT":
        digest = hashlib.sha256()
        async for piece in request.content.iter_any():
            digest.update(piece)
        return web.Response(text=digest.hexdigest())
    return web.Response(body=OBJECT, headers={"etag": '"x"'})


@pytest.fixture
async def base_url(wire: Wire) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(_handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=wire[0])
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http{'s' if wire[0] else ''}://{host}:{port}"
    await runner.cleanup()


async def test_bodies_come_back_whole_and_the_connection_is_kept(
    base_url: str, opened: Open, wire: Wire
) -> None:
    up = opened(base_url, context=wire[1])
    for path in ("/object", "/chunked") * 2:
        async with up.open(Request(method="GET", path=path)) as response:
            assert await filled(response, size=1 << 18, at_least=1 << 18) == OBJECT
        assert pool_of(up) == one_idle()
    async with up.open(Request(method="HEAD", path="/object")) as response:
        assert (response.headers["content-length"], response.headers["etag"]) == (str(len(OBJECT)), '"x"')
    assert pool_of(up) == one_idle()


async def test_held_and_streamed_bodies_arrive_whole(base_url: str, opened: Open, wire: Wire) -> None:
    up = opened(base_url, context=wire[1])
    expected = hashlib.sha256(OBJECT).hexdigest().encode()

    assert await fetch(up, PUT, OBJECT) == (200, expected)
    async with up.upload(PUT, content_length=len(OBJECT)) as upload:
        for at in range(0, len(OBJECT), 700_001):
            await upload.write(memoryview(OBJECT)[at : at + 700_001])
        assert await (await upload.finish()).read(limit=64) == expected
    assert pool_of(up) == one_idle()


async def test_many_at_once_get_each_their_own(base_url: str, opened: Open, wire: Wire) -> None:
    up = opened(base_url, context=wire[1], connections=8)
    bodies = [bytes([n]) * (n * 3001) for n in range(40)]

    results = await asyncio.gather(*(fetch(up, PUT, body) for body in bodies))

    assert results == [(200, hashlib.sha256(body).hexdigest().encode()) for body in bodies]
    assert pool_of(up) == "<Pool busy=0 idle=8 connecting=0 waiting=0 limit=8>"


async def test_a_refusal_before_the_body_is_heard(base_url: str, opened: Open, wire: Wire) -> None:
    up = opened(base_url, context=wire[1])
    async with up.upload(Request(method="PUT", path="/refused"), content_length=64 << 20) as upload:
        with pytest.raises(AnsweredEarly):
            await _write_for_ever(upload)
        response = await upload.finish()
        assert (response.status, await response.read(limit=9)) == (403, b"no")
    assert pool_of(up) == empty()


async def _write_for_ever(upload: Upload) -> None:
    for _ in range(64):
        await upload.write(bytes(1 << 20))
        await asyncio.sleep(0.01)
