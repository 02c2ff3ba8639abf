"""The aws-chunked coding: whatever the split, the same bytes; whatever is wrong, no quiet end."""

import hashlib
import hmac
import io
from dataclasses import dataclass, field

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given
from hypothesis import strategies as st

from proxy.s3.aws_chunked import (
    CODINGS,
    MAX_TRAILERS,
    ChunkedDecoder,
    Coding,
    coding_of,
    decoded_length,
)
from proxy.s3.errors import S3Error

PLAIN = Coding(signed=False, trailer=True)
SIGNED = Coding(signed=True, trailer=False)
SIGNED_TRAILER = Coding(signed=True, trailer=True)
KEY = b"signing key"
TRAILER = b"x-amz-checksum-crc32c:sOO8/Q==\r\n"


class NotSigned(Exception):
    """The verifier's own error."""


@dataclass
class Chain:
    """Chunk signatures as AWS chains them, in short: each covers the one before."""

    last: str = "seed"
    checked: list[str] = field(default_factory=list)

    def sign(self, kind: str, sha256_hex: str) -> str:
        text = f"{kind}\n{self.last}\n{sha256_hex}"
        self.last = hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()
        return self.last

    def check(self, chunk_sha256_hex: str, signature: str) -> None:
        self._compare("chunk", chunk_sha256_hex, signature)

    def check_trailer(self, trailer_sha256_hex: str, signature: str) -> None:
        self._compare("trailer", trailer_sha256_hex, signature)

    def _compare(self, kind: str, sha256_hex: str, signature: str) -> None:
        if self.sign(kind, sha256_hex) != signature:
            raise NotSigned(kind)
        self.checked.append(kind)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def coded(chunks: list[bytes], coding: Coding, trailer: bytes = TRAILER) -> bytes:
    chain, body = Chain(), b""
    for chunk in [*chunks, b""]:
        header = b"%x" % len(chunk)
        if coding.signed:
            header += b";chunk-signature=" + chain.sign("chunk", sha(chunk)).encode()
        body += header + b"\r\n" + chunk + (b"\r\n" if chunk else b"")
    if coding.trailer:
        body += trailer
        if coding.signed:
            signature = chain.sign("trailer", sha(trailer.replace(b"\r\n", b"\n")))
            body += b"x-amz-trailer-signature:" + signature.encode() + b"\r\n"
    return body + b"\r\n"


def decode(body: bytes, coding: Coding, length: int, pieces: list[int]) -> tuple[bytes, dict[str, str]]:
    decoder = ChunkedDecoder(coding=coding, plain_length=length, verifier=Chain())
    plain, at = b"", 0
    for piece in [*pieces, len(body)]:
        plain += b"".join(decoder.feed(body[at : at + piece]))
        at += piece
    return plain, decoder.finish()


@pytest.mark.parametrize("coding", [PLAIN, SIGNED, SIGNED_TRAILER])
@pytest.mark.parametrize("chunks", [[], [b"a"], [b"a" * 66, b"b" * 300, b"\r\n0\r\n\r\n"]])
@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 65, 10_000])
def test_every_split_gives_the_same_bytes(coding: Coding, chunks: list[bytes], step: int) -> None:
    body, plain = coded(chunks, coding), b"".join(chunks)
    expected = {"x-amz-checksum-crc32c": "sOO8/Q=="} if coding.trailer else {}

    assert decode(body, coding, len(plain), [step] * (len(body) // step)) == (plain, expected)


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=200), max_size=5),
    pieces=st.lists(st.integers(0, 100), max_size=40),
    coding=st.sampled_from([PLAIN, SIGNED, SIGNED_TRAILER]),
)
def test_any_chunks_in_any_pieces(chunks: list[bytes], pieces: list[int], coding: Coding) -> None:
    plain = b"".join(chunks)

    assert decode(coded(chunks, coding), coding, len(plain), pieces)[0] == plain


def outcome(body: bytes, coding: Coding, length: int, pieces: list[int]) -> object:
    try:
        return decode(body, coding, length, pieces)
    except S3Error as error:
        return error.code
    except NotSigned as error:
        return str(error)


@given(
    at=st.integers(0, 10**6),
    byte=st.integers(0, 255),
    step=st.integers(1, 40),
    coding=st.sampled_from([PLAIN, SIGNED, SIGNED_TRAILER]),
)
def test_damage_is_the_same_damage_however_it_arrives(at: int, byte: int, step: int, coding: Coding) -> None:
    """The way the network cuts a body must not decide whether it is accepted."""
    body = bytearray(coded([b"a" * 40, b"b" * 17], coding))
    body[at % len(body)] = byte
    damaged = bytes(body)

    assert outcome(damaged, coding, 57, []) == outcome(damaged, coding, 57, [step] * len(damaged))


