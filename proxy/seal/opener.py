"""Opens one contiguous window of a body, group by group, in buffers of its own.

The caller fills what is wanted, then takes the plaintext: no byte of it comes out before the tags of its
whole group were checked, nor the end of the object before its tail was. A group is of neighbouring segments,
also across the border of two parts. The buffers are as large as the largest group that this window needs.
Knows nothing of HTTP or of where keys come from.
"""

from collections.abc import Mapping

from proxy.seal.errors import TamperedBody
from proxy.seal.geometry import OVERHEAD, SEALED_SEGMENT, SEGMENT, Window, sealed_size
from proxy.seal.layout import Layout, RunPlace
from proxy.seal.segments import RUN_ID, Run

GROUP = 8
"""Segments that are opened at once, at most."""
_NOTHING = memoryview(b"")


class Opener:
    """Opens what the store answers for `window`, as far as the plaintext byte `plain_last`, inclusive.

    The layout's length was found to agree with the body's size and, in a single-part body, with the
    envelope. `plain_last` lies in the window and before the layout's plain_length; it is right before the
    window's beginning where an empty object or an empty last part is read.

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
        layout: Layout,
        window: Window,
        plain_last: int,
        outer_content_key: bytes | None = None,
        read_tail: bool = True,
    ) -> None:
        self._content_key = content_key
        self._outer_content_key = outer_content_key
        self._layout = layout
        self._plain_end = plain_last + 1
        self._skip = window.plain_skip
        self._first = window.first_segment  # of the next group
        self._behind_last = 1 + max(self._first, layout.last_segment(plain_last))
        if self._behind_last > layout.segments:
            raise ValueError(f"segment {self._behind_last - 1} of {layout.segments}")
        self._behind = self._bytes_behind(window) if read_tail else 0
        self._run: tuple[RunPlace, Run]
        self._run_behind = 0  # the segment behind that run; none is begun yet
        self._plain_first = layout.plain_start(self._first)
        self._sealed_first = layout.sealed_start(self._first)
        self._group_behind, self._group_size = self._next_group()
        self._sealed_bytes = self._largest_group()
        plain_left = layout.plain_start(self._behind_last) - self._plain_first
        self._plain_bytes = min(GROUP * SEGMENT, plain_left)
        self._sealed = self._plain = _NOTHING
        self.checksums: Mapping[int, bytes] = {}
        """Those of the object's index, once the whole tail was read. The envelope has its own."""

    @property
    def buffer_bytes(self) -> int:
        """Memory that the buffers take, from the first call of `wanted` on."""
        return self._sealed_bytes + self._plain_bytes

    def wanted(self) -> memoryview:
        """What to fill next, wholly, with the answer's next bytes; empty when all is opened."""
        if not self._sealed:
            self._sealed = memoryview(bytearray(self._sealed_bytes))
            self._plain = memoryview(bytearray(self._plain_bytes))
        return self._sealed[: self._group_size]

    def open(self) -> memoryview:
        """The plaintext of what was filled, cut to the range. Empty only where nothing was asked for.

        Raises TamperedBody, and then nothing more can be opened; of this group, nothing was given out.
        """
        group_size, self._group_size = self._group_size, 0  # until this group is proven there is no next
        try:
            self._open_segments()
            if self._group_behind == self._layout.segments:
                self._check_tail(group_size)
        except TamperedBody:
            # A view of the group before may still be about: it must not show unproven bytes.
            self._plain[:] = bytes(len(self._plain))
            raise
        start, self._skip = self._skip, 0
        plain_first, self._plain_first = self._plain_first, self._layout.plain_start(self._group_behind)
        self._first = self._group_behind
        self._sealed_first += group_size
        self._group_behind, self._group_size = self._next_group()
        return self._plain[start : min(self._plain_end, self._plain_first) - plain_first]

    def _next_group(self) -> tuple[int, int]:
        """The segment behind the group that begins with the next one, and the group's size, 0 at the end."""
        behind = min(self._first + GROUP, self._behind_last)
        if self._first == self._behind_last:
            return behind, 0
        size = self._layout.sealed_start(behind) - self._sealed_first
        return behind, size + self._behind if behind == self._behind_last else size

    def _open_segments(self) -> None:
        at, plain_at = 0, 0
        for segment in range(self._first, self._group_behind):
            if segment >= self._run_behind:
                self._begin_run(segment, bytes(self._sealed[at : at + RUN_ID]))
            place, run = self._run
            index = segment - place.first_segment
            last = index == place.segments - 1
            size = place.plain_length - index * SEGMENT if last else SEGMENT
            end, plain_end = at + size + OVERHEAD, plain_at + size
            run.open(self._sealed[at:end], self._plain[plain_at:plain_end], index=index, last=last)
            at, plain_at = end, plain_end

    def _begin_run(self, segment: int, run_id: bytes) -> None:
        """A part's first segment in this window says which attempt at it this is; the index may know it."""
        place = self._layout.run_of_segment(segment)
        if self._layout.run_id(place.ordinal) not in {None, run_id}:
            raise TamperedBody("another attempt than the index names: segment", segment=segment)
        run = Run(
            content_key=self._content_key,
            run_id=run_id,
            part=place.number,
            first_segment=place.first_segment,
            outer_content_key=self._outer_content_key,
        )
        self._run = place, run
        self._run_behind = place.first_segment + place.segments

    def _check_tail(self, group_size: int) -> None:
        """The tail behind the final segment, where all of it was read."""
        if self._behind == sealed_size(self._layout.plain_length) - self._layout.sealed_end:
            tail = self._sealed[group_size - self._behind : group_size]
            self.checksums = self._layout.check_tail(tail, content_key=self._content_key)

    def _bytes_behind(self, window: Window) -> int:
        """How many bytes the answer holds behind the last segment."""
        whole = sealed_size(self._layout.plain_length)
        end = whole if window.sealed_last is None else min(window.sealed_last + 1, whole)
        behind = end - self._layout.sealed_start(self._behind_last)
        if behind < 0:
            raise ValueError(f"the window ends {-behind} bytes before the range")
        return behind

    def _largest_group(self) -> int:
        """In sealed bytes. Groups before the last one may be of any size up to that of whole segments."""
        segments = self._behind_last - self._first
        if segments <= GROUP:
            return self._group_size
        last_group = self._behind_last - ((segments - 1) % GROUP + 1)
        end = self._layout.sealed_start(self._behind_last) + self._behind
        return max(GROUP * SEALED_SEGMENT, end - self._layout.sealed_start(last_group))
