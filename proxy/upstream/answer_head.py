"""Reads an answer's head. Fed its bytes to the blank line, returns what it says, or raises UpstreamBroken.

llhttp is the parser, in its strict mode. On top of it stand our rules for where the body ends (RFC 9112,
6.3): whatever two readers could understand in two ways is refused, since another request follows on the
same connection. Never waits, never sees a body.
"""

from dataclasses import dataclass
from enum import Enum, auto

import httptools

from proxy.upstream.messages import Headers, UpstreamBroken

MAX_HEADERS = 1024
"""Far above what a store sends (2 KiB of user metadata is at most some hundred), far below what hurts."""

HEAD_END = b"\r\n\r\n"

_NO_CONTENT = 204
_NO_BODY = frozenset((_NO_CONTENT, 304))
_SWITCHING = 101
_FINAL = range(200, 600)
_INTERIM = range(100, 200)
_LENGTH_DIGITS = 18


class Framing(Enum):
    """What tells where the body ends."""

    NONE = auto()
    LENGTH = auto()
    CHUNKED = auto()
    CONNECTION = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHead:
    """The head of a final answer."""

    status: int
    reason: str
    headers: Headers
    framing: Framing
    body_length: int | None
    """Bytes of the body itself: 0 for a HEAD, whatever Content-Length says; None where no length was told."""
    keep_alive: bool
    """The connection may carry another request once the body was read."""


class _Collector:
    """llhttp's callbacks for one head."""

    __slots__ = ("complete", "headers", "reason")

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.reason = b""
        self.complete = False

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.complete = True


def maybe_answer_head(raw: bytes, *, method: str) -> AnswerHead | None:
    """The head of the answer to a request of this method; None where it is an interim one (1xx)."""
    if not raw.startswith(b"HTTP/1.") or raw.find(HEAD_END) != len(raw) - len(HEAD_END):
        raise UpstreamBroken("the answer does not begin as HTTP/1 does, or its head ends twice")
    seen = _Collector()
    parser = httptools.HttpResponseParser(seen)
    try:
        parser.feed_data(raw)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
        raise UpstreamBroken(f"the answer's head is not HTTP: {exc}") from exc
    status = parser.get_status_code()
    if not seen.complete or len(seen.headers) > MAX_HEADERS:
        raise UpstreamBroken("the answer's head is not whole, or has too many headers")
    if status in _INTERIM and status != _SWITCHING:
        return None
    version = parser.get_http_version()
    if status not in _FINAL or version not in ("1.1", "1.0"):
        raise UpstreamBroken(f"HTTP/{version} with status {status} is no answer to what was asked")
    headers = _joined(seen.headers)
    framing, length = _framing(headers, method=method, status=status, modern=version == "1.1")
    return AnswerHead(
        status=status,
        reason=seen.reason.decode("utf-8", "surrogateescape"),
        headers=headers,
        framing=framing,
        body_length=length,
        keep_alive=_keeps(headers, framing=framing, status=status, modern=version == "1.1"),
    )


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name = raw_name.decode("ascii").lower()
        value = raw_value.decode("utf-8", "surrogateescape")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _framing(headers: Headers, *, method: str, status: int, modern: bool) -> tuple[Framing, int | None]:
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is not None and length is not None:
        raise UpstreamBroken("both Transfer-Encoding and Content-Length")
    if coding is not None and (coding.strip().lower() != "chunked" or not modern):
        raise UpstreamBroken("a Transfer-Encoding that is not plain chunked")
    if length is not None and not (length.isascii() and length.isdigit() and len(length) <= _LENGTH_DIGITS):
        raise UpstreamBroken("a Content-Length that is no number, or two of them")
    if method == "HEAD" or status in _NO_BODY:
        return Framing.NONE, 0
    if coding is not None:
        return Framing.CHUNKED, None
    if length is not None:
        return Framing.LENGTH, int(length)
    return Framing.CONNECTION, None


def _keeps(headers: Headers, *, framing: Framing, status: int, modern: bool) -> bool:
    """RFC 9112, 9.3; beyond it, not after a 204 that announces a body, since some servers then send one."""
    if framing is Framing.CONNECTION:
        return False
    announced = headers.get("content-length", "0").strip("0") or "transfer-encoding" in headers
    if status == _NO_CONTENT and announced:
        return False
    if modern and "connection" not in headers:
        return True
    tokens = {token.strip() for token in headers.get("connection", "").lower().split(",")}
    return "close" not in tokens if modern else "keep-alive" in tokens
