"""What is tried again, how often, and after how long."""

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType

import pytest

from proxy.upstream.connection import Stalled
from proxy.upstream.messages import (
    AnswerTooLarge,
    Request,
    Response,
    Upload,
    UpstreamBroken,
    UpstreamError,
    UpstreamUnreachable,
)
from proxy.upstream.pool import PlaceRefused
from proxy.upstream.retry import LONGEST_WAIT_SECONDS, Retrying
from tests.upstream.stores import GET, POST, PUT, Open, Serve, answers, fetch, one_idle, plain_answer, pool_of


class Failing:
    """An Upstream whose entering always fails in the same way."""

    def __init__(self, error: UpstreamError) -> None:
        self.error = error
        self.entered = 0

    def open(self, request: Request, body: bytes | memoryview = b"") -> AbstractAsyncContextManager[Response]:
        assert (request, body) is not None
        return self._context()  # type: ignore[return-value]  # it is never entered

    def upload(self, request: Request, *, content_length: int) -> AbstractAsyncContextManager[Upload]:
        assert (request, content_length) is not None
        return self._context()  # type: ignore[return-value]  # it is never entered

    async def aclose(self) -> None:
        """Nothing is open."""

    def _context(self) -> "_Entering":
        return _Entering(self)


class _Entering:
    def __init__(self, failing: Failing) -> None:
        self._failing = failing

    async def __aenter__(self) -> None:
        self._failing.entered += 1
        raise self._failing.error

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise AssertionError("it was never entered")


async def entered(error: UpstreamError, request: Request, *, attempts: int = 3) -> tuple[int, list[float]]:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    failing = Failing(error)
    up = Retrying(failing, attempts=attempts, uniform=lambda: 0.5, sleep=sleep)
    with pytest.raises(type(error)) as caught:
        await fetch(up, request)
    assert caught.value is error
    return failing.entered, waits


HEAD = Request(method="HEAD", path="/")
DELETE = Request(method="DELETE", path="/")
CONDITIONAL = Request(method="PUT", path="/", headers={"if-none-match": "*"})
GET_IF = Request(method="GET", path="/", headers={"if-none-match": '"x"'})


@pytest.mark.parametrize(
    ("error", "request_", "times"),
    [
        *((UpstreamUnreachable(), request, 3) for request in (GET, HEAD, PUT, DELETE, POST, CONDITIONAL)),
        *((UpstreamBroken(), request, 3) for request in (GET, HEAD, PUT, DELETE, GET_IF)),
        *((UpstreamBroken(), request, 1) for request in (POST, CONDITIONAL)),
        *((Stalled(), request, 1) for request in (GET, PUT, POST)),
        *((PlaceRefused(), request, 1) for request in (GET, PUT, POST)),
        (AnswerTooLarge(), GET, 1),
    ],
    ids=repr,
)
async def test_what_is_tried_again(error: UpstreamError, request_: Request, times: int) -> None:
    assert (await entered(error, request_))[0] == times


async def test_waits_double_jitter_and_are_bounded() -> None:
    _, waits = await entered(UpstreamUnreachable(), GET, attempts=9)

    assert waits[:4] == pytest.approx([0.0375, 0.075, 0.15, 0.3])
    assert waits[-1] == pytest.approx(0.75 * LONGEST_WAIT_SECONDS)


async def test_an_upload_is_never_tried_again() -> None:
    failing = Failing(UpstreamUnreachable())
    up = Retrying(failing, attempts=3, uniform=lambda: 0.5, sleep=asyncio.sleep)
    with pytest.raises(UpstreamUnreachable):
        async with up.upload(PUT, content_length=1):
            raise AssertionError

    assert failing.entered == 1


async def test_a_store_that_comes_back_answers(serve: Serve, opened: Open) -> None:
    """Over real sockets: two broken connections, then an answer; the body is read from that one."""
    gone = answers(b"", then_close=True)
    up = opened(await serve(gone, gone, answers(plain_answer(b"ok"))), attempts=3)

    assert await fetch(up, PUT, b"body") == (200, b"ok")
    assert pool_of(up) == one_idle()
