"""The end of a body: zero bytes, index, footer. docs/FORMAT.md, section "The body".

The footer is not sealed and not secret: it only says where the index begins. What matters is in the index,
which authenticates itself, and in the sizes, which must add up.
"""

from collections.abc import Mapping

from proxy.seal.checksums import CRC32, SIZES
from proxy.seal.errors import TamperedBody
from proxy.seal.geometry import run_size, sealed_size, tail_size
from proxy.seal.index import SMALLEST_INDEX, SMALLEST_MULTIPART_INDEX, Index, open_index, seal_index
from proxy.seal.keys import index_key

MARK = b"SGB1"
FOOTER = 8


def has_room_for(code: int, *, plain_length: int) -> bool:
    """Whether a body in one piece of that length can have this checksum behind it."""
    index = SMALLEST_INDEX - SIZES[CRC32] + SIZES[code]
    return index + FOOTER <= tail_size(plain_length)


def write_tail(tail: memoryview, *, content_key: bytes, checksums: Mapping[int, bytes]) -> None:
    """Fill the whole of `tail`, with an index where there are checksums and they fit."""
    index = b""
    if checksums:
        room = len(tail) - FOOTER
        index = seal_index(Index(checksums=checksums), index_key=index_key(content_key), room=room)
    _fill(tail, index)


def multipart_tail(index: Index, *, index_key: bytes) -> bytes:
    """What follows the runs of index.parts. Equal content gives equal bytes.

    Every part but the last must have SMALLEST_PART bytes at least, else there may be no room: ValueError.
    """
    plain = sum(part.plain_length for part in index.parts)
    length = sealed_size(plain) - sum(run_size(part.plain_length) for part in index.parts)
    sealed = seal_index(index, index_key=index_key, room=length - FOOTER)
    if not sealed:
        raise ValueError("the list of parts does not fit")
    tail = bytearray(length)
    _fill(memoryview(tail), sealed)
    return bytes(tail)


def _fill(tail: memoryview, index: bytes) -> None:
    end = index + len(index).to_bytes(4, "big") + MARK
    tail[: -len(end)] = bytes(len(tail) - len(end))
    tail[-len(end) :] = end


def index_length(footer: bytes, *, room: int, multipart: bool = False) -> int:
    """Bytes of the index before this footer, where at most `room` bytes can be; 0 where there is none.

    Of a body, `room` is its tail_size less FOOTER, whatever its parts. Raises TamperedBody for what no writer
    writes.
    """
    if footer[-4:] != MARK:
        raise TamperedBody("mark at the end")
    length = int.from_bytes(footer[:-4], "big")
    smallest = SMALLEST_MULTIPART_INDEX if multipart else SMALLEST_INDEX
    if length > room or (length < smallest and (multipart or length > 0)):
        raise TamperedBody("length of the index")
    return length


def sealed_index(tail: bytes | memoryview, *, multipart: bool = False) -> bytes:
    """The index in a tail, empty where there is none. The tail begins where the runs end.

    Raises TamperedBody where footer, length or zero bytes are wrong. The index itself is not opened.
    """
    held = bytes(tail)
    room = len(held) - FOOTER
    start = room - index_length(held[-FOOTER:], room=room, multipart=multipart)
    if held.count(0, 0, start) != start:
        raise TamperedBody("zero bytes")
    return held[start:room]


def tail_checksums(tail: bytes | memoryview, *, content_key: bytes, plain_length: int) -> dict[int, bytes]:
    """The checksums in the tail of a single-part body, none where it has no index.

    `tail` is the body from geometry.tail_first(plain_length) to its end. Raises TamperedBody.
    """
    if len(tail) != tail_size(plain_length):
        raise TamperedBody("size of the tail")
    sealed = sealed_index(tail)
    if not sealed:
        return {}
    return dict(open_index(sealed, index_key=index_key(content_key), multipart=False).checksums)
