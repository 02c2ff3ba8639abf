"""Reads a chunked body. Fed raw bytes, returns those of the body; extensions and trailers are dropped.

llhttp finds the borders. What is not body is bounded, so that an endless extension or trailer ends.
"""

import httptools

from proxy.upstream.messages import UpstreamBroken

MAX_FRAMING = 65536
"""Bytes between two pieces of body: sizes, extensions, trailers. The bound of a head, for the same reason."""

_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Chunks:
    """One chunked body."""

    __slots__ = ("_framing", "_parser", "_parts", "over", "surplus")

    def __init__(self) -> None:
        self.over = False
        """The last chunk and its trailers were read."""
        self.surplus = False
        """Bytes came after the end."""
        self._parts: list[bytes] = []
        self._framing = 0
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(_HEAD)

    def feed(self, data: bytes | memoryview) -> bytes:
        """The body's bytes in data, maybe none.

        UpstreamBroken where data is no chunked coding, or empty: the stream's end is not the body's.
        """
        if not data:
            raise UpstreamBroken("the connection ended inside a chunked body")
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            if not self.over:
                raise UpstreamBroken(f"the chunked body is damaged: {exc}") from exc
            self.surplus = True
        body = b"".join(self._parts)
        self._parts.clear()
        self._framing = 0 if body else self._framing + len(data)
        if self._framing > MAX_FRAMING:
            raise UpstreamBroken("more than 64 KiB of chunk extensions or trailers")
        return body

    def on_message_begin(self) -> None:
        self.surplus = self.over

    def on_body(self, data: bytes) -> None:
        if not self.over:
            self._parts.append(data)

    def on_message_complete(self) -> None:
        self.over = True
