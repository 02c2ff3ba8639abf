"""A chunked body is the same however it is cut, and what is not body is bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.chunks import MAX_FRAMING, DamagedChunks, of_answer

BODY = b'5;ext=a;q="x"\r\nhello\r\n1\r\n \r\n00A\r\n0123456789\r\n0;last\r\nTrailer: x\r\nX-Y: 3\r\n\r\n'
PLAIN = b"hello 0123456789"


@pytest.mark.parametrize("step", range(1, len(BODY) + 1))
def test_the_body_is_the_same_however_the_bytes_arrive(step: int) -> None:
    chunks = of_answer()

    body = b"".join(chunks.feed(BODY[at : at + step]) for at in range(0, len(BODY), step))

    assert (body, chunks.over, chunks.surplus) == (PLAIN, True, False)


@pytest.mark.parametrize("cut", range(1, len(BODY)))
def test_a_body_without_its_last_bytes_is_not_over(cut: int) -> None:
    """And the end of the stream there is an error."""
    chunks = of_answer()
    chunks.feed(BODY[:cut])

    assert not chunks.over
    with pytest.raises(DamagedChunks):
        chunks.feed(b"")


@pytest.mark.parametrize("surplus", [b"H", b"HTTP/1.1 200 OK\r\n\r\n", b"garbage", b"\x00"])
@pytest.mark.parametrize("cut", [0, len(BODY)])
def test_bytes_after_the_end_are_told_and_never_given(surplus: bytes, cut: int) -> None:
    """They would be the next answer on this connection."""
    chunks, sent = of_answer(), BODY + surplus

    body = b"".join(chunks.feed(piece) for piece in (sent[:cut], sent[cut:]) if piece)

    assert (body, chunks.over, chunks.surplus) == (PLAIN, True, True)


@pytest.mark.parametrize(
    "bad",
    [
        *(
            b"x\r\n",
            b"-5\r\nhello\r\n",
            b"5\nhello\n",
            b"5\r\nhelloX\r\n",
            b" 5\r\nhello\r\n",
            b"0x5\r\nhello\r\n",
        ),
        *(
            b"\r\n",
            b"ffffffffffffffffff\r\n",
            b"5 \r\nhello\r\n",
            b"0\r\n: x\r\n\r\n",
            b"5;\x00\r\nhello\r\n",
            b"0\r\nContent-Length: 3\r\n\r\n",
        ),
    ],
)
def test_what_is_no_chunked_coding_is_refused(bad: bytes) -> None:
    with pytest.raises(DamagedChunks):
        of_answer().feed(bad)


@pytest.mark.parametrize("start", [b"5;", b"0\r\nt: "])
def test_extensions_and_trailers_end(start: bytes) -> None:
    chunks = of_answer()
    chunks.feed(start)
    for _ in range(MAX_FRAMING // 1024 - 1):
        chunks.feed(b"x" * 1024)

    with pytest.raises(DamagedChunks):
        chunks.feed(b"x" * 1024)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.integers(1, 60))
def test_what_was_coded_comes_back(parts: list[bytes], step: int) -> None:
    coded = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    chunks = of_answer()

    body = b"".join(chunks.feed(coded[at : at + step]) for at in range(0, len(coded), step))

    assert (body, chunks.over) == (b"".join(parts), True)


@given(st.binary(min_size=1, max_size=200))
def test_garbage_is_a_body_or_the_one_error(garbage: bytes) -> None:
    chunks = of_answer()
    try:
        chunks.feed(garbage)
    except DamagedChunks:
        assert not chunks.over