@pytest.mark.parametrize("coding", [SIGNED, SIGNED_TRAILER])
def test_no_byte_of_a_signed_body_can_change(coding: Coding) -> None:
    """But for the letter case of a length and of a trailer's name, which mean the same."""
    chunks = [b"a" * 11, b"b" * 10]
    body = coded(chunks, coding)
    for at in range(len(body)):
        damaged = bytearray(body)
        damaged[at] ^= 1
        result = outcome(bytes(damaged), coding, 21, [])
        assert isinstance(result, str), f"byte {at} changed unseen"


@pytest.mark.parametrize("coding", [PLAIN, SIGNED, SIGNED_TRAILER])
def test_a_body_that_is_cut_anywhere_is_incomplete(coding: Coding) -> None:
    body = coded([b"a" * 11, b"b" * 10], coding)
    for end in range(len(body)):
        assert outcome(body[:end], coding, 21, []) in {"IncompleteBody", "MalformedTrailerError"}


@pytest.mark.parametrize("length", [0, 20, 22])
def test_the_length_must_be_the_declared_one(length: int) -> None:
    assert outcome(coded([b"a" * 11, b"b" * 10], PLAIN), PLAIN, length, []) == "IncompleteBody"


def test_no_byte_past_the_declared_length_comes_out() -> None:
    """The chunk is refused at its header: what is sealed behind has room for the declared bytes only."""
    decoder = ChunkedDecoder(coding=PLAIN, plain_length=5)
    with pytest.raises(S3Error) as caught:
        decoder.feed(b"6\r\n")

    assert caught.value.code == "IncompleteBody"


def test_every_chunk_and_the_trailers_are_proven() -> None:
    chain = Chain()
    decoder = ChunkedDecoder(coding=SIGNED_TRAILER, plain_length=3, verifier=chain)
    decoder.feed(coded([b"a", b"bc"], SIGNED_TRAILER))
    decoder.finish()

    assert chain.checked == ["chunk", "chunk", "chunk", "trailer"]


def test_a_wrong_signature_is_the_verifier_s_error() -> None:
    decoder = ChunkedDecoder(coding=SIGNED, plain_length=2, verifier=Chain())
    with pytest.raises(NotSigned):
        decoder.feed(coded([b"aa"], SIGNED).replace(b"\r\naa\r\n", b"\r\nab\r\n"))


def test_a_signed_coding_cannot_go_without_a_verifier() -> None:
    with pytest.raises(AssertionError):
        ChunkedDecoder(coding=SIGNED, plain_length=0)


def test_nothing_is_copied() -> None:
    """What comes out is a view of what went in."""
    data = bytearray(coded([b"a" * 100], PLAIN))
    (piece,) = ChunkedDecoder(coding=PLAIN, plain_length=100).feed(data)

    assert piece.obj is data


def test_boto_s_own_coding_is_read() -> None:
    """As botocore writes it: unsigned, with a CRC32 trailer."""
    plain = bytes(range(256)) * 20
    wrapper = AwsChunkedWrapper(  # type: ignore[no-untyped-call]  # botocore has no annotations
        io.BytesIO(plain), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=999
    )
    body = wrapper.read()  # type: ignore[no-untyped-call]  # the same
    got, trailers = decode(body, PLAIN, len(plain), [])

    assert got == plain
    assert list(trailers) == ["x-amz-checksum-crc32"]


@pytest.mark.parametrize(
    "tail",
    [
        b"x-amz-checksum-crc32c:sOO8/Q==\n\r\n\r\n",
        b"x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n",
        b"X-Amz-Checksum-Crc32c: sOO8/Q== \r\n\r\n",
    ],
)
def test_trailers_as_sdks_end_them(tail: bytes) -> None:
    """Some write a bare line feed, and then two line ends."""
    assert decode(b"0\r\n" + tail, PLAIN, 0, [])[1] == {"x-amz-checksum-crc32c": "sOO8/Q=="}


def test_an_empty_line_before_the_trailer_signature_is_read() -> None:
    """So one widely used SDK writes it."""
    body = coded([b"a"], SIGNED_TRAILER).replace(TRAILER, TRAILER.replace(b"\r\n", b"\n\r\n"))

    assert decode(body, SIGNED_TRAILER, 1, [])[0] == b"a"


