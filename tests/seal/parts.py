"""Opens a multipart body by the page's rules and the parts of this room: index first, then each part's run.

The room has no opener of several parts yet; until it has, this one tries that what it has fits together.
"""

from proxy.seal.errors import TamperedBody
from proxy.seal.geometry import SEALED_SEGMENT, SEGMENT, run_size, segment_count, tail_size
from proxy.seal.index import Index, open_index
from proxy.seal.keys import index_key
from proxy.seal.segments import RUN_ID, Run
from proxy.seal.tail import FOOTER, index_length, sealed_index


def opened_parts(
    body: bytes, *, content_key: bytes, plain_length: int, outer_content_key: bytes | None
) -> tuple[bytes, Index]:
    """The plaintext and the index. `plain_length` follows from the body's size. Raises TamperedBody."""
    room = tail_size(plain_length) - FOOTER
    length = index_length(body[-FOOTER:], room=room, multipart=True)
    tail_end = len(body) - FOOTER
    index = open_index(body[tail_end - length : tail_end], index_key=index_key(content_key), multipart=True)
    if sum(part.plain_length for part in index.parts) != plain_length:
        raise TamperedBody("sum of the parts")
    runs_end = sum(run_size(part.plain_length) for part in index.parts)
    if runs_end > tail_end - length:
        raise TamperedBody("room for the index")
    sealed_index(body[runs_end:], multipart=True)  # the zero bytes
    plain, start = b"", 0
    for at, part in enumerate(index.parts):
        end = start + run_size(part.plain_length)
        known = index.run_ids[at] if index.run_ids else None
        run = Run(
            content_key=content_key,
            run_id=known or body[start : start + RUN_ID],
            part=part.number,
            outer_content_key=outer_content_key,
        )
        plain += _opened_run(run, body[start:end], part.plain_length)
        start = end
    return plain, index


def _opened_run(run: Run, sealed: bytes, plain_length: int) -> bytes:
    plain, segments = memoryview(bytearray(plain_length)), segment_count(plain_length)
    view = memoryview(bytearray(sealed))
    for index in range(segments):
        run.open(
            view[index * SEALED_SEGMENT : (index + 1) * SEALED_SEGMENT],
            plain[index * SEGMENT : (index + 1) * SEGMENT],
            index=index,
            last=index == segments - 1,
        )
    return bytes(plain)
