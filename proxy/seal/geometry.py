"""Sizes and places, by arithmetic alone: how long a body is, and where in it a range of the plaintext lies.

Nothing here sees a byte. Each function stands beside its inverse. The numbers are docs/FORMAT.md's, section
"Sizes", and stay the same in every later version of the format, because a listing shows sizes and no
version.
"""

from dataclasses import dataclass

from proxy.seal.errors import NotSealed

SEGMENT = 65_536
"""Plaintext bytes in every segment of a run but the last."""
OVERHEAD = 28
"""A segment's run id (12) and tag (16)."""
SEALED_SEGMENT = SEGMENT + OVERHEAD
SMALLEST_PART = 5 * 1024 * 1024
"""S3's smallest part but the last, in plaintext bytes."""
ROOM_PER_PART = 96
"""Bytes for each part that the object could have had: index, footer and the short segments where parts meet.
"""
MOST_PARTS = 10_000

SEALED_SMALLEST_PART = SMALLEST_PART // SEGMENT * SEALED_SEGMENT + ROOM_PER_PART


def segment_count(plain: int) -> int:
    """An empty run still has one segment, so that its end is authenticated."""
    return max(1, -(-plain // SEGMENT))


def run_size(plain: int) -> int:
    """Bytes of a run that holds so many of plaintext."""
    return plain + OVERHEAD * segment_count(plain)


def run_plain_size(sealed: int) -> int:
    """The inverse of run_size. Raises NotSealed where no run is that long."""
    plain = sealed - OVERHEAD * -(-sealed // SEALED_SEGMENT)
    if plain < 0 or run_size(plain) != sealed:
        raise NotSealed(sealed)
    return plain


def tail_size(plain: int) -> int:
    """Bytes behind the runs of a single-part object: zeros, index and footer."""
    return ROOM_PER_PART * min(1 + plain // SMALLEST_PART, MOST_PARTS)


def sealed_size(plain: int) -> int:
    """Bytes of the whole body, whatever its parts. Strictly increasing."""
    return run_size(plain) + tail_size(plain)


def plain_size(sealed: int) -> int:
    """The inverse of sealed_size. Raises NotSealed where no plaintext seals to that many bytes."""
    behind_first_room = sealed - ROOM_PER_PART
    if behind_first_room < OVERHEAD:
        raise NotSealed(sealed)
    full_parts = min(behind_first_room // SEALED_SMALLEST_PART, MOST_PARTS - 1)
    rest = behind_first_room - full_parts * SEALED_SMALLEST_PART
    plain_rest = rest - OVERHEAD * -(-rest // SEALED_SEGMENT)
    plain = full_parts * SMALLEST_PART + plain_rest
    if plain_rest < 0 or sealed_size(plain) != sealed:
        raise NotSealed(sealed)
    return plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which bytes of a single-part body to ask for, and what of their plaintext to send.

    Byte positions are inclusive, as in HTTP's Range; None means the body's end. Where the plaintext ends
    inside the window, the answer also holds some or all of the body's tail.
    """

    first_segment: int
    sealed_first: int
    sealed_last: int | None
    plain_skip: int
    """Bytes of the first segment's plaintext that come before the range."""


def window(plain_first: int, plain_last: int | None) -> Window:
    """Where the inclusive plaintext range lies, the object's size being unknown; None: to the end."""
    first = plain_first // SEGMENT
    last = None if plain_last is None else (plain_last // SEGMENT + 1) * SEALED_SEGMENT - 1
    return Window(
        first_segment=first,
        sealed_first=first * SEALED_SEGMENT,
        sealed_last=last,
        plain_skip=plain_first - first * SEGMENT,
    )


WHOLE = window(0, None)
"""The whole object."""


def tail_first(plain: int) -> int:
    """Where the tail of a single-part body begins: ask from here to the end to read its index alone."""
    return run_size(plain)
