"""One request and its answer, as the handlers see them: the gateway's own small protocol.

Whatever parses HTTP in front of it can be replaced without touching a handler. An answer has a length, or an
end that is sent; one that cannot be finished is torn, so that no client takes a cut object for a whole one.
"""

from collections.abc import Mapping
from typing import Protocol

Buffer = bytes | bytearray | memoryview


class ClientGone(Exception):
    """The client left, or stood still longer than the idle timeout: there is nobody to answer."""

    def __init__(self, how: str, *, idle: bool = False) -> None:
        super().__init__(how)
        self.idle = idle
        """True where it stood still, and it was the proxy that ended the connection."""


class BodyTooShort(Exception):
    """The client's connection ended before the end of the body that it had announced."""


class Exchange(Protocol):
    """Used by one task. A cancellation leaves the connection to be torn by whoever cancelled."""

    @property
    def method(self) -> str: ...

    @property
    def target(self) -> str:
        """The request target as it came: percent-encoded path and query."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case; a repeated header's values joined with a comma."""

    @property
    def source_ip(self) -> str: ...

    @property
    def secure(self) -> bool:
        """True where the client came by TLS."""

    @property
    def tls_version(self) -> str:
        """Such as 1.3; empty where it came by none, or by a proxy that alone knows."""

    @property
    def begun(self) -> bool:
        """True once a byte of the answer was sent: from then on the one error signal is `tear`."""

    @property
    def waiting(self) -> bool:
        """True from `begin_waiting` to `conclude`: an error can still be told, in the body."""

    @property
    def plain_bytes_in(self) -> int: ...

    @property
    def plain_bytes_out(self) -> int: ...

    async def read(self) -> bytes:
        """The next piece of the body, b"" at its end.

        The first call sends `100 Continue` where the client waits for it. Raises BodyTooShort, ClientGone.
        """

    async def begin(
        self, status: int, headers: Mapping[str, str], *, length: int | None, first: Buffer = b""
    ) -> None:
        """Send the head, with the first piece of the body in one write.

        `length` is the body's in bytes; None where the answer has no body at all (304, or HEAD with its own
        Content-Length among the headers). Raises ClientGone; ValueError where a header would split the head.
        """

    async def begin_waiting(self, headers: Mapping[str, str], first: bytes) -> bool:
        """Send the head of a 200 whose body is not known yet, and the body's beginning.

        `write` goes on with it, `conclude` ends it. False where this client takes no body without a length
        (HTTP/1.0): nothing was sent. Raises ClientGone, ValueError as `begin` does.
        """

    async def begin_in_chunks(self, status: int, headers: Mapping[str, str], first: Buffer) -> bool:
        """Send the head of an answer of unknown length, and its beginning; False as above.

        `write` goes on with it, `conclude` ends it; without that it is torn.
        """

    async def conclude(self, last: bytes) -> None:
        """The end of an answer that began without a length. Raises ClientGone."""

    async def write(self, data: Buffer) -> None:
        """Send more of the body. On return its memory may be used again. Raises ClientGone."""

    def tear(self) -> None:
        """End the connection without a valid end of the answer. Idempotent."""
