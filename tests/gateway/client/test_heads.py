"""A request's head, fed in every way that a network can cut it."""

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.chunks import DamagedChunks, of_request
from proxy.gateway.client.heads import BadHead, HeadReader, RequestHead

WHOLE = (
    b"PUT /b/a%2Fk?x HTTP/1.1\r\nHost: h\r\nx-empty:\r\nX-A: 1 \r\nx-a:  2\r\n"
    b"content-length: 3\r\nExpect: 100-continue\r\n\r\n"
)
BODY = b"abc\r\n\r\nGET"
EXPECTED = RequestHead(
    method="PUT",
    target="/b/a%2Fk?x",
    headers={"host": "h", "x-empty": "", "x-a": "1,2", "content-length": "3", "expect": "100-continue"},
    body_length=3,
    keep_alive=True,
    awaits_continue=True,
    modern=True,
)


def reader(*, max_bytes: int = 1000, max_headers: int = 10) -> HeadReader:
    return HeadReader(max_bytes=max_bytes, max_headers=max_headers)


def read(data: bytes) -> RequestHead | None:
    return reader().feed(data)


@pytest.mark.parametrize("at", range(1, len(WHOLE)))
def test_a_head_is_the_same_wherever_it_is_cut(at: int) -> None:
    """And what stands behind it is given back untouched."""
    reading = reader()

    assert reading.feed(WHOLE[:at]) is None
    assert reading.begun
    assert reading.feed(WHOLE[at:] + BODY) == EXPECTED
    assert reading.behind == BODY
    assert not reading.begun


def test_a_head_may_come_byte_by_byte_and_another_after_it() -> None:
    reading = reader()

    for _ in range(2):
        heads = [reading.feed(bytes([byte])) for byte in b"\r\n" + WHOLE]
        assert heads[-1] == EXPECTED
        assert set(heads[:-1]) == {None}


@pytest.mark.parametrize(
    ("head", "keep_alive", "body_length"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", True, 0),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n", False, 0),
        (b"GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", False, 0),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", False, 0),
        (b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", False, 0),
        (b"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", False, 0),
        (b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", False, 0),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n", True, None),
        (b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 007\r\n\r\n", True, 7),
    ],
)
def test_where_a_message_ends_and_whether_another_may_follow(
    *, head: bytes, keep_alive: bool, body_length: int | None
) -> None:
    found = read(head)

    assert found is not None
    assert (found.keep_alive, found.body_length) == (keep_alive, body_length)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\nHOST: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1\r\nRange: bytes=1-2\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"PUT / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1234567890123456789\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"GET /\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n" + b"".join(b"x-%d: a\r\n" % n for n in range(10)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nx: " + b"a" * 1000,
    ],
    ids=repr,
)
def test_what_is_refused(head: bytes) -> None:
    with pytest.raises(BadHead):
        read(head)


def test_what_cannot_become_a_head_is_refused_before_its_end() -> None:
    """Such as a TLS handshake: its client would else wait for the timeout."""
    with pytest.raises(BadHead):
        read(b"\x16\x03\x01\x02")


@given(st.binary(max_size=300), st.integers(0, 300))
def test_garbage_is_read_or_refused_and_nothing_else(data: bytes, at: int) -> None:
    reading = reader()
    with contextlib.suppress(BadHead):
        _ = reading.feed(data[:at]) or reading.feed(data[at:])


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.randoms(use_true_random=False))
def test_a_changed_byte_is_judged_alike_however_it_comes(at: int, byte: int, chance: random.Random) -> None:
    changed = WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :]
    cut = chance.randrange(1, len(changed))

    assert _judged([changed]) == _judged([changed[:cut], changed[cut:]])


def _judged(pieces: list[bytes]) -> RequestHead | bool | None:
    """The head, None where it is not whole, False where it is refused."""
    reading = reader()
    try:
        heads = [reading.feed(piece) for piece in pieces]
    except BadHead:
        return False
    return next((head for head in heads if head is not None), None)


CHUNKED = b"3;a=b\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nx-trailer: t\r\n\r\n"
PLAIN = b"abc0123456789abcdef"


@pytest.mark.parametrize("at", range(1, len(CHUNKED)))
def test_a_chunked_body_is_the_same_wherever_it_is_cut(at: int) -> None:
    chunks = of_request()

    body = chunks.feed(CHUNKED[:at])
    assert not chunks.over
    body += chunks.feed(CHUNKED[at:])

    assert (body, chunks.over, chunks.surplus) == (PLAIN, True, False)


@pytest.mark.parametrize("more", [b"G", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"\0"])
def test_what_comes_with_a_chunked_body_s_end_is_noted(more: bytes) -> None:
    """Nobody could tell where it begins."""
    chunks = of_request()

    assert (chunks.feed(CHUNKED + more), chunks.over, chunks.surplus) == (PLAIN, True, True)


@pytest.mark.parametrize(
    "damaged", [b"x\r\n", b"3\r\nabcd\r\n", b"-1\r\n", b"3\nabc\n", b"0\r\nx: \0\r\n\r\n"]
)
def test_a_damaged_coding_is_no_end(damaged: bytes) -> None:
    chunks = of_request()

    with pytest.raises(DamagedChunks):
        chunks.feed(damaged)
    assert not chunks.over


def test_extensions_and_trailers_have_a_bound() -> None:
    chunks = of_request()
    chunks.feed(b"0\r\n")

    with pytest.raises(DamagedChunks):
        any(chunks.feed(b"x: " + b"a" * 1000 + b"\r\n") for _ in range(100))
