"""Where a sealed body can be damaged, after docs/FORMAT.md, "Body"; and whole bodies put in others' places.

Written from the page: an offset here that were wrong would strike another region, and all must be noticed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

SEGMENT = 65_536
SEALED = 12 + SEGMENT + 16
FOOTER = 8


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the bare store has it."""

    body: bytes
    metadata: Mapping[str, str]

    def with_body(self, body: bytes) -> "Stored":
        return Stored(body, self.metadata)

    def flipped(self, at: int, bit: int = 1) -> "Stored":
        """One bit of the body changed."""
        return self.with_body(self.body[:at] + bytes([self.body[at] ^ bit]) + self.body[at + 1 :])

    def with_envelope(self, header: str | None) -> "Stored":
        others = {name: value for name, value in self.metadata.items() if name != "sealgate"}
        return Stored(self.body, others if header is None else {**others, "sealgate": header})


def regions(plain_bytes: int, sealed_bytes: int) -> Iterator[tuple[str, int]]:
    """Offsets that between them touch the borders of every region of a body without index."""
    count = max(1, -(-plain_bytes // SEGMENT))
    run_end = plain_bytes + 28 * count
    for segment in sorted({0, 1, count // 2, count - 2, count - 1} & set(range(count))):
        start, end = segment * SEALED, min((segment + 1) * SEALED, run_end)
        yield f"run id of segment {segment}, first", start
        yield f"run id of segment {segment}, last", start + 11
        yield f"ciphertext of segment {segment}, first", start + 12
        yield f"ciphertext of segment {segment}, middle", (start + 12 + end - 16) // 2
        yield f"ciphertext of segment {segment}, last", end - 17
        yield f"tag of segment {segment}, first", end - 16
        yield f"tag of segment {segment}, last", end - 1
    yield "zeros, first", run_end
    yield "zeros, middle", (run_end + sealed_bytes - FOOTER) // 2
    yield "zeros, last", sealed_bytes - FOOTER - 1
    for place in range(FOOTER):
        yield f"{'footer length' if place < 4 else 'mark'}, byte {place}", sealed_bytes - FOOTER + place


def cuts(sealed_bytes: int) -> list[int]:
    """Lengths: at each border of a segment, around some, without the tail, and nothing."""
    borders = range(0, sealed_bytes, SEALED)
    some = {0, SEALED, borders[len(borders) // 2], borders[-1]}
    near = [place + step for place in borders for step in ((-1, 0, 1) if place in some else (0,))]
    ends = [sealed_bytes - 1, sealed_bytes - FOOTER, sealed_bytes - 96]
    return sorted({place for place in [*near, *ends] if 0 <= place < sealed_bytes})


Rearranged = Callable[[Stored], Stored]


def _segments(body: bytes) -> list[bytes]:
    return [body[at : at + SEALED] for at in range(0, len(body), SEALED)]


def _swapped(first: int, second: int) -> Rearranged:
    def swap(stored: Stored) -> Stored:
        pieces = _segments(stored.body)
        pieces[first], pieces[second] = pieces[second], pieces[first]
        return stored.with_body(b"".join(pieces))

    return swap


def _repeated(stored: Stored) -> Stored:
    pieces = _segments(stored.body)
    pieces[1] = pieces[0]
    return stored.with_body(b"".join(pieces))


def _without(segment: int) -> Rearranged:
    def drop(stored: Stored) -> Stored:
        pieces = _segments(stored.body)
        return stored.with_body(b"".join(pieces[:segment] + pieces[segment + 1 :]))

    return drop


REARRANGED: dict[str, Rearranged] = {
    "two segments swapped": _swapped(0, 1),
    "two segments far on swapped": _swapped(20, 21),
    "a segment twice": _repeated,
    "the first segment missing": _without(0),
    "a segment missing": _without(5),
    "a byte more": lambda stored: stored.with_body(stored.body + b"\0"),
    "a segment's worth of zeros more": lambda stored: stored.with_body(stored.body + bytes(SEALED)),
    "zeros before": lambda stored: stored.with_body(b"\0" + stored.body),
    "all zeros": lambda stored: stored.with_body(bytes(len(stored.body))),
    "empty": lambda stored: stored.with_body(b""),
}
