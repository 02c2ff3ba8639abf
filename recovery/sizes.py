"""What plain and sealed lengths say about each other (docs/FORMAT.md, "Sizes"). All in bytes.

The functions stand in the page's own form, so that one can be laid beside the other.
"""

from recovery.errors import WrongSize

SEGMENT = 65_536
RUN_ID = 12
TAG = 16
OVERHEAD = RUN_ID + TAG
SEALED_SEGMENT = SEGMENT + OVERHEAD

SMALLEST_PART = 5_242_880  # M
ROOM_PER_PART = 96
MOST_PARTS = 10_000
SEALED_SMALLEST_PART = 5_245_216


def segment_count(plain: int) -> int:
    """How many segments a run has. An empty run still has one, so that its end is authenticated."""
    return max(1, -(-plain // SEGMENT))


def run_size(plain: int) -> int:
    """run(P): the length of one run that holds `plain` bytes."""
    return plain + OVERHEAD * segment_count(plain)


def sealed_size(plain: int) -> int:
    """C(P): the length of the whole body of an object of `plain` bytes."""
    return run_size(plain) + ROOM_PER_PART * min(1 + plain // SMALLEST_PART, MOST_PARTS)


def plain_size(sealed: int) -> int:
    """P: the inverse of `sealed_size`. Raises WrongSize where no sealed object has that length."""
    x = sealed - ROOM_PER_PART
    if x >= OVERHEAD:
        q = min(x // SEALED_SMALLEST_PART, MOST_PARTS - 1)
        y = x - q * SEALED_SMALLEST_PART
        r = y - OVERHEAD * -(-y // SEALED_SEGMENT)
        plain = q * SMALLEST_PART + r
        if r >= 0 and sealed_size(plain) == sealed:
            return plain
    raise WrongSize(f"no sealed object is {sealed} bytes long: it is not sealed, or was cut or lengthened")
