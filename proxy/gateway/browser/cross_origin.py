"""Answers to pages of another origin: each says whether the page may read it, as the store's CORS rules do.

Most answers are the store's, and say so themselves. For those that are the proxy's own (refusals above all)
and those that it puts together, the store is asked as a browser would, without anybody's credentials. So
nothing is told that a preflight does not tell to everybody.
"""

import asyncio
import contextlib
from collections.abc import Mapping

from proxy.gateway.browser.origins import Question, allows, asked_at
from proxy.gateway.browser.wrapped import WrappedExchange
from proxy.gateway.call import Rooms
from proxy.gateway.exchange import Buffer, Exchange
from proxy.gateway.state_bucket import holds_state
from proxy.s3.errors import S3Error
from proxy.s3.headers import error_headers
from proxy.s3.request import parse_request
from proxy.upstream.messages import Request, UpstreamError

ORIGIN = "origin"
ALLOWED = "access-control-allow-origin"
LONGEST_ORIGIN = 300
"""Scheme, a host's name of 253 bytes and a port: more is nobody's, and would fill what is remembered."""
PATIENCE_SECONDS = 2.0
"""A store that is slow to say is one that has not said: the answer itself must not wait for it."""
_TOLD = frozenset(
    {
        ALLOWED,
        "access-control-allow-credentials",
        "access-control-allow-methods",
        "access-control-expose-headers",
        "access-control-max-age",
        "vary",
    }
)


def for_pages(exchange: Exchange, rooms: Rooms) -> Exchange:
    """The same exchange, whose answer says who may read it; as it is where no page of another origin asks."""
    if ORIGIN not in exchange.headers or exchange.method == "OPTIONS":
        return exchange
    return CrossOrigin(exchange, rooms)


class CrossOrigin(WrappedExchange):
    def __init__(self, inner: Exchange, rooms: Rooms) -> None:
        super().__init__(inner)
        self._rooms = rooms

    async def begin(
        self, status: int, headers: Mapping[str, str], *, length: int | None, first: Buffer = b""
    ) -> None:
        await super().begin(status, await self._for_page(headers), length=length, first=first)

    async def begin_waiting(self, headers: Mapping[str, str], first: bytes) -> bool:
        return await super().begin_waiting(await self._for_page(headers), first)

    async def begin_in_chunks(self, status: int, headers: Mapping[str, str], first: Buffer) -> bool:
        return await super().begin_in_chunks(status, await self._for_page(headers), first)

    async def _for_page(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        return headers if ALLOWED in headers else {**headers, **await _told(self._rooms, self)}


async def _told(rooms: Rooms, exchange: Exchange) -> Mapping[str, str]:
    try:
        bucket = parse_request(
            method=exchange.method, target=exchange.target, headers=exchange.headers, domains=rooms.domains
        ).bucket
    except S3Error:
        return {}
    rule = rooms.rules.for_name(bucket, "")
    origin = exchange.headers[ORIGIN]
    if not bucket or len(origin) > LONGEST_ORIGIN or holds_state(rooms, rule, bucket):
        return {}
    question = Question(store=rule.upstream, bucket=bucket, origin=origin, method=exchange.method)
    told = rooms.origins.maybe_answer(question, rooms.now())
    if told is None:
        told = await _asked(rooms, question)
        rooms.origins.keep(question, told, rooms.now())
    return told


async def _asked(rooms: Rooms, question: Question) -> Mapping[str, str]:
    request = Request(
        method="OPTIONS",
        path=asked_at(question.bucket),
        headers={ORIGIN: question.origin, "access-control-request-method": question.method},
    )
    with contextlib.suppress(UpstreamError, TimeoutError):
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            rooms.stores.as_nobody(question.store).upstream.open(request) as response,
        ):
            if response.status < 300:
                told = error_headers(response.headers)
                if not allows(told, question.method):
                    return {}
                return {name: value for name, value in told.items() if name in _TOLD}
    return {}
