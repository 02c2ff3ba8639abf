"""The aws-chunked coding: chunks, their signatures and the trailers, undone.

Fed the body in any pieces; gives views of the very bytes it was fed, no copies. A chunk's bytes come out
before its signature is proven: whoever passes them on must hold back the end of what it makes of them until
`finish` has returned. Amazon's "Transferring Payload in Multiple Chunks" and "Trailing headers" are the
source. Lines are bounded; every split of the input gives the same bytes, or an error of the same code.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from proxy.s3.errors import S3Error

MAX_CHUNK_HEADER = 256
MAX_TRAILERS = 4096
_TRAILER_SIGNATURE = "x-amz-trailer-signature"
_SIGNED_HEADER = re.compile(rb"([0-9A-Fa-f]{1,16});chunk-signature=([0-9a-f]{64})")
_UNSIGNED_HEADER = re.compile(rb"([0-9A-Fa-f]{1,16})")

_TRAILER = re.compile(r"([A-Za-z0-9-]+):([\t\x20-\x7e]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """A form of the coding."""

    signed: bool
    trailer: bool


# By the value of x-amz-content-sha256.
CODINGS = {
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": Coding(signed=True, trailer=False),
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": Coding(signed=True, trailer=True),
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": Coding(signed=False, trailer=True),
}


class ChunkVerifier(Protocol):
    """Proves chunk signatures, each of which rests on the one before it.

    What does not hold is raised, as an error of the verifier's own, which passes through the decoder.
    """

    def check(self, chunk_sha256_hex: str, signature: str) -> None:
        """The next chunk, in order; the empty last one is a chunk too."""

    def check_trailer(self, trailer_sha256_hex: str, signature: str) -> None:
        """The trailers, after the last chunk."""


class _State(Enum):
    HEADER = auto()
    DATA = auto()
    DATA_END = auto()
    TAIL = auto()
    """Behind the header of the empty chunk: trailers, and the end."""


def coding_of(headers: Mapping[str, str]) -> Coding | None:
    """How the body is coded; None where it is plain. NotImplemented for SigV4A's and unknown codings."""
    payload = headers.get("x-amz-content-sha256", "")
    if not payload.startswith("STREAMING-"):
        return None
    coding = CODINGS.get(payload)
    if coding is None:
        raise S3Error("NotImplemented", f"{payload} is not implemented.")
    return coding


def decoded_length(headers: Mapping[str, str]) -> int:
    """Plaintext bytes that a coded body declares; MissingContentLength or InvalidArgument without it."""
    value = headers.get("x-amz-decoded-content-length")
    if value is None:
        raise S3Error("MissingContentLength", "You must provide the x-amz-decoded-content-length header.")
    if not re.fullmatch("[0-9]{1,18}", value):
        raise S3Error("InvalidArgument", ArgumentName="x-amz-decoded-content-length")
    return int(value)


