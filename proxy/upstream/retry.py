"""Tries again what cannot have been carried out, and what may be twice. Wraps an Upstream and is one.

| what happened                            | idempotent | others |
| ---------------------------------------- | ---------- | ------ |
| UpstreamUnreachable                      | again      | again  |
| no place in the pool (PlaceRefused)      | never      | never  |
| UpstreamBroken before the answer's head  | again      | never  |
| Stalled: silent for the whole idle time  | never      | never  |

What is idempotent stands in client.py (`is_idempotent`). Uploads are not tried again: their bytes are gone.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from proxy.upstream.client import is_idempotent
from proxy.upstream.connection import Stalled
from proxy.upstream.messages import (
    Request,
    Response,
    Upload,
    Upstream,
    UpstreamBroken,
    UpstreamError,
    UpstreamUnreachable,
)
from proxy.upstream.pool import PlaceRefused

FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 1.0


class Retrying:
    """An Upstream with a bounded number of attempts and jittered, doubling waits between them."""

    def __init__(
        self,
        inner: Upstream,
        *,
        attempts: int,
        uniform: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Uniform gives a number in [0, 1); sleep waits for so many seconds."""
        self._inner = inner
        self._attempts = attempts
        self._uniform = uniform
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<Retrying {self._attempts} {self._inner!r}>"

    def open(self, request: Request, body: bytes | memoryview = b"") -> AbstractAsyncContextManager[Response]:
        return _Opened(self, request, body)

    def upload(self, request: Request, *, content_length: int) -> AbstractAsyncContextManager[Upload]:
        return self._inner.upload(request, content_length=content_length)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def enter(
        self, request: Request, body: bytes | memoryview
    ) -> tuple[AbstractAsyncContextManager[Response], Response]:
        """The context that could be entered, and its answer."""
        attempt = 1
        while True:
            context = self._inner.open(request, body)
            try:
                return context, await context.__aenter__()
            except UpstreamError as exc:
                if attempt >= self._attempts or not may_repeat(request, exc):
                    raise
            await self._sleep(self._wait_seconds(attempt))
            attempt += 1

    def _wait_seconds(self, attempt: int) -> float:
        """Between half and the whole of the doubled wait, so that a herd spreads out."""
        longest = min(FIRST_WAIT_SECONDS * (1 << (attempt - 1)), LONGEST_WAIT_SECONDS)
        return longest * (0.5 + 0.5 * self._uniform())


def may_repeat(request: Request, error: UpstreamError) -> bool:
    """The table above."""
    if isinstance(error, PlaceRefused | Stalled):
        return False
    if isinstance(error, UpstreamUnreachable):
        return True
    return isinstance(error, UpstreamBroken) and is_idempotent(request)


class _Opened:
    """The context of `Retrying.open`: that of the attempt which was answered."""

    __slots__ = ("_body", "_context", "_request", "_retrying")

    def __init__(self, retrying: Retrying, request: Request, body: bytes | memoryview) -> None:
        self._retrying = retrying
        self._request = request
        self._body = body
        self._context: AbstractAsyncContextManager[Response] | None = None

    async def __aenter__(self) -> Response:
        self._context, response = await self._retrying.enter(self._request, self._body)
        return response

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._context is not None:
            await self._context.__aexit__(kind, exc, trace)
