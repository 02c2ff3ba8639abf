"""Reads a body: first what stands behind the runs, then segment after segment (docs/FORMAT.md, "The body").

The tail has at most 960,000 bytes, and all of it is checked before any plaintext leaves.
Segments are read one at a time and leave only when their tag is good, so memory stays small too.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from recovery.envelope import Envelope
from recovery.errors import SegmentDamaged, TailDamaged, WrongSize
from recovery.index import Index, Part, open_index
from recovery.keys import OUTER_RUN, RUN, index_key, open_gcm, run_key
from recovery.sizes import OVERHEAD, RUN_ID, SEALED_SEGMENT, SEGMENT, plain_size, run_size, segment_count
from recovery.unlock import ContentKeys

FOOTER = 8
MARK = b"SGB1"
SMALLEST_INDEX = 38
SMALLEST_MULTIPART_INDEX = 42


class Body:
    """A sealed body that can be read at any place; `size` is its length when it was opened."""

    def __init__(self, source: bytes | BinaryIO) -> None:
        self._file = io.BytesIO(source) if isinstance(source, bytes) else source
        self.size = self._file.seek(0, io.SEEK_END)

    def read(self, at: int, count: int) -> bytes:
        """Exactly `count` bytes from `at` on. Raises WrongSize where the file ends before."""
        self._file.seek(at)
        data = b""
        while len(data) < count:
            more = self._file.read(count - len(data))
            if not more:
                raise WrongSize(
                    f"the body ends at byte {at + len(data)}; it had {self.size} bytes when it was opened"
                )
            data += more
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a body holds: runs in order, and what its index says of it."""

    plain_size: int
    runs: tuple[Part, ...]
    index: Index


def read_layout(body: Body, envelope: Envelope, keys: ContentKeys) -> Layout:
    """Checks everything but the segments. The envelope's seal must be good.

    Raises WrongSize where lengths do not fit together, TailDamaged for zero bytes, index and footer.
    """
    plain = plain_size(body.size)
    if envelope.plain_size not in {None, plain}:
        raise WrongSize(f"the body has room for {plain} bytes; its header speaks of {envelope.plain_size}")
    index_size = _index_size(body, plain, multipart=envelope.flags.multipart)
    tail_at = body.size - FOOTER - index_size
    index = Index()
    if index_size:
        sealed_index = body.read(tail_at, index_size)
        index = open_index(sealed_index, index_key(keys.inner), multipart=envelope.flags.multipart)
    runs = index.parts or (Part(number=0, plain_size=plain),)
    together = sum(part.plain_size for part in runs)
    if together != plain:
        raise WrongSize(f"the body has room for {plain} bytes; the parts of its index have {together}")
    _check_zeros(body, sum(run_size(part.plain_size) for part in runs), tail_at)
    return Layout(plain_size=plain, runs=runs, index=index)


def open_segments(body: Body, layout: Layout, keys: ContentKeys) -> Iterator[bytes]:
    """The plaintext, segment by segment; each is verified before it leaves, and the end by its last segment.

    Raises SegmentDamaged at the first segment that does not open in its place, WrongSize if the file shrank.
    """
    run_at = 0
    for part in layout.runs:
        yield from _open_run(body, run_at, part, keys)
        run_at += run_size(part.plain_size)


def _index_size(body: Body, plain: int, *, multipart: bool) -> int:
    footer = body.read(body.size - FOOTER, FOOTER)
    size, mark = int.from_bytes(footer[:4], "big"), footer[4:]
    if mark != MARK:
        raise TailDamaged("the body does not end in SGB1")
    if size == 0 and not multipart:
        return 0
    # However the plaintext was cut into parts, its runs take at least run(P) bytes.
    if (
        not (SMALLEST_MULTIPART_INDEX if multipart else SMALLEST_INDEX)
        <= size
        <= body.size - FOOTER - run_size(plain)
    ):
        raise TailDamaged(f"the index cannot have {size} bytes here")
    return size


def _check_zeros(body: Body, begin: int, end: int) -> None:
    if begin > end:
        raise TailDamaged("the runs and the index do not fit into the body together")
    for at in range(begin, end, SEGMENT):
        if any(body.read(at, min(SEGMENT, end - at))):
            raise TailDamaged("a byte between the runs and the index is not zero")


def _open_run(body: Body, run_at: int, part: Part, keys: ContentKeys) -> Iterator[bytes]:
    """One run. The id in its first segment must stand in all others and, where known, in the index."""
    count = segment_count(part.plain_size)
    run_id = body.read(run_at, RUN_ID)
    if part.run_id not in {None, run_id}:
        raise SegmentDamaged("its run id is not the one in the index", part=part.number, segment=0)
    key = run_key(keys.inner, RUN, part.number, run_id)
    outer_key = run_key(keys.outer, OUTER_RUN, part.number, run_id) if keys.outer else None
    for number in range(count):
        plain_at = number * SEGMENT
        size = min(SEGMENT, part.plain_size - plain_at) + OVERHEAD
        segment = body.read(run_at + number * SEALED_SEGMENT, size)
        if segment[:RUN_ID] != run_id:
            raise SegmentDamaged("its run id is not that of the run", part=part.number, segment=number)
        sealed = segment[RUN_ID:]
        if outer_key is not None:
            sealed = _without_outer_layer(outer_key, number, sealed)
        try:
            plain = open_gcm(key, _nonce(number, last=number == count - 1), sealed)
        except InvalidTag as exc:
            raise SegmentDamaged("its tag is not good", part=part.number, segment=number) from exc
        yield plain


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(8, "big") + bytes(3) + bytes([last])


def _without_outer_layer(key: bytes, number: int, sealed: bytes) -> bytes:
    first_counter_block = number.to_bytes(8, "big") + bytes(8)
    return Cipher(AES(key), CTR(first_counter_block)).decryptor().update(sealed)
