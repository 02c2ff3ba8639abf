"""The plaintext of a source, read from its store and opened, for copies that pass through here."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from proxy.gateway.call import Call
from proxy.gateway.copy_source import Source, SourceChanged
from proxy.gateway.exchange import Buffer
from proxy.gateway.store import answer_to, refusal, refuse_unless_ok, request_for
from proxy.gateway.trace import Phase
from proxy.s3.errors import S3Error
from proxy.s3.headers import ENVELOPE
from proxy.seal.errors import TamperedBody
from proxy.seal.geometry import WHOLE
from proxy.seal.layout import OneRun
from proxy.seal.opener import Opener
from proxy.upstream.messages import Response, UpstreamBroken

READ_BUFFER_BYTES = 512 * 1024
OPEN_BUFFERS_BYTES = 1_100_000
"""Of one source: a group of its segments, sealed and opened."""


class Plaintext(Protocol):
    """What is read of a source."""

    checksums: Mapping[int, bytes]
    """Of the whole plaintext, as far as they are known; those of the body's end when all pieces were read."""

    def pieces(self) -> AsyncIterator[Buffer]:
        """Each is proven, and valid until the next. Raises FormatError, UpstreamError."""


@asynccontextmanager
async def plaintext_of(source: Source) -> AsyncIterator[Plaintext]:
    """The very body that was looked at. Entering raises SourceChanged, S3Error, UpstreamError."""
    of = source.call
    async with answer_to(of, request_for(of, {"if-match": source.etag}, method="GET")) as response:
        if response.status == 412:
            raise SourceChanged(await refusal(of, response))
        await refuse_unless_ok(of, response)
        if response.headers.get(ENVELOPE) != source.headers.get(ENVELOPE):
            raise SourceChanged(S3Error("OperationAborted", "The source is being overwritten. Try again."))
        yield _AsItIs(of, source, response) if source.opened is None else _Opened(of, source, response)


class _AsItIs:
    def __init__(self, of: Call, source: Source, response: Response) -> None:
        if response.content_length != source.stored_length:
            raise UpstreamBroken("the store answers another length than it told")
        self.checksums: Mapping[int, bytes] = {}
        self._trace = of.trace
        self._response = response

    async def pieces(self) -> AsyncIterator[Buffer]:
        buffer = memoryview(bytearray(READ_BUFFER_BYTES))
        while True:
            with self._trace.during(Phase.STORE):
                received = await self._response.fill(buffer, at_least=1)
            if not received:
                return
            yield buffer[:received]


class _Opened:
    def __init__(self, of: Call, source: Source, response: Response) -> None:
        assert source.sealed is not None
        assert source.opened is not None
        self.checksums = source.checksums
        self._trace = of.trace
        self._response = response
        plain_length = source.sealed.plain_length
        self._opener = Opener(
            content_key=source.opened.content_key,
            layout=OneRun(plain_length),
            window=WHOLE,
            plain_last=plain_length - 1,
        )

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
