"""Reads a request's head, and writes an answer's. Fed bytes however they come; knows no connection.

llhttp is the parser, in its strict mode, since it stands before strangers. On top of it are our rules for
where a message ends (RFC 9112, 6.3): what two readers could understand in two ways is refused, because
another request may follow on the same connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import httptools

HEAD_END = b"\r\n\r\n"
REASONS = {status.value: status.phrase for status in HTTPStatus}
ONCE = frozenset({"host", "content-length", "transfer-encoding", "content-type", "range", "expect"})
"""Of these a second one has no meaning that everybody would see in it."""
MAX_LENGTH_DIGITS = 18


class BadHead(Exception):
    """No request that could be served. Its text is for the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHead:
    method: str
    target: str
    """As it came: percent-encoded, maybe no path at all."""
    headers: Mapping[str, str]
    """Names in lower case; a repeated header's values joined with a comma."""
    body_length: int | None
    """None: the body is chunked."""
    keep_alive: bool
    """Another request may follow."""
    awaits_continue: bool
    modern: bool
    """HTTP/1.1: an answer may come in chunks."""


class HeadReader:
    """The heads of one connection, one after the other; their bodies go elsewhere."""

    __slots__ = (
        *("_complete", "_keep_alive", "_max_bytes", "_max_headers", "_pairs", "_parser", "_size", "_tail"),
        *("_target", "behind"),
    )

    def __init__(self, *, max_bytes: int, max_headers: int) -> None:
        self._max_bytes = max_bytes
        self._max_headers = max_headers
        self._parser: httptools.HttpRequestParser | None = None
        self._pairs: list[tuple[bytes, bytes]] = []
        self._target = b""
        self._complete = self._keep_alive = False
        self._size = 0
        self._tail = b""
        """The last bytes that were fed, as many as may be the beginning of a head's end."""
        self.behind = b""
        """What came with the last piece of a head, and does not belong to it."""

    @property
    def begun(self) -> bool:
        """A part of a head is here."""
        return self._size > 0

    def feed(self, data: bytes) -> RequestHead | None:
        """The head, when data has its end. Raises BadHead; then nothing more can be read."""
        if not self._size:
            data = data.lstrip(b"\r\n")  # RFC 9112, 2.2: some clients end a body with an empty line
        seen = self._tail + data
        at = seen.find(HEAD_END)
        if at < 0:
            self._tail = seen[-len(HEAD_END) + 1 :]
            self._parse(data)
            if self._complete:
                raise BadHead("the request is not valid HTTP")
            return None
        end = at + len(HEAD_END) - len(self._tail)
        self.behind = data[end:]
        self._parse(data[:end])
        if not self._complete:
            raise BadHead("the request is not valid HTTP")
        head = self._head()
        self._forget()
        if head.body_length != 0:
            self._parser = None  # it waits for the body, which it will not see
        return head

    def _forget(self) -> None:
        self._pairs = []
        self._target = self._tail = b""
        self._size = 0
        self._complete = self._keep_alive = False

    def _parse(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._max_bytes:
            raise BadHead("the request's head is too large")
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # CONNECT, or an offer of another protocol, which a server may leave aside (RFC 9110, 7.8).
            self._keep_alive = False
        except httptools.HttpParserError as exc:
            raise BadHead("the request is not valid HTTP") from exc

    # What llhttp calls.

    def on_url(self, piece: bytes) -> None:
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        self._pairs.append((name, value))

    def on_headers_complete(self) -> None:
        self._complete = True
        self._keep_alive = self._parser is not None and self._parser.should_keep_alive()

    def _head(self) -> RequestHead:
        parser = self._parser
        assert parser is not None, "it has just read the head"
        if len(self._pairs) > self._max_headers:
            raise BadHead("the request has too many headers")
        version = parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            raise BadHead("the request is not valid HTTP")
        headers = _joined(self._pairs)
        if version == "1.1" and "host" not in headers:
            raise BadHead("the request names no host")
        return RequestHead(
            method=parser.get_method().decode("ascii"),
            target=self._target.decode("utf-8", "surrogateescape"),
            headers=headers,
            body_length=_body_length(headers, modern=version == "1.1"),
            # What is no path is answered, and ends the connection: a proxy may have been meant.
            keep_alive=self._keep_alive and version == "1.1" and self._target.startswith(b"/"),
            awaits_continue="expect" in headers and headers["expect"].lower() == "100-continue",
            modern=version == "1.1",
        )


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name = raw_name.decode("ascii").lower()
        value = raw_value.strip(b" \t").decode("utf-8", "surrogateescape")
        if name in headers:
            if name in ONCE:
                raise BadHead(f"the request has more than one {name}")
            value = f"{headers[name]},{value}"
        headers[name] = value
    return headers


def _body_length(headers: Mapping[str, str], *, modern: bool) -> int | None:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if length is not None or coding.lower() != "chunked" or not modern:
            raise BadHead("nobody can tell where the request's body ends")
        return None
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit() and len(length) <= MAX_LENGTH_DIGITS):
        raise BadHead("the request's Content-Length is not one number")
    return int(length)


def head_bytes(status: int, headers: Mapping[str, str], *, length: int | None, close: bool) -> bytes:
    """A whole HTTP/1.1 head. ValueError where a value would begin a new line: response splitting."""
    lines = [
        f"HTTP/1.1 {status} {REASONS.get(status, '')}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if length is not None:
        lines.append(f"content-length: {length}")
    if close:
        lines.append("connection: close")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise ValueError("a header value holds a line break or NUL")
    return (text + "\r\n\r\n").encode("utf-8", "surrogateescape")
