"""What the gateway asks of a store: HTTP messages, bodies that stream, and nothing of S3 or of sealing.

A pool with retries has the same interface as a single connection's client, so each wraps the next.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

Headers = Mapping[str, str]
"""Names in lower case; a repeated header's values are joined with ", ".

Values are text as UTF-8 with surrogateescape, so every byte survives the way through.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to the store, not yet signed: the client adds Host, date, signature and credentials."""

    method: str
    path: str
    """Percent-encoded exactly as it goes on the wire, from the leading slash on."""
    query: str = ""
    """Percent-encoded, without the question mark."""
    headers: Headers = field(default_factory=dict)
    """Without Host, Content-Length, Authorization and x-amz-date."""


class UpstreamError(Exception):
    """The store did not answer as HTTP asks. Subclasses say what the caller can do."""


class UpstreamUnreachable(UpstreamError):
    """No byte of an answer came, and the request cannot have been carried out: it may be sent again."""


class UpstreamBroken(UpstreamError):
    """The connection ended, stalled or spoke nonsense mid-way: what the store did is not known."""


class AnswerTooLarge(UpstreamError):
    """The body is longer than the caller is ready to hold."""


class DamagedOnTheWay(UpstreamError):
    """The store noticed, or was found out, to have received other bytes than were sent. It may be sent again.

    The text says how it was found, and what became of what the store had.
    """


class AnsweredEarly(UpstreamError):
    """The store answered before it had the whole body: stop writing; `finish` gives the answer."""


class Response(Protocol):
    """An answer whose head is here and whose body may still be on its way.

    It is read once, by one task. Leaving its context early tears the connection, so that the store stops.
    """

    @property
    def status(self) -> int: ...

    @property
    def reason(self) -> str: ...

    @property
    def headers(self) -> Headers: ...

    @property
    def content_length(self) -> int | None:
        """Bytes of the body; None where the store did not say (chunked)."""

    async def fill(self, buffer: memoryview, *, at_least: int) -> int:
        """Read into the front of buffer; the count of bytes now there.

        Waits until at least `at_least` bytes (at most the buffer's length) are there; fewer come only where
        the body has ended, 0 where it had already. Raises UpstreamBroken where it ended before its declared
        end or stood still longer than the idle timeout.
        """

    async def read(self, *, limit: int) -> bytes:
        """The rest of the body; AnswerTooLarge where it is longer than limit bytes."""


class Upload(Protocol):
    """A request whose body is being written.

    Leaving its context before `finish` cuts the connection: the store must then keep nothing.
    """

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data; on return its memory may be used again.

        Raises AnsweredEarly where the store no longer wants it, AssertionError past the declared length.
        """

    async def finish(self) -> Response:
        """The store's answer, once every declared byte was written or the store answered early."""


class Upstream(Protocol):
    """One store. Safe for concurrent use."""

    def open(self, request: Request, body: bytes | memoryview = b"") -> AbstractAsyncContextManager[Response]:
        """Send a request whose body (or none) is in memory, and give its answer.

        What cannot have been carried out is tried again within a bound; an idempotent request also after
        UpstreamBroken, as long as the answer's head had not come. A body that is a memoryview must not change
        until the answer is here. Entering raises an UpstreamError.
        """

    def upload(self, request: Request, *, content_length: int) -> AbstractAsyncContextManager[Upload]:
        """Begin a request whose body of content_length bytes the caller writes; never tried again."""

    async def aclose(self) -> None:
        """Close every connection, idle or not. Idempotent."""
