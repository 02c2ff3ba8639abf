"""A store's answer that goes on as it comes: with its length, in chunks, or held for who knows no chunks."""

import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from proxy.gateway.call import Call
from proxy.gateway.client.http_exchange import HttpExchange
from proxy.gateway.pouring import pour
from proxy.gateway.trace import Trace
from proxy.upstream.messages import Response, UpstreamBroken
from tests.gateway.asking import NOW
from tests.gateway.fronts import serving, talk

LAST = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nHost: h\r\n\r\n"
REST = b"x" * 200_000


class Answer:
    """A store's, whose beginning was read."""

    status = 200

    def __init__(self, length: int | None, *, breaks: bool = False) -> None:
        self.content_length = length
        self._left = memoryview(REST)
        self._breaks = breaks

    async def fill(self, buffer: memoryview, *, at_least: int) -> int:
        assert at_least == 1
        if self._breaks and len(self._left) < len(REST) // 2:
            raise UpstreamBroken("the store left")
        piece = self._left[: len(buffer)]
        buffer[: len(piece)] = piece
        self._left = self._left[len(piece) :]
        return len(piece)

    async def read(self, *, limit: int) -> bytes:
        assert limit > len(REST)
        return REST


def call_with(exchange: HttpExchange) -> Call:
    async def reply(status: int, headers: dict[str, str], body: bytes) -> None:
        await exchange.begin(status, headers, length=len(body), first=body)

    @contextlib.asynccontextmanager
    async def hold(size_bytes: int) -> AsyncIterator[None]:
        assert size_bytes
        yield

    call: Any = SimpleNamespace(
        exchange=exchange,
        trace=Trace(request_id="1", started=NOW),
        common_headers=dict,
        hold=hold,
        reply=reply,
    )
    return cast("Call", call)


async def poured(answer: Answer, request: bytes) -> tuple[bytes, bytes]:
    async def handler(exchange: HttpExchange) -> None:
        with contextlib.suppress(UpstreamBroken):
            await pour(call_with(exchange), cast("Response", answer), {"x-a": "b"}, first=b"first")

    async with serving(handler) as (_, port):
        head, _, body = (await talk(port, request)).partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize(
    ("length", "request_"), [(len(REST) + 5, LAST), (len(REST) + 5, OLD), (None, OLD)], ids=str
)
async def test_an_answer_comes_with_a_length(length: int | None, request_: bytes) -> None:
    """A client of HTTP/1.0 knows no other end."""
    head, body = await poured(Answer(length), request_)

    assert f"content-length: {len(REST) + 5}".encode() in head
    assert b"x-a: b" in head
    assert body == b"first" + REST


async def test_without_a_length_it_comes_in_chunks() -> None:
    head, body = await poured(Answer(None), LAST)

    assert b"transfer-encoding: chunked" in head
    assert body.startswith(b"5\r\nfirst\r\n10000\r\nxxx")
    assert body.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize("length", [None, len(REST) + 5])
async def test_an_answer_that_breaks_looks_broken(length: int | None) -> None:
    """No last chunk, or less than was declared."""
    _, body = await poured(Answer(length, breaks=True), LAST)

    assert body
    assert not body.endswith(b"0\r\n\r\n")
    assert len(body) < len(REST)
