"""The table of heads: what is understood, and what is refused since it could be understood in two ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.answer_head import MAX_HEADERS, AnswerHead, Framing, maybe_answer_head
from proxy.upstream.messages import UpstreamBroken


def head(*lines: str, status: str = "HTTP/1.1 200 OK", method: str = "GET") -> AnswerHead:
    raw = "".join(f"{line}\r\n" for line in (status, *lines, ""))
    found = maybe_answer_head(raw.encode("utf-8", "surrogateescape"), method=method)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("method", "status", "lines", "expected"),
    [
        ("GET", "HTTP/1.1 200 OK", ["Content-Length: 5"], (Framing.LENGTH, 5, True)),
        ("GET", "HTTP/1.1 200 OK", ["Content-Length: 0"], (Framing.LENGTH, 0, True)),
        ("GET", "HTTP/1.1 200", ["Content-Length: 5"], (Framing.LENGTH, 5, True)),
        ("GET", "HTTP/1.1 200 OK", ["Content-Length: 5", "Connection: Close"], (Framing.LENGTH, 5, False)),
        ("GET", "HTTP/1.1 200 OK", ["Content-Length: 5", "Connection: x, close"], (Framing.LENGTH, 5, False)),
        ("GET", "HTTP/1.0 200 OK", ["Content-Length: 5"], (Framing.LENGTH, 5, False)),
        (
            "GET",
            "HTTP/1.0 200 OK",
            ["Content-Length: 5", "Connection: keep-alive"],
            (Framing.LENGTH, 5, True),
        ),
        ("GET", "HTTP/1.1 200 OK", ["Transfer-Encoding: Chunked"], (Framing.CHUNKED, None, True)),
        ("GET", "HTTP/1.1 200 OK", [], (Framing.CONNECTION, None, False)),
        ("GET", "HTTP/1.1 200 OK", ["Connection: close"], (Framing.CONNECTION, None, False)),
        ("HEAD", "HTTP/1.1 200 OK", ["Content-Length: 5"], (Framing.NONE, 0, True)),
        ("HEAD", "HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"], (Framing.NONE, 0, True)),
        ("HEAD", "HTTP/1.1 404 Not Found", [], (Framing.NONE, 0, True)),
        ("DELETE", "HTTP/1.1 204 No Content", [], (Framing.NONE, 0, True)),
        ("DELETE", "HTTP/1.1 204 No Content", ["Content-Length: 0"], (Framing.NONE, 0, True)),
        ("DELETE", "HTTP/1.1 204 No Content", ["Content-Length: 5"], (Framing.NONE, 0, False)),
        ("DELETE", "HTTP/1.1 204 No Content", ["Transfer-Encoding: chunked"], (Framing.NONE, 0, False)),
        ("GET", "HTTP/1.1 304 Not Modified", ["Content-Length: 5"], (Framing.NONE, 0, True)),
        ("GET", "HTTP/1.1 301 Moved", ["Location: /x", "Content-Length: 5"], (Framing.LENGTH, 5, True)),
        ("GET", "HTTP/1.1 599 Odd", ["Content-Length: 5"], (Framing.LENGTH, 5, True)),
    ],
)
def test_the_head_tells_where_the_body_ends(
    method: str, status: str, lines: list[str], expected: tuple[Framing, int | None, bool]
) -> None:
    """RFC 9112, 6.3 and 9.3."""
    found = head(*lines, status=status, method=method)

    assert (found.framing, found.body_length, found.keep_alive) == expected


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5", "Content-Length: 5"],
        ["Content-Length: 5, 6"],
        ["Content-Length: +5"],
        ["Content-Length: -5"],
        ["Content-Length: 0x5"],
        ["Content-Length: 5 5"],
        ["Content-Length:"],
        ["Content-Length: " + "9" * 19],
        ["Content-Length: \u0665"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: identity"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: \x0bchunked"],
        ["a: b", " folded"],
        ["a: b", "\tfolded"],
        ["a : b"],
        ["a\x00: b"],
        ["a: b\x00"],
        ["a: b\rc: d"],
        ["no colon"],
        [": no name"],
        ["", "a: b"],
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(lines: list[str], method: str) -> None:
    with pytest.raises(UpstreamBroken):
        head(*lines, method=method)


@pytest.mark.parametrize(
    "status",
    [
        *("HTTP/1.1 199", "HTTP/2.0 200 OK", "HTTP/0.9 200 OK", "HTTP/1.2 200 OK", "HTTP/1.1 600 Odd"),
        *("HTTP/1.1 99 Low", "HTTP/1.1 2000 High", "HTTP/1.1 2x0 OK", "http/1.1 200 OK", "ICY 200 OK"),
        *("HTTP/1.1 101 Switching Protocols", "GET / HTTP/1.1", "", "HTTP/1.1  200 OK", "RTSP/1.0 200 OK"),
    ],
)
def test_a_strange_status_line_is_refused_or_passed_over(status: str) -> None:
    """Interim answers are passed over; all else that is no final answer is an error."""
    raw = f"{status}\r\ncontent-length: 0\r\n\r\n".encode()

    if status == "HTTP/1.1 199":
        assert maybe_answer_head(raw, method="GET") is None
        return
    with pytest.raises(UpstreamBroken):
        maybe_answer_head(raw, method="GET")


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_an_interim_answer_is_none(status: str) -> None:
    assert maybe_answer_head(f"HTTP/1.1 {status}\r\nlink: x\r\n\r\n".encode(), method="GET") is None


def test_names_are_lower_case_duplicates_are_joined_and_every_byte_survives() -> None:
    found = head("X-A: 1", "x-a: 2", "ETag: \u00fc\udcff", "X-Empty:", "content-length: 0")

    assert found.headers == {
        "x-a": "1, 2",
        "etag": "\u00fc\udcff",
        "x-empty": "",
        "content-length": "0",
    }
    assert (found.status, found.reason) == (200, "OK")


def test_the_number_of_headers_is_bounded() -> None:
    lines = [f"h{n}: v" for n in range(MAX_HEADERS)]

    assert len(head(*lines).headers) == MAX_HEADERS
    with pytest.raises(UpstreamBroken):
        head(*lines, "one: more")


@given(st.binary(max_size=200), st.sampled_from(["GET", "HEAD", "PUT"]))
def test_garbage_is_an_answer_or_the_one_error(garbage: bytes, method: str) -> None:
    for raw in (garbage + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + garbage + b"\r\n\r\n"):
        try:
            maybe_answer_head(raw, method=method)
        except UpstreamBroken:
            continue
