"""A body on its way to a store that takes none unsigned: aws-chunked, each chunk with its own signature.

The hash of a streamed body is known at its end, and the head would have to hold it. Amazon's "Signature
Calculations for the Authorization Header: Transferring Payload in Multiple Chunks" is the way around that
every store has: a chunk is held, hashed, signed and sent, and the length of it all is known ahead.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Protocol

CHUNK_BYTES = 65_536
"""Amazon wants 8 KiB at least in all but the last."""
_SIGNATURE = b";chunk-signature="
_LINE_END = b"\r\n"
_HEX = 64

Data = bytes | bytearray | memoryview


class Chain(Protocol):
    """What signs chunks (proxy.auth.sigv4.ChunkChain)."""

    def sign(self, chunk_sha256_hex: str) -> str:
        """The next one's signature."""


def coded_length(length: int) -> int:
    """Bytes on the wire of a body of that length."""
    full, rest = divmod(length, CHUNK_BYTES)
    return full * _coded(CHUNK_BYTES) + (_coded(rest) if rest else 0) + _coded(0)


def _coded(size: int) -> int:
    return len(b"%x" % size) + len(_SIGNATURE) + _HEX + size + 2 * len(_LINE_END)


class SignedChunks:
    """`feed` the whole body, then send what `finish` gives. Holds less than one chunk."""

    __slots__ = ("_chain", "_held")

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._held = bytearray()

    def feed(self, data: Data) -> Iterator[tuple[Data, ...]]:
        """The chunks that are whole now, in the parts that they are sent in; views of what was fed."""
        view, at = memoryview(data), 0
        if self._held:
            at = CHUNK_BYTES - len(self._held)
            self._held += view[:at]
            if len(self._held) < CHUNK_BYTES:
                return
            yield self._chunk(self._held)
            self._held = bytearray()
        while len(view) - at >= CHUNK_BYTES:
            yield self._chunk(view[at : at + CHUNK_BYTES])
            at += CHUNK_BYTES
        self._held += view[at:]

    def finish(self) -> tuple[Data, ...]:
        """What is left, and the empty chunk that is the end."""
        rest = self._chunk(self._held) if self._held else ()
        return (*rest, *self._chunk(b""))

    def _chunk(self, data: Data) -> tuple[Data, ...]:
        signature = self._chain.sign(sha256(data).hexdigest()).encode()
        return b"%x" % len(data) + _SIGNATURE + signature + _LINE_END, data, _LINE_END
