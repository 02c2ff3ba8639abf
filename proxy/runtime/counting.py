"""Wraps a room's protocol so that every use is counted, and remembers what is in trouble now.

The rooms know nothing of metrics; whoever builds them puts these around them.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TypeVar

from proxy.keys.provider import OUTCOMES, Caller, DataKey, KeyContext, KeyDescription, KeyProvider, Standing
from proxy.metrics import KMS_REQUESTS, KMS_SECONDS, UPSTREAM_ERRORS, UPSTREAM_SKEW, Metrics
from proxy.upstream.messages import (
    AnswerTooLarge,
    DamagedOnTheWay,
    Request,
    Response,
    Upload,
    Upstream,
    UpstreamError,
    UpstreamUnreachable,
)

T = TypeVar("T")
UPSTREAM_KINDS: dict[type[BaseException], str] = {
    UpstreamUnreachable: "unreachable",
    AnswerTooLarge: "too_large",
    DamagedOnTheWay: "damaged",
}


class CountedKeys:
    """A KeyProvider. `available` is False from a KeyUnavailable to the next answer, be it a refusal."""

    def __init__(
        self,
        keys: KeyProvider,
        metrics: Metrics,
        *,
        backend: str,
        regions_away: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """`regions_away`: those of its regions that are being left alone, where it has several."""
        self._keys = keys
        self._metrics = metrics
        self._regions_away = regions_away
        self.name = backend
        self.available = True

    def troubles(self) -> list[str]:
        """In sentences, for people."""
        if not self.available:
            return [f"{self.name} does not answer"]
        return [f"{self.name} does not answer in {region}" for region in self._regions_away()]

    async def generate(self, key_id: str, context: KeyContext, caller: Caller, *, fresh: bool) -> DataKey:
        return await self._counted(
            "GenerateDataKey", self._keys.generate(key_id, context, caller, fresh=fresh)
        )

    async def unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> DataKey:
        return await self._counted("Decrypt", self._keys.unwrap(key_arn, wrapped, context, caller))

    async def re_encrypt(
        self,
        key_arn: str,
        wrapped: bytes,
        context: KeyContext,
        caller: Caller,
        *,
        to_key_id: str,
        to_context: KeyContext,
    ) -> tuple[str, bytes]:
        call = self._keys.re_encrypt(
            key_arn, wrapped, context, caller, to_key_id=to_key_id, to_context=to_context
        )
        return await self._counted("ReEncrypt", call)

    async def may_generate(self, key_id: str, context: KeyContext, caller: Caller) -> None:
        await self._counted("DryRun", self._keys.may_generate(key_id, context, caller))

    async def may_unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> None:
        await self._counted("DryRun", self._keys.may_unwrap(key_arn, wrapped, context, caller))

    def standing(self, key_id: str, caller: Caller) -> Standing:
        return self._keys.standing(key_id, caller)

    async def describe(self, key_id: str, caller: Caller) -> KeyDescription:
        return await self._counted("DescribeKey", self._keys.describe(key_id, caller))

    async def aclose(self) -> None:
        await self._keys.aclose()

    async def _counted(self, operation: str, call: Awaitable[T]) -> T:
        began = time.perf_counter()
        outcome = "failed"
        try:
            answer = await call
            outcome = "ok"
        except BaseException as exc:
            outcome = OUTCOMES.get(type(exc), "failed" if isinstance(exc, Exception) else "cancelled")
            raise
        finally:
            self._metrics.count(KMS_REQUESTS, self.name, operation, outcome)
            self._metrics.observe(KMS_SECONDS, time.perf_counter() - began, self.name)
            if outcome not in {"cancelled", "failed"}:
                self.available = outcome != "unavailable"
        return answer


class CountedUpstream:
    """An Upstream. `available` is False from an UpstreamError to the next answer."""

    def __init__(self, upstream: Upstream, metrics: Metrics, *, name: str) -> None:
        self._upstream = upstream
        self._metrics = metrics
        self._name = name
        self._date = ""
        self.available = True

    def open(self, request: Request, body: bytes | memoryview = b"") -> AbstractAsyncContextManager[Response]:
        return _Counted(self._upstream.open(request, body), self)

    def upload(self, request: Request, *, content_length: int) -> AbstractAsyncContextManager[Upload]:
        return _Counted(self._upstream.upload(request, content_length=content_length), self)

    async def aclose(self) -> None:
        await self._upstream.aclose()

    def acting(self, upstream: Upstream) -> Upstream:
        """Another way to the same store, counted here: what fails there is in trouble here."""
        return _Acting(upstream, self)

    def note_clock(self, date: str) -> None:
        """How far the store's clock is ahead, by an answer's Date; one a second is enough."""
        if date == self._date:
            return
        self._date = date
        with contextlib.suppress(ValueError):
            ahead = round(parsedate_to_datetime(date).timestamp() - time.time())
            self._metrics.watch(UPSTREAM_SKEW, self._name, read=lambda: ahead)

    def note(self, error: BaseException | None) -> None:
        """What became of one use."""
        if isinstance(error, UpstreamError):
            self.available = isinstance(error, AnswerTooLarge | DamagedOnTheWay)
            self._metrics.count(UPSTREAM_ERRORS, self._name, UPSTREAM_KINDS.get(type(error), "broken"))
        elif error is None:
            self.available = True


class _Acting:
    """An Upstream that is counted as another one's use."""

    def __init__(self, upstream: Upstream, counted: CountedUpstream) -> None:
        self._upstream = upstream
        self._counted = counted

    def open(self, request: Request, body: bytes | memoryview = b"") -> AbstractAsyncContextManager[Response]:
        return _Counted(self._upstream.open(request, body), self._counted)

    def upload(self, request: Request, *, content_length: int) -> AbstractAsyncContextManager[Upload]:
        return _Counted(self._upstream.upload(request, content_length=content_length), self._counted)

    async def aclose(self) -> None:
        """The connections are the other one's to close."""


class _Counted(AbstractAsyncContextManager[T]):
    def __init__(self, use: AbstractAsyncContextManager[T], upstream: CountedUpstream) -> None:
        self._use = use
        self._upstream = upstream

    async def __aenter__(self) -> T:
        try:
            answer = await self._use.__aenter__()
        except BaseException as exc:
            self._upstream.note(exc)
            raise
        if (headers := getattr(answer, "headers", None)) is not None:  # an upload has none yet
            self._upstream.note_clock(headers.get("date", ""))
        return answer

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        self._upstream.note(error)
        return await self._use.__aexit__(kind, error, trace)
