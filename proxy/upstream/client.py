"""Sends requests to one store: signs, takes a connection, exchanges, gives the connection back.

A kept connection may have been closed by the store a moment ago. What may be sent twice is then sent once
more, on a new one. What may not (uploads, POST, conditional writes) goes only over one that is new or was
used within two seconds, which makes the store's closing it at that moment improbable; it cannot be ruled
out. Redirects are given back, never followed.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import Protocol

from proxy.auth.sigv4 import CHUNK_SIGNED, EMPTY_SHA256
from proxy.upstream.answer import Answer
from proxy.upstream.connection import Connection, Stalled
from proxy.upstream.exchange import Exchange
from proxy.upstream.messages import (
    AnsweredEarly,
    Request,
    Response,
    Upload,
    UpstreamBroken,
    UpstreamUnreachable,
)
from proxy.upstream.pool import Fit, Pool
from proxy.upstream.request_head import request_head
from proxy.upstream.signed_chunks import Chain, SignedChunks, coded_length

UNSIGNED = "UNSIGNED-PAYLOAD"

# What the client sets itself, and what would change where a message ends (RFC 9112, 6 and 9.6).
RESERVED_HEADERS = frozenset(
    (
        *(
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "te",
            "trailer",
            "upgrade",
        ),
        *("expect", "authorization", "x-amz-date"),
    )
)

IDEMPOTENT = frozenset(("GET", "HEAD", "PUT", "DELETE", "OPTIONS"))
CONDITIONS = frozenset(("if-match", "if-none-match"))
WRITES = frozenset(("PUT", "DELETE"))
BODY_EXPECTED = frozenset(("PUT", "POST"))


class Signer(Protocol):
    """What signs a request (proxy.auth.sigv4.Signer)."""

    def sign(
        self,
        *,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        payload_hash: str,
        now: datetime,
    ) -> dict[str, str]:
        """The headers to add."""

    def chain(self, added: Mapping[str, str]) -> Chain:
        """For the chunks of the body whose head got these headers."""


def is_idempotent(request: Request) -> bool:
    """Whether sending it twice does and answers the same as once (RFC 9110, 9.2.2).

    A PUT whose body is held is. A conditional write is not: where the first one was carried out, the second
    is refused, and the caller would be told that nothing was written.
    """
    conditional = request.method in WRITES and not CONDITIONS.isdisjoint(request.headers)
    return request.method in IDEMPOTENT and not conditional


class Client:
    """An Upstream (messages.py) that tries once, but for a kept connection that turns out to be dead."""

    def __init__(
        self,
        pool: Pool,
        *,
        host_header: str,
        signer: Signer | None,
        now: Callable[[], datetime],
        unsigned_payload: bool,
    ) -> None:
        self._pool = pool
        self._host_header = host_header
        self._signer = signer
        self._now = now
        self._unsigned_payload = unsigned_payload

    def __repr__(self) -> str:
        return f"<Client {self._host_header} {self._pool!r}>"

    def open(self, request: Request, body: bytes | memoryview = b"") -> AbstractAsyncContextManager[Response]:
        return _Opened(self, self._pool, request, body)

    def upload(self, request: Request, *, content_length: int) -> AbstractAsyncContextManager[Upload]:
        return _Uploading(self, self._pool, request, content_length)

    async def aclose(self) -> None:
        await self._pool.aclose()

    def head_of(self, request: Request, body: bytes | memoryview) -> bytes:
        """The signed head of a request whose body is held, dated now.

        ValueError where a part cannot stand on the wire, AssertionError where the caller sets what is ours.
        """
        headers = self._headers(request, len(body))
        return self._signed(request, headers, self._sign(request, headers, self._hash_of(request, body)))

    def streamed_head_of(self, request: Request, length: int) -> tuple[bytes, SignedChunks | None]:
        """The same where the body comes piece by piece, and what codes it, if this store wants it coded."""
        given = request.headers.get("x-amz-content-sha256")
        if self._signer is None or self._unsigned_payload or given is not None or length == 0:
            headers = self._headers(request, length)
            payload_hash = given or (UNSIGNED if length else EMPTY_SHA256)
            return self._signed(request, headers, self._sign(request, headers, payload_hash)), None
        # Without Content-Encoding: aws-chunked, which the hash says already and some stores would keep.
        headers = self._headers(request, coded_length(length)) | {"x-amz-decoded-content-length": str(length)}
        added = self._sign(request, headers, CHUNK_SIGNED)
        return self._signed(request, headers, added), SignedChunks(self._signer.chain(added))

    def _headers(self, request: Request, length: int) -> dict[str, str]:
        if not RESERVED_HEADERS.isdisjoint(request.headers):
            raise AssertionError(f"set by the client itself: {RESERVED_HEADERS & request.headers.keys()}")
        headers = {"host": self._host_header, **request.headers}
        if length or request.method in BODY_EXPECTED:
            headers["content-length"] = str(length)
        return headers

    def _sign(self, request: Request, headers: Mapping[str, str], payload_hash: str) -> dict[str, str]:
        if self._signer is None:
            return {}
        return self._signer.sign(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=headers,
            payload_hash=payload_hash,
            now=self._now(),
        )

    def _signed(self, request: Request, headers: dict[str, str], added: dict[str, str]) -> bytes:
        return request_head(request.method, request.path, request.query, headers | added)

    def _hash_of(self, request: Request, body: bytes | memoryview) -> str:
        """The caller's own where it set x-amz-content-sha256; the real one where it is cheap or asked for."""
        given = request.headers.get("x-amz-content-sha256")
        if given is not None or len(body) == 0:
            return given or EMPTY_SHA256
        return UNSIGNED if self._unsigned_payload else sha256(body).hexdigest()


