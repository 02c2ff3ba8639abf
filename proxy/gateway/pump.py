"""Takes a client's body apart: coding undone, claims hashed, lengths counted.

The pieces come out before the claims about them are proven. Whoever passes them on must therefore hold back
the end of what it makes of them until the last piece was followed by no error.
"""

import re
from collections.abc import AsyncIterator, Mapping

from proxy.gateway.call import Call
from proxy.gateway.exchange import BodyTooShort, Buffer
from proxy.gateway.trace import Phase
from proxy.s3.aws_chunked import ChunkedDecoder, coding_of, decoded_length
from proxy.s3.checksums import Claims
from proxy.s3.errors import S3Error
from proxy.s3.treatments import Treatment

UNTOLD = -1
"""The length of a body that came in HTTP's own chunks, whose end is its only length."""


class PlainBody:
    """The plaintext of one request's body. Read once, by one task."""

    def __init__(self, call: Call, claims: Claims | None = None) -> None:
        """`claims` stand in for those of the headers. Raises S3Error: they are malformed, or no length."""
        headers = call.request.headers
        coding = coding_of(headers)
        verifier = call.authenticated.chunks if call.authenticated else None
        self._call = call
        self.claims = claims or Claims(headers)
        self.length = decoded_length(headers) if coding else _content_length(call)
        """Bytes of plaintext, as declared; UNTOLD until `measure` has been awaited."""
        self._ahead: bytes | None = None
        self._decoder = (
            ChunkedDecoder(coding=coding, plain_length=self.length, verifier=verifier) if coding else None
        )

    @property
    def checksums(self) -> Mapping[int, bytes]:
        """By code, once the pieces have ended: those that the client claimed."""
        return self.claims.verified

    async def measure(self) -> None:
        """Learn the length of a body that came without one, by reading it ahead of time.

        Only as far as a body may be held; a longer one has to say how long it is: MissingContentLength.
        """
        if self.length != UNTOLD:
            return
        held = bytearray()
        while data := await self._read():
            held += data
            if len(held) > self._call.rooms.held_body_bytes:
                raise S3Error("MissingContentLength")
        self._ahead, self.length = bytes(held), len(held)

    async def pieces(self) -> AsyncIterator[Buffer]:
        """The plaintext in order; when they end without an error, every claim is proven.

        Raises S3Error, AuthError (a chunk's signature), BodyTooShort, ClientGone.
        """
        received = 0
        while data := await self._read():
            for plain in self._decoder.feed(data) if self._decoder else (data,):
                received += len(plain)
                self.claims.update(plain)
                yield plain
        if received != self.length:
            raise BodyTooShort(f"{received} of {self.length} bytes came")
        if self._decoder:
            self.claims.claim_trailers(self._decoder.finish())
        self.claims.verify()

    async def whole(self) -> bytearray:
        """All of it, proven."""
        held = bytearray()
        async for plain in self.pieces():
            held += plain
        return held

    async def _read(self) -> bytes:
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, b""
            return ahead
        with self._call.trace.during(Phase.CLIENT):
            return await self._call.exchange.read()


def _content_length(call: Call) -> int:
    value = call.request.headers.get("content-length")
    if value is None:
        if "transfer-encoding" in call.request.headers and call.operation.treatment is Treatment.SEAL:
            return UNTOLD
        if "transfer-encoding" in call.request.headers or call.request.method in {"PUT", "POST"}:
            raise S3Error("MissingContentLength")
        return 0
    if not re.fullmatch("[0-9]{1,18}", value):
        raise S3Error("InvalidRequest", "Content-Length is not one number.")
    return int(value)
