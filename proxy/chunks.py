"""Reads a body in HTTP chunks. Fed raw bytes, returns those of the body; extensions and trailers are dropped.

llhttp finds the borders. What is not body is bounded, so that an endless extension or trailer ends. Behind a
body's end may come more: of an answer's, that is told; where another request begins in the bytes that hold
the end of one's body, llhttp does not tell, and they are dropped: then, too, `surplus` is set, so that the
connection closes after this message. Knows no connection; an edge and an adapter read by it.
"""

import httptools

MAX_FRAMING = 65_536
"""Bytes between two pieces of body: sizes, extensions, trailers. The bound of a head, for the same reason."""
_CODED = b"transfer-encoding: chunked\r\n\r\n"


class DamagedChunks(Exception):
    """The bytes are no chunked coding."""


class Chunks:
    """One chunked body."""

    __slots__ = ("_framing", "_parser", "_pieces", "over", "surplus")

    def __init__(
        self, kind: type[httptools.HttpRequestParser] | type[httptools.HttpResponseParser], head: bytes
    ) -> None:
        """`head` is one of that kind, since llhttp reads no body without."""
        self.over = False
        """The last chunk and its trailers were read."""
        self.surplus = False
        """Bytes came after the end."""
        self._pieces: list[bytes] = []
        self._framing = 0
        self._parser = kind(self)
        self._parser.feed_data(head)

    def feed(self, data: bytes | memoryview) -> bytes:
        """The body's bytes in data, maybe none.

        Raises DamagedChunks where data is no chunked coding, or empty: the stream's end is not the body's.
        """
        if not data:
            raise DamagedChunks("the connection ended inside a chunked body")
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            if not self.over:
                raise DamagedChunks(f"the chunked body is damaged: {exc}") from exc
            self.surplus = True
        body = b"".join(self._pieces)
        self._pieces.clear()
        self._framing = 0 if body else self._framing + len(data)
        if self._framing > MAX_FRAMING:
            raise DamagedChunks("more than 64 KiB of chunk extensions or trailers")
        return body

    # What llhttp calls.

    def on_message_begin(self) -> None:
        self.surplus = self.over

    def on_body(self, piece: bytes) -> None:
        if not self.over:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        self.over = True


def of_request() -> Chunks:
    return Chunks(httptools.HttpRequestParser, b"POST / HTTP/1.1\r\nhost: h\r\n" + _CODED)


def of_answer() -> Chunks:
    return Chunks(httptools.HttpResponseParser, b"HTTP/1.1 200 OK\r\n" + _CODED)
