"""The plaintext of a source, or of a range of it, read from its store and opened as copies need it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from proxy.gateway.body_end import layout_of
from proxy.gateway.copies.source import Source, SourceChanged
from proxy.gateway.exchange import Buffer
from proxy.gateway.refusals import Overwritten
from proxy.gateway.sealed_object import sealed_total
from proxy.gateway.store import answer_to, refusal, refuse_unless_ok, request_for
from proxy.gateway.trace import Phase, Trace
from proxy.s3.errors import S3Error
from proxy.s3.headers import ENVELOPE
from proxy.seal.errors import TamperedBody
from proxy.seal.geometry import WHOLE, Window
from proxy.seal.layout import Layout, OneRun
from proxy.seal.opener import Opener
from proxy.upstream.messages import Response, UpstreamBroken

READ_BUFFER_BYTES = 512 * 1024
OPEN_BUFFERS_BYTES = 1_100_000
"""Of one source: a group of its segments, sealed and opened."""

Range = tuple[int, int]
"""First and last byte of the plaintext, both included."""


class Plaintext(Protocol):
    """What is read of a source."""

    @property
    def length(self) -> int:
        """Bytes that will come."""

    @property
    def checksums(self) -> Mapping[int, bytes]:
        """Of the whole source, as far as they are known; those at its end once all of it was read."""

    def pieces(self) -> AsyncIterator[Buffer]:
        """Each is proven, and valid until the next. Raises FormatError, UpstreamError."""


@asynccontextmanager
async def plaintext_of(source: Source, asked: Range | None = None) -> AsyncIterator[Plaintext]:
    """All of the very body that was looked at, or a range. Entering raises SourceChanged, S3Error."""
    of, length = source.call, source.plain_length
    layout = await _layout(source)
    window = WHOLE if asked is None else layout.window(*asked)
    condition = {"if-match": source.etag} if source.etag else {}
    headers = condition | _range(source, asked, window)
    async with answer_to(of, request_for(of, headers, method="GET")) as response:
        if response.status == 412:
            raise SourceChanged(await refusal(of, response))
        await refuse_unless_ok(of, response)
        if not _same(source, response, _first(source, asked, window)):
            raise SourceChanged(S3Error("OperationAborted", "The source is being overwritten. Try again."))
        first, last = asked or (0, length - 1)
        if source.opened is None:
            yield _AsItIs(of.trace, response, length=last - first + 1)
            return
        opener = Opener(
            content_key=source.opened.content_key,
            outer_content_key=source.opened.outer_content_key,
            layout=layout,
            window=window,
            plain_last=last,
        )
        yield _Opened(of.trace, response, opener, length=last - first + 1, known=source.checksums)


async def _layout(source: Source) -> Layout:
    if source.sealed is None or source.opened is None:
        return OneRun(source.plain_length)
    try:
        return await layout_of(source.call, source.sealed, source.opened)
    except Overwritten:
        raise SourceChanged(
            S3Error("OperationAborted", "The source is being overwritten. Try again.")
        ) from None


def _range(source: Source, asked: Range | None, window: Window) -> dict[str, str]:
    if asked is None:
        return {}
    first, last = asked if source.opened is None else (window.sealed_first, window.sealed_last)
    return {"range": f"bytes={first}-{'' if last is None else last}"}


def _first(source: Source, asked: Range | None, window: Window) -> int | None:
    """Where on the store the answer begins; None where all of it was asked for."""
    if asked is None:
        return None
    return asked[0] if source.opened is None else window.sealed_first


def _same(source: Source, response: Response, stored_first: int | None) -> bool:
    """Not every store obeys If-Match: the envelope and the size must be those that were looked at."""
    same_envelope = response.headers.get(ENVELOPE) == source.headers.get(ENVELOPE)
    return same_envelope and sealed_total(response, sealed_first=stored_first) == source.stored_length


class _AsItIs:
    def __init__(self, trace: Trace, response: Response, *, length: int) -> None:
        self.length = length
        self.checksums: Mapping[int, bytes] = {}
        self._trace = trace
        self._response = response

    async def pieces(self) -> AsyncIterator[Buffer]:
        buffer = memoryview(bytearray(min(READ_BUFFER_BYTES, max(1, self.length))))
        left = self.length
        while left:
            with self._trace.during(Phase.STORE):
                received = await self._response.fill(buffer, at_least=1)
            if not 0 < received <= left:
                raise UpstreamBroken("the store sent another number of bytes than it told")
            left -= received
            yield buffer[:received]


class _Opened:
    def __init__(
        self,
        trace: Trace,
        response: Response,
        opener: Opener,
        *,
        length: int,
        known: Mapping[int, bytes],
    ) -> None:
        self.length = length
        self.checksums = known
        self._trace = trace
        self._response = response
        self._opener = opener

    async def pieces(self) -> AsyncIterator[Buffer]:
        while sealed := self._opener.wanted():
            with self._trace.during(Phase.STORE):
                received = await self._response.fill(sealed, at_least=len(sealed))
            if received != len(sealed):
                raise TamperedBody("end")
            with self._trace.during(Phase.CRYPTO):
                plain = self._opener.open()
            yield plain
        self.checksums = {**self._opener.checksums, **self.checksums}