class _Use:
    """A connection taken for one exchange, and given back once."""

    __slots__ = ("connection", "exchange", "pool")

    def __init__(self, pool: Pool, connection: Connection, method: str) -> None:
        self.pool = pool
        self.connection = connection
        self.exchange = Exchange(connection, method=method)

    async def close(self, *, reusable: bool) -> None:
        try:
            if not (reusable and self.connection.quiet):
                await self.connection.cut()
        finally:
            self.pool.release(self.connection, reusable=reusable)


class _Opened:
    """The context of `Client.open`."""

    __slots__ = ("_answer", "_body", "_client", "_pool", "_request", "_use")

    def __init__(self, client: Client, pool: Pool, request: Request, body: bytes | memoryview) -> None:
        self._client = client
        self._pool = pool
        self._request = request
        self._body = body
        self._use: _Use | None = None
        self._answer: Answer | None = None

    async def __aenter__(self) -> Response:
        if not is_idempotent(self._request):
            return await self._attempt(Fit.SURE)
        try:
            return await self._attempt(Fit.ANY)
        except _DeadOnArrival:
            return await self._attempt(Fit.NEW)

    async def _attempt(self, fit: Fit) -> Answer:
        head = self._client.head_of(self._request, self._body)
        connection = await self._pool.acquire(fit)
        use = self._use = _Use(self._pool, connection, self._request.method)
        try:
            await use.exchange.send(*([head, self._body] if self._body else [head]))
            self._answer = await use.exchange.answer()
            return self._answer
        except BaseException as exc:
            self._use = None
            stale = fit is Fit.ANY and connection.uses > 1 and not connection.heard
            await use.close(reusable=False)
            if (
                stale
                and isinstance(exc, UpstreamBroken | UpstreamUnreachable)
                and not isinstance(exc, Stalled)
            ):
                raise _DeadOnArrival from exc
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        use, self._use = self._use, None
        if use is not None and self._answer is not None:
            await use.close(reusable=self._answer.reusable)


class _Uploading:
    """The context of `Client.upload`, and the Upload itself.

    The head goes out with the first bytes of the body, in one packet. A kept connection can still die between
    the check and those bytes; the caller is then told UpstreamBroken, as for any other break.
    """

    __slots__ = ("_answer", "_chunks", "_client", "_head", "_left", "_pool", "_request", "_unwanted", "_use")

    def __init__(self, client: Client, pool: Pool, request: Request, content_length: int) -> None:
        self._client = client
        self._pool = pool
        self._request = request
        self._left = content_length
        self._head = b""
        self._chunks: SignedChunks | None = None
        self._unwanted = False
        self._use: _Use | None = None
        self._answer: Answer | None = None

    async def __aenter__(self) -> Upload:
        self._head, self._chunks = self._client.streamed_head_of(self._request, self._left)
        connection = await self._pool.acquire(Fit.SURE)
        self._use = _Use(self._pool, connection, self._request.method)
        return self

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        if len(data) > self._left:
            raise AssertionError("more bytes than were declared")
        if len(data) == 0:
            return
        for parts in self._chunks.feed(data) if self._chunks else ((data,),):
            if self._unwanted or not await self._send(*parts):
                self._unwanted = True
                raise AnsweredEarly("the store answered before it had the whole body")
        self._left -= len(data)

    async def finish(self) -> Response:
        if self._left and not self._unwanted:
            raise AssertionError("fewer bytes than were declared")
        last = self._chunks.finish() if self._chunks and not self._unwanted else ()
        whole = await self._send(*last) if self._head or last else True
        self._answer = await self._exchange().answer()
        if not whole and self._answer.status < 300:
            raise UpstreamBroken("the store answered success before it had the whole body")
        return self._answer

    async def _send(self, *parts: bytes | bytearray | memoryview) -> bool:
        head, self._head = self._head, b""
        return await self._exchange().send(*((head, *parts) if head else parts))

    def _exchange(self) -> Exchange:
        if self._use is None:
            raise AssertionError("the upload's context was left or never entered")
        return self._use.exchange

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        use, self._use = self._use, None
        if use is not None:
            finished = self._answer is not None and self._answer.reusable
            await use.close(reusable=finished)


class _DeadOnArrival(UpstreamBroken):
    """A kept connection ended before any byte of an answer."""
