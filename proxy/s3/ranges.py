"""The Range header: one range of an object, before and after its size is known.

RFC 9110, section 14.1.2, with S3's reading of it: a header that is malformed, names another unit or asks
for several ranges is ignored, and the whole object is the answer.
"""

import re
from dataclasses import dataclass

from proxy.s3.errors import S3Error

_RANGE = re.compile(r"bytes[ \t]*=[ \t]*([0-9]*)[ \t]*-[ \t]*([0-9]*)[ \t]*", re.IGNORECASE | re.ASCII)
_PAST_EVERY_OBJECT = 10**18
_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """`a-b` and `a-` count from the start (last None: to the end); `-n` is first None, last n."""

    first: int | None
    last: int | None

    def __str__(self) -> str:
        first, last = ("" if bound is None else str(bound) for bound in (self.first, self.last))
        return f"bytes={first}-{last}"


def parse_range(header: str | None) -> Range | None:
    """The one range that the header asks for; None where there is none to obey."""
    found = _RANGE.fullmatch(header.strip(" \t")) if header else None
    if found is None or not (found[1] or found[2]):
        return None
    first, last = _number(found[1]), _number(found[2])
    if first is not None and last is not None and last < first:
        return None
    return Range(first=first, last=last)


def resolve(wanted: Range, plain_size: int) -> tuple[int, int]:
    """First and last byte of the plaintext, both included; InvalidRange where no byte is meant."""
    if wanted.first is None:
        first, last = max(0, plain_size - (wanted.last or 0)), plain_size - 1
    else:
        first = wanted.first
        last = plain_size - 1 if wanted.last is None else min(wanted.last, plain_size - 1)
    if first > last:
        raise S3Error("InvalidRange", RangeRequested=str(wanted), ActualObjectSize=str(plain_size))
    return first, last


def content_range(first: int, last: int, plain_size: int) -> str:
    """The Content-Range of a 206."""
    return f"bytes {first}-{last}/{plain_size}"


def _number(digits: str) -> int | None:
    if not digits:
        return None
    # int() refuses thousands of digits; no object is near this size anyway.
    return int(digits) if len(digits.lstrip("0")) <= _DIGITS else _PAST_EVERY_OBJECT
