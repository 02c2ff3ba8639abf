"""Where the plaintext of a body lies: its runs in order, and which segment of which run holds each byte.

By arithmetic alone. A single-part body's layout follows from its length, a multipart one's from its index
(parts.py). Segments are counted through the whole body here, from 0 on;
inside a run they count from 0 anew. Layouts do not change, so many readers may share one.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

from proxy.seal.geometry import SEALED_SEGMENT, SEGMENT, Window, run_size, segment_count
from proxy.seal.tail import tail_checksums


class RunPlace(NamedTuple):
    """One run: which part it is, and where it lies.

    A tuple, since every GET makes some, and a frozen dataclass takes three times as long.
    """

    ordinal: int
    """Among the body's runs, from 0 on."""
    number: int
    """The part's; 0 in a single-part body."""
    plain_first: int
    plain_length: int
    sealed_first: int
    first_segment: int
    segments: int

    @property
    def plain_last(self) -> int:
        """Before plain_first where the part is empty."""
        return self.plain_first + self.plain_length - 1


class Layout(ABC):
    """The runs of one body."""

    __slots__ = ()

    plain_length: int
    segments: int
    """Of all runs together."""
    sealed_end: int
    """Where the last run ends and the zero bytes begin."""

    @abstractmethod
    def run_of_segment(self, segment: int) -> RunPlace:
        """`segment` is below `segments`."""

    @abstractmethod
    def run_of_byte(self, plain: int) -> RunPlace:
        """`plain` is below plain_length. At plain_length itself is only a part that is empty."""

    @abstractmethod
    def run_id(self, ordinal: int) -> bytes | None:
        """The one that the index names; None where it names none."""

    @abstractmethod
    def check_tail(self, tail: memoryview, *, content_key: bytes) -> Mapping[int, bytes]:
        """The object's checksums, of a tail from sealed_end to the body's end. Raises TamperedBody."""

    def window(self, plain_first: int, plain_last: int) -> Window:
        """Where the inclusive plaintext range lies. One that ends with the object has its final segment."""
        run = self.run_of_byte(plain_first)
        before = (plain_first - run.plain_first) // SEGMENT
        return Window(
            first_segment=run.first_segment + before,
            sealed_first=run.sealed_first + before * SEALED_SEGMENT,
            sealed_last=self.sealed_start(self.last_segment(plain_last) + 1) - 1,
            plain_skip=plain_first - run.plain_first - before * SEGMENT,
        )

    def last_segment(self, plain_last: int) -> int:
        """The last one to open for a range that ends there: at the object's end the final one, if empty."""
        if plain_last >= self.plain_length - 1:
            return self.segments - 1
        run = self.run_of_byte(plain_last)
        return run.first_segment + (plain_last - run.plain_first) // SEGMENT

    def sealed_start(self, segment: int) -> int:
        """Where the segment begins in the body; behind the final one, where that ends."""
        if segment >= self.segments:
            return self.sealed_end
        run = self.run_of_segment(segment)
        return run.sealed_first + (segment - run.first_segment) * SEALED_SEGMENT

    def plain_start(self, segment: int) -> int:
        """The same in the plaintext."""
        if segment >= self.segments:
            return self.plain_length
        run = self.run_of_segment(segment)
        return run.plain_first + (segment - run.first_segment) * SEGMENT


class OneRun(Layout):
    """A single-part body's."""

    __slots__ = ("plain_length", "sealed_end", "segments")

    def __init__(self, plain_length: int) -> None:
        self.plain_length = plain_length
        self.segments = segment_count(plain_length)
        self.sealed_end = run_size(plain_length)

    def run_of_segment(self, segment: int) -> RunPlace:  # noqa: ARG002  # there is but one
        return RunPlace(0, 0, 0, self.plain_length, 0, 0, self.segments)

    def run_of_byte(self, plain: int) -> RunPlace:  # noqa: ARG002  # the same
        return self.run_of_segment(0)

    def sealed_start(self, segment: int) -> int:
        return segment * SEALED_SEGMENT if segment < self.segments else self.sealed_end

    def plain_start(self, segment: int) -> int:
        return segment * SEGMENT if segment < self.segments else self.plain_length

    def last_segment(self, plain_last: int) -> int:
        return max(0, plain_last) // SEGMENT

    def run_id(self, ordinal: int) -> bytes | None:  # noqa: ARG002  # the same
        return None

    def check_tail(self, tail: memoryview, *, content_key: bytes) -> Mapping[int, bytes]:
        return tail_checksums(tail, content_key=content_key, plain_length=self.plain_length)
