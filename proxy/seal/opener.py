"""Opens one contiguous window of a single-part body, group by group, in buffers of its own.

The caller fills what is wanted, then takes the plaintext: no byte of it comes out before the tags of its
whole group were checked, nor the end of the object before its tail was. The buffers are as large as the
largest group that this window needs. Knows nothing of HTTP or of where keys come from.
"""

from proxy.seal.errors import TamperedBody
from proxy.seal.geometry import (
    OVERHEAD,
    SEALED_SEGMENT,
    SEGMENT,
    Window,
    run_size,
    sealed_size,
    segment_count,
    tail_size,
)
from proxy.seal.segments import RUN_ID, Run
from proxy.seal.tail import tail_checksums

GROUP = 8
"""Segments that are opened at once, at most."""


class Opener:
    """Opens what the store answers for `window`, as far as the plaintext byte `plain_last`, inclusive.

    `plain_length` is the envelope's, and the body's size was found to agree with it. `plain_last` lies in the
    window and before plain_length; it is -1 for an empty object.

    All that the answer holds is wanted, the tail too, where the answer reaches it; with read_tail=False the
    bytes behind the last segment are not, and the caller drops them. A whole tail is checked, an incomplete
    one passes.

        while sealed := opener.wanted():
            ...fill all of sealed...
            ...send opener.open()...

    Not for concurrent use. Views are valid until the next call only.
    """

    def __init__(
        self,
        *,
        content_key: bytes,
        plain_length: int,
        window: Window,
        plain_last: int,
        outer_content_key: bytes | None = None,
        read_tail: bool = True,
    ) -> None:
        self._content_key = content_key
        self._outer_content_key = outer_content_key
        self._plain_length = plain_length
        self._plain_end = plain_last + 1
        self._skip = window.plain_skip
        self._final = segment_count(plain_length) - 1
        self._next = window.first_segment
        self._last = max(self._next, plain_last // SEGMENT)
        if self._last > self._final:
            raise ValueError(f"segment {self._last} of {self._final + 1}")
        self._behind = self._tail_bytes(window) if read_tail else 0
        segments = min(GROUP, self._last - self._next + 1)
        last_group = self._last - (self._last - self._next) % GROUP
        self._sealed = memoryview(bytearray(max(self._sealed_of(self._next), self._sealed_of(last_group))))
        self._plain = memoryview(bytearray(min(segments * SEGMENT, plain_length - self._next * SEGMENT)))
        self._run: Run | None = None
        self.checksums: dict[int, bytes] = {}
        """Those of the object's index, once the whole tail was read. The envelope has its own."""

    def wanted(self) -> memoryview:
        """What to fill next, wholly, with the answer's next bytes; empty when all is opened."""
        return self._sealed[: self._sealed_of(self._next)]

    def open(self) -> memoryview:
        """The plaintext of what was filled, cut to the range. Empty only for an empty object.

        Raises TamperedBody, and then nothing more can be opened; of this group, nothing was given out.
        """
        first, behind_last = self._next, min(self._next + GROUP, self._last + 1)
        self._next = self._last + 1  # until this group is proven there is no next
        try:
            self._open_segments(first, behind_last)
            self._check_tail(first, behind_last)
        except TamperedBody:
            # A view of the group before may still be about: it must not show unproven bytes.
            self._plain[:] = bytes(len(self._plain))
            raise
        self._next = behind_last
        start, self._skip = self._skip, 0
        return self._plain[start : self._plain_end - first * SEGMENT]

    def _open_segments(self, first: int, behind_last: int) -> None:
        if self._run is None:
            self._run = Run(
                content_key=self._content_key,
                run_id=bytes(self._sealed[:RUN_ID]),
                outer_content_key=self._outer_content_key,
            )
        end = run_size(self._plain_length) - first * SEALED_SEGMENT
        for index in range(first, behind_last):
            start = (index - first) * SEALED_SEGMENT
            sealed = self._sealed[start : min(start + SEALED_SEGMENT, end)]
            at = (index - first) * SEGMENT
            plain = self._plain[at : at + len(sealed) - OVERHEAD]
            self._run.open(sealed, plain, index=index, last=index == self._final)

    def _check_tail(self, first: int, behind_last: int) -> None:
        if behind_last > self._final and self._behind == tail_size(self._plain_length):
            start = run_size(self._plain_length) - first * SEALED_SEGMENT
            tail = self._sealed[start : start + self._behind]
            self.checksums = tail_checksums(
                tail, content_key=self._content_key, plain_length=self._plain_length
            )

    def _tail_bytes(self, window: Window) -> int:
        """How many bytes of the tail the answer holds, where it reaches the final segment."""
        whole = sealed_size(self._plain_length)
        end = whole if window.sealed_last is None else min(window.sealed_last + 1, whole)
        return end - run_size(self._plain_length)

    def _sealed_of(self, first: int) -> int:
        """Bytes of the group that begins with the segment `first`."""
        behind_last = min(first + GROUP, self._last + 1)
        if first >= behind_last:
            return 0
        if behind_last <= self._final:
            return (behind_last - first) * SEALED_SEGMENT
        return run_size(self._plain_length) - first * SEALED_SEGMENT + self._behind
