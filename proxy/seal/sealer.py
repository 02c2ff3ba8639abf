"""Seals the plaintext of a single-part object, or of one part, whose length is known from the start.

Fed plaintext in pieces of any size, it gives out whole segments and always holds the final one back, so that
nothing complete reaches a store before the caller has checked every claim about the plaintext. Whole
segments are sealed straight from what was fed; only pieces are copied, and those are sealed where they lie.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from proxy.seal.errors import WrongLength
from proxy.seal.geometry import (
    OVERHEAD,
    SEALED_SEGMENT,
    SEGMENT,
    run_size,
    sealed_size,
    segment_count,
    tail_size,
)
from proxy.seal.segments import RUN_ID, Run
from proxy.seal.tail import write_tail

GROUP = 8
"""Segments that are given out at once, at most."""
_NONE: Mapping[int, bytes] = MappingProxyType({})


class Sealer:
    """One attempt to send a body, or a part's run. `run_id` is random and never used again.

    `part` is 0 in a single-part object.

    Not for concurrent use. Every view that it gives out is valid until the next call or the next item only.
    """

    def __init__(
        self,
        *,
        content_key: bytes,
        run_id: bytes,
        plain_length: int,
        outer_content_key: bytes | None = None,
        part: int = 0,
    ) -> None:
        self._run = Run(
            content_key=content_key, run_id=run_id, part=part, outer_content_key=outer_content_key
        )
        self._content_key = content_key
        self._plain_length = plain_length
        self._tail_length = 0 if part else tail_size(plain_length)
        self.sealed_length = run_size(plain_length) + self._tail_length
        """Bytes that all views together hold: a body's for a single-part object, a run's for a part."""
        self._final = segment_count(plain_length) - 1
        final_end = run_size(plain_length) - self._final * SEALED_SEGMENT + self._tail_length
        self._sealed = memoryview(bytearray(max(min(GROUP, self._final) * SEALED_SEGMENT, final_end)))
        self._fed = 0
        self._next = 0  # index of the next segment to seal
        self._ready = 0  # sealed segments at the buffer's start
        self._staged = 0  # plaintext bytes waiting in the buffer's first segment; only while nothing is ready
        self._finished = False

    def feed(self, plain: bytes | bytearray | memoryview) -> Iterator[memoryview]:
        """Seal more, and give out what is complete, at most GROUP segments at a time.

        Exhaust the iterator before the next call. Raises WrongLength at more than the declared bytes.
        """
        with memoryview(plain) as view:
            place, end = 0, len(view)
            self._fed += end
            if self._fed > self._plain_length:
                raise WrongLength(declared=self._plain_length, fed=self._fed)
            while place < end:
                if self._staged or end - place < SEGMENT or self._next == self._final:
                    if self._ready:
                        yield self._take()
                    place += self._stage(view[place : place + SEGMENT - self._staged])
                else:
                    self._seal(view[place : place + SEGMENT])
                    place += SEGMENT
                if self._ready == GROUP:
                    yield self._take()
            if self._ready:
                yield self._take()

    def finish(self, checksums: Mapping[int, bytes] = _NONE) -> memoryview:
        """The final segment and the tail, to be called once, when everything about the plaintext is verified.

        `checksums` go into the index, if they fit; those of the envelope need not be repeated. Raises
        WrongLength at fewer than the declared bytes; a part has no tail and takes no checksums.
        """
        if self._fed != self._plain_length:
            raise WrongLength(declared=self._plain_length, fed=self._fed)
        if self._finished:  # sealing the buffer again would use a nonce twice
            raise AssertionError
        self._finished = True
        run_end = self._staged + OVERHEAD
        final = self._sealed[:run_end]
        self._run.seal(final[RUN_ID : RUN_ID + self._staged], final, index=self._final, last=True)
        if self._tail_length:
            tail = self._sealed[run_end : run_end + self._tail_length]
            write_tail(tail, content_key=self._content_key, checksums=checksums)
        return self._sealed[: run_end + self._tail_length]

    def _stage(self, piece: memoryview) -> int:
        start = RUN_ID + self._staged
        self._sealed[start : start + len(piece)] = piece
        self._staged += len(piece)
        if self._staged == SEGMENT and self._next < self._final:
            self._staged = 0
            self._seal(self._sealed[RUN_ID : RUN_ID + SEGMENT])
        return len(piece)

    def _seal(self, plain: memoryview) -> None:
        start = self._ready * SEALED_SEGMENT
        self._run.seal(plain, self._sealed[start : start + SEALED_SEGMENT], index=self._next, last=False)
        self._next += 1
        self._ready += 1

    def _take(self) -> memoryview:
        end = self._ready * SEALED_SEGMENT
        self._ready = 0
        return self._sealed[:end]


def seal_body(
    plain: bytes | bytearray | memoryview,
    *,
    content_key: bytes,
    run_id: bytes,
    outer_content_key: bytes | None = None,
    checksums: Mapping[int, bytes] = _NONE,
) -> bytearray:
    """The whole body of a single-part object whose plaintext is held and already verified."""
    run = Run(content_key=content_key, run_id=run_id, outer_content_key=outer_content_key)
    body = bytearray(sealed_size(len(plain)))
    with memoryview(plain) as view, memoryview(body) as sealed:
        run_end = _seal_run(run, view, sealed)
        write_tail(sealed[run_end:], content_key=content_key, checksums=checksums)
    return body


def seal_part(
    plain: bytes | bytearray | memoryview,
    *,
    content_key: bytes,
    run_id: bytes,
    part: int,
    outer_content_key: bytes | None = None,
) -> bytearray:
    """The run of a part whose plaintext is held and already verified."""
    run = Run(content_key=content_key, run_id=run_id, part=part, outer_content_key=outer_content_key)
    body = bytearray(run_size(len(plain)))
    with memoryview(plain) as view, memoryview(body) as sealed:
        _seal_run(run, view, sealed)
    return body


def _seal_run(run: Run, plain: memoryview, sealed: memoryview) -> int:
    """Where the run ends in `sealed`."""
    final = segment_count(len(plain)) - 1
    for index in range(final):
        piece = plain[index * SEGMENT : (index + 1) * SEGMENT]
        start = index * SEALED_SEGMENT
        run.seal(piece, sealed[start : start + SEALED_SEGMENT], index=index, last=False)
    run_end = run_size(len(plain))
    run.seal(plain[final * SEGMENT :], sealed[final * SEALED_SEGMENT : run_end], index=final, last=True)
    return run_end
