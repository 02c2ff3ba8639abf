"""A body with its checksum behind it, in the coding that S3 calls aws-chunked, unsigned.

Fed the body in any pieces, returns pieces of the coding: chunks of one size, as Amazon's SDKs send them, so
that the length is known before the first byte. It has no Content-Encoding: SeaweedFS would keep that as the
object's, and what names the coding is the payload hash (minio-go sends none either).
"""

from collections.abc import Iterator

from proxy.upstream.integrity import ALGORITHM, CHECKSUM_HEADER, Body, crc32c, told

CHUNK_BYTES = 1 << 20
_END = b"0\r\n" + CHECKSUM_HEADER.encode() + b":"
_END_BYTES = len(_END) + len(told(0)) + 4


class TrailedBody:
    """One body of `length` bytes: `feed` all of it, in order, then `finish`."""

    __slots__ = ("_crc", "_in_chunk", "_left", "length")

    def __init__(self, length: int) -> None:
        self.length = length
        self._left = length
        self._in_chunk = 0
        """Bytes that the chunk at hand still waits for."""
        self._crc = 0

    @property
    def coded_length(self) -> int:
        whole, rest = divmod(self.length, CHUNK_BYTES)
        return whole * _chunk_size(CHUNK_BYTES) + (_chunk_size(rest) if rest else 0) + _END_BYTES

    def headers(self) -> dict[str, str]:
        return {
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": str(self.length),
            "x-amz-trailer": CHECKSUM_HEADER,
            **ALGORITHM,
        }

    def feed(self, data: Body) -> Iterator[Body]:
        """Pieces that view data. AssertionError past the declared length."""
        if len(data) > self._left:
            raise AssertionError("more bytes than were declared")
        self._crc = crc32c(data, self._crc)
        view = memoryview(data)
        while view:
            if not self._in_chunk:
                self._in_chunk = min(CHUNK_BYTES, self._left)
                yield b"%x\r\n" % self._in_chunk
            piece, view = view[: self._in_chunk], view[self._in_chunk :]
            self._in_chunk -= len(piece)
            self._left -= len(piece)
            yield piece
            if not self._in_chunk:
                yield b"\r\n"

    def finish(self) -> bytes:
        """The end, with the checksum. AssertionError before all of the body was fed."""
        if self._left:
            raise AssertionError("fewer bytes than were declared")
        return _END + told(self._crc).encode() + b"\r\n\r\n"


def _chunk_size(size: int) -> int:
    return len(b"%x\r\n" % size) + size + 2