class ChunkedDecoder:
    """`feed` every byte of the body, then `finish`. After an error it is of no further use."""

    def __init__(self, *, coding: Coding, plain_length: int, verifier: ChunkVerifier | None = None) -> None:
        """A signed coding needs its verifier."""
        if coding.signed and verifier is None:
            raise AssertionError("a signed coding without a verifier")
        self._trailer = coding.trailer
        self._verifier = verifier if coding.signed else None
        self._header = _SIGNED_HEADER if coding.signed else _UNSIGNED_HEADER
        self._left = plain_length
        self._state = _State.HEADER
        self._line = bytearray()
        self._in_chunk = 0
        self._signature = ""
        self._sha256 = hashlib.sha256()

    def feed(self, data: bytes | bytearray | memoryview) -> list[memoryview]:
        """The plaintext in data, as views of it: they live as long as data stays unchanged."""
        view = memoryview(data)
        plain: list[memoryview] = []
        at, end = 0, len(view)
        while at < end:
            if self._state is _State.DATA:
                piece = view[at : at + self._in_chunk]
                self._take(piece)
                plain.append(piece)
                at += len(piece)
            elif self._state is _State.TAIL:
                self._append(view[at:], bound=MAX_TRAILERS, code="MalformedTrailerError")
                break
            else:
                at = self._read_line(view, at)
        return plain

    def finish(self) -> dict[str, str]:
        """The trailers, names in lower case, once the body has ended and every signature is proven.

        Raises S3Error IncompleteBody or MalformedTrailerError, or the verifier's error.
        """
        if self._state is not _State.TAIL or self._left:
            raise S3Error("IncompleteBody")
        if not self._trailer:
            if self._line != b"\r\n":
                raise S3Error("IncompleteBody", "The body does not end as its coding asks.")
            return {}
        trailers = _trailers(bytes(self._line))
        if self._verifier is not None:
            self._prove_trailers(self._verifier, trailers)
        elif _TRAILER_SIGNATURE in trailers:
            raise S3Error("MalformedTrailerError")
        return trailers

    def _take(self, piece: memoryview) -> None:
        if self._verifier is not None:
            self._sha256.update(piece)
        self._in_chunk -= len(piece)
        self._left -= len(piece)
        if not self._in_chunk:
            self._state = _State.DATA_END

    def _read_line(self, view: memoryview, at: int) -> int:
        """Gather one line from `at` on; where the reading goes on."""
        bound = MAX_CHUNK_HEADER if self._state is _State.HEADER else len(b"\r\n")
        piece = bytes(view[at : at + bound + 2])
        newline = piece.find(b"\n")
        if newline >= 0:
            piece = piece[: newline + 1]
        self._append(piece, bound=bound, code="InvalidRequest")
        if newline >= 0:
            self._end_line()
        return at + len(piece)

    def _append(self, piece: bytes | memoryview, *, bound: int, code: str) -> None:
        self._line += piece
        if len(self._line) > bound:
            raise S3Error(code, "The body is not coded as it declares.")

    def _end_line(self) -> None:
        line = bytes(self._line)
        self._line.clear()
        if not line.endswith(b"\r\n"):
            raise S3Error("InvalidRequest", "The body is not coded as it declares.")
        if self._state is _State.DATA_END:  # the bound leaves room for nothing else
            self._prove_chunk()
            self._state = _State.HEADER
        else:
            self._begin_chunk(line[:-2])

    def _begin_chunk(self, line: bytes) -> None:
        found = self._header.fullmatch(line)
        if found is None:
            raise S3Error("InvalidRequest", "A chunk's header is malformed.")
        self._in_chunk = int(found[1], 16)
        if self._in_chunk > self._left:
            raise S3Error("IncompleteBody", "The body is longer than x-amz-decoded-content-length.")
        self._signature = found[2].decode() if self._verifier is not None else ""
        if self._in_chunk:
            self._state = _State.DATA
            return
        self._prove_chunk()
        self._state = _State.TAIL

    def _prove_chunk(self) -> None:
        if self._verifier is None:
            return
        self._verifier.check(self._sha256.hexdigest(), self._signature)
        self._sha256 = hashlib.sha256()

    def _prove_trailers(self, verifier: ChunkVerifier, trailers: dict[str, str]) -> None:
        signature = trailers.pop(_TRAILER_SIGNATURE, "")
        if not re.fullmatch("[0-9a-f]{64}", signature):
            raise S3Error("MalformedTrailerError", "The trailers are not signed.")
        signed = "".join(f"{name}:{value}\n" for name, value in trailers.items())
        verifier.check_trailer(hashlib.sha256(signed.encode()).hexdigest(), signature)


def _trailers(section: bytes) -> dict[str, str]:
    """The lines `name:value` up to the empty one.

    Some SDKs end a trailer with a bare line feed and put an empty line before the signature; as the
    section's end is the body's, that is read without doubt.
    """
    try:
        text = section.decode("ascii")
    except UnicodeDecodeError as error:
        raise S3Error("MalformedTrailerError") from error
    if not text.endswith("\r\n") or (text != "\r\n" and not text.endswith(("\n\r\n", "\r\n\r\n"))):
        raise S3Error("MalformedTrailerError")
    trailers: dict[str, str] = {}
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            continue
        found = _TRAILER.fullmatch(line)
        name = found[1].lower() if found else ""
        if found is None or name in trailers or _TRAILER_SIGNATURE in trailers:
            raise S3Error("MalformedTrailerError")
        trailers[name] = found[2].strip()
    return trailers