@pytest.mark.parametrize(
    ("coding", "body", "code"),
    [
        (PLAIN, b"zz\r\n", "InvalidRequest"),
        (PLAIN, b"-1\r\n", "InvalidRequest"),
        (PLAIN, b"\r\n", "InvalidRequest"),
        (PLAIN, b"0x1\r\n", "InvalidRequest"),
        (PLAIN, b"1\n", "InvalidRequest"),
        (PLAIN, b"1;chunk-signature=" + b"a" * 64 + b"\r\n", "InvalidRequest"),
        (PLAIN, b"0" * 300, "InvalidRequest"),
        (PLAIN, b"1" * 17 + b"\r\n", "InvalidRequest"),
        (PLAIN, b"6\r\n", "IncompleteBody"),
        (PLAIN, b"1\r\nab\r\n", "InvalidRequest"),
        (PLAIN, b"1\r\na\n", "InvalidRequest"),
        (SIGNED, b"1\r\n", "InvalidRequest"),
        (SIGNED, b"1;chunk-signature=abc\r\n", "InvalidRequest"),
        (SIGNED, b"1;chunk-signature=" + b"A" * 64 + b"\r\n", "InvalidRequest"),
        (PLAIN, b"5\r\nabcde\r\n0\r\n", "MalformedTrailerError"),
        (PLAIN, b"5\r\nabcde\r\n0\r\na:b\r\n", "MalformedTrailerError"),
        (PLAIN, b"5\r\nabcde\r\n0\r\nab\r\n\r\n", "MalformedTrailerError"),
        (PLAIN, b"5\r\nabcde\r\n0\r\n:b\r\n\r\n", "MalformedTrailerError"),
        (PLAIN, b"5\r\nabcde\r\n0\r\na:b\r\na:c\r\n\r\n", "MalformedTrailerError"),
        (PLAIN, b"5\r\nabcde\r\n0\r\na:\xff\r\n\r\n", "MalformedTrailerError"),
        (PLAIN, b"5\r\nabcde\r\n0\r\na:b\r\n\r\nGET", "MalformedTrailerError"),
        (PLAIN, b"5\r\nabcde\r\n0\r\nx-amz-trailer-signature:a\r\n\r\n", "MalformedTrailerError"),
        (PLAIN, b"5\r\nabcde\r\n0\r\n" + b"a" * (MAX_TRAILERS + 1), "MalformedTrailerError"),
    ],
)
def test_malformed_bodies(coding: Coding, body: bytes, code: str) -> None:
    assert outcome(body, coding, 5, []) == code
    assert outcome(body, coding, 5, [1] * len(body)) == code


def test_a_signed_trailer_needs_its_signature() -> None:
    body = coded([], SIGNED_TRAILER)
    unsigned = body[: body.index(b"x-amz-trailer-signature")] + b"\r\n"

    assert outcome(unsigned, SIGNED_TRAILER, 0, []) == "MalformedTrailerError"


def test_without_trailers_nothing_may_follow() -> None:
    assert outcome(coded([], SIGNED) + b"x", SIGNED, 0, []) == "IncompleteBody"


def test_no_trailer_at_all_is_told_as_it_is() -> None:
    """Whether one was announced is for the claims to say."""
    assert decode(b"0\r\n\r\n", PLAIN, 0, [])[1] == {}


@pytest.mark.parametrize("value", CODINGS)
def test_the_payload_header_names_the_coding(value: str) -> None:
    coding = coding_of({"x-amz-content-sha256": value})

    assert coding is CODINGS[value]
    assert coding.trailer is value.endswith("TRAILER")
    assert coding.signed is ("UNSIGNED" not in value)


@pytest.mark.parametrize("value", ["UNSIGNED-PAYLOAD", "a" * 64])
def test_other_payloads_are_plain(value: str) -> None:
    assert coding_of({"x-amz-content-sha256": value}) is None
    assert coding_of({}) is None


@pytest.mark.parametrize("value", ["STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-"])
def test_sigv4a_and_unknown_codings_are_refused(value: str) -> None:
    with pytest.raises(S3Error) as caught:
        coding_of({"x-amz-content-sha256": value})

    assert caught.value.code == "NotImplemented"


@pytest.mark.parametrize("value", ["-1", "", "1 ", "1e3", "9" * 19, "\u0661"])
def test_the_decoded_length_is_a_number(value: str) -> None:
    with pytest.raises(S3Error) as caught:
        decoded_length({"x-amz-decoded-content-length": value})

    assert caught.value.code == "InvalidArgument"


def test_the_decoded_length_is_required() -> None:
    assert decoded_length({"x-amz-decoded-content-length": "12"}) == 12
    with pytest.raises(S3Error) as caught:
        decoded_length({})
    assert (caught.value.code, caught.value.status) == ("MissingContentLength", 411)
