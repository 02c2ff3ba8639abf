"""A checksum behind a body: the reader of clients' own codings finds the body and the checksum again."""

import base64
from collections.abc import Sequence

import pytest
from awscrt import checksums

from proxy.s3.aws_chunked import ChunkedDecoder, coding_of, decoded_length
from proxy.upstream.integrity import CHECKSUM_HEADER
from proxy.upstream.trailed import CHUNK_BYTES, TrailedBody

SIZES = (1, 2, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7)


def coded(pieces: Sequence[bytes]) -> tuple[TrailedBody, bytes]:
    body = TrailedBody(sum(map(len, pieces)))
    sent = b"".join(bytes(each) for piece in pieces for each in body.feed(piece))
    return body, sent + body.finish()


def plain_of(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + bytes(size % 251)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [997, 65_564, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 1 << 30])
def test_what_is_sent_is_the_body_and_its_checksum(size: int, step: int) -> None:
    """However it comes in pieces, and as long as it was announced."""
    plain = plain_of(size)

    body, sent = coded([plain[at : at + step] for at in range(0, size, step)])

    headers = body.headers()
    coding = coding_of(headers)
    assert coding is not None
    decoder = ChunkedDecoder(coding=coding, plain_length=decoded_length(headers))
    assert b"".join(decoder.feed(sent)) == plain
    value = base64.b64encode(checksums.crc32c(plain).to_bytes(4, "big")).decode()
    assert decoder.finish() == {CHECKSUM_HEADER: value}
    assert headers["x-amz-trailer"] == CHECKSUM_HEADER
    assert len(sent) == body.coded_length


def test_a_body_is_as_long_as_it_was_declared() -> None:
    with pytest.raises(AssertionError, match="more"):
        list(TrailedBody(3).feed(b"1234"))
    with pytest.raises(AssertionError, match="fewer"):
        TrailedBody(3).finish()
