"""Reads a request's chunked body. Fed raw bytes, returns those of the body.

llhttp finds the borders. Extensions and trailers are dropped, and bounded, so that an endless one ends. Where
another message begins in bytes that hold the body's end llhttp does not tell: those are dropped, and it is
noted, so that the connection closes after the answer.
"""

import httptools

MAX_FRAMING = 65_536
"""Bytes between two pieces of body. The bound of a head, for the same reason."""
_HEAD = b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"


class DamagedChunks(Exception):
    """The bytes are no chunked coding."""


class Chunks:
    """One chunked body."""

    __slots__ = ("_framing", "_parser", "_pieces", "over", "surplus")

    def __init__(self) -> None:
        self.over = False
        """The last chunk and its trailers were read."""
        self.surplus = False
        """More came with them, which was dropped."""
        self._pieces: list[bytes] = []
        self._framing = 0
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_HEAD)

    def feed(self, data: bytes) -> bytes:
        """The body's bytes in data, maybe none; not to be called once it is over. Raises DamagedChunks."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            if not self.over:
                raise DamagedChunks(str(exc)) from exc
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
