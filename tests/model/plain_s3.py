"""S3 as a dictionary: what a bucket must hold and answer. Knows nothing of proxies, stores or sealing."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SMALLEST_PART = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    plain: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[tuple[int, int], ...] = ()
    """Number and size, in order; empty where it was put in one piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    key: str
    metadata: Mapping[str, str]
    parts: dict[int, bytes] = field(default_factory=dict)
    etags: dict[int, str] = field(default_factory=dict)

    def refusal_of(self, numbers: Sequence[int]) -> str:
        """The code that completing it with these parts ends with; empty where it succeeds."""
        if any(latter < former for former, latter in itertools.pairwise(numbers)):
            return "InvalidPartOrder"
        numbers = list(dict.fromkeys(numbers))
        if any(number not in self.parts for number in numbers):
            return "InvalidPart"
        if any(len(self.parts[number]) < SMALLEST_PART for number in numbers[:-1]):
            return "EntityTooSmall"
        return ""

    def whole(self, numbers: Sequence[int]) -> Object:
        numbers = list(dict.fromkeys(numbers))
        parts = [self.parts[number] for number in numbers]
        sizes = tuple(zip(numbers, map(len, parts), strict=True))
        return Object(plain=b"".join(parts), metadata=self.metadata, parts=sizes)


def listed(objects: Mapping[str, Object], *, prefix: str, delimiter: str) -> tuple[dict[str, int], list[str]]:
    """Keys with their sizes, and common prefixes: what all pages of a listing together must say."""
    keys: dict[str, int] = {}
    below: set[str] = set()
    for key in sorted(key for key in objects if key.startswith(prefix)):
        head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if found:
            below.add(prefix + head + delimiter)
        else:
            keys[key] = len(objects[key].plain)
    return keys, sorted(below)


def cut(plain: bytes, asked: str) -> bytes | None:
    """What `bytes=` asked is answered with; None where it lies past the end."""
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if not first:
        wanted = min(int(last), len(plain))
        return plain[len(plain) - wanted :] if wanted else None
    if int(first) >= len(plain):
        return None
    return plain[int(first) : int(last) + 1 if last else None]
