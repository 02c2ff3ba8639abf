"""Which part of an object a read asks for, as the request says it, and which bytes those are.

A range, a part's number, or all of it. Which bytes a number names, only the object's index tells.
"""

from dataclasses import dataclass
from typing import NamedTuple

from proxy.s3.errors import S3Error
from proxy.s3.ranges import Range, content_range, parse_range, resolve
from proxy.s3.request import S3Request
from proxy.seal.layout import Layout, RunPlace
from proxy.seal.parts import Parts

MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """At most one of the two."""

    range: Range | None = None
    part: int | None = None

    @property
    def whole(self) -> bool:
        return self.range is None and self.part is None

    @property
    def open_start(self) -> bool:
        """Whether the first byte is not known before the object is: `-n`, or a part's number."""
        return self.part is not None or (self.range is not None and self.range.first is None)


ALL = Asked()


class Extent(NamedTuple):
    """Bytes of the plaintext, both ends included; of an empty one, plain_last is before plain_first.

    A tuple, since every GET makes one, and a frozen dataclass takes three times as long.
    """

    plain_first: int
    plain_last: int
    plain_length: int
    """The whole object's."""
    partial: bool
    """Whether the answer says which bytes they are."""
    run: RunPlace | None = None
    """The part that was asked for by its number."""
    parts_count: int = 0
    """Where a part was asked for of an object that was uploaded in parts."""

    @property
    def everything(self) -> bool:
        return self.plain_first == 0 and self.plain_last == self.plain_length - 1

    @property
    def length(self) -> int:
        return self.plain_last - self.plain_first + 1

    @property
    def status(self) -> int:
        return 206 if self.partial else 200

    def headers(self) -> dict[str, str]:
        told = {}
        if self.partial:
            told["content-range"] = content_range(self.plain_first, self.plain_last, self.plain_length)
        if self.parts_count:
            told["x-amz-mp-parts-count"] = str(self.parts_count)
        return told


def asked_of(request: S3Request) -> Asked:
    """Raises InvalidArgument for no number, InvalidRequest where a range is asked for of a part."""
    # If-Range: the whole object is always a right answer to it (RFC 9110, section 13.1.5).
    asked = None if "if-range" in request.headers else parse_range(request.headers.get("range"))
    number = dict(request.query).get("partNumber")
    if number is None:
        return ALL if asked is None else Asked(range=asked)
    if "range" in request.headers:
        raise S3Error("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and 1 <= int(number) <= MOST_PARTS):
        raise S3Error(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=number,
        )
    return Asked(part=int(number))


def extent_of(asked: Asked, layout: Layout) -> Extent:
    """Raises InvalidRange and InvalidPartNumber where the object has no such bytes."""
    if asked.part is None:
        return extent_in(asked, layout.plain_length)
    run = _run_of(asked.part, layout)
    if run is None:
        raise no_such_part()
    return Extent(
        plain_first=run.plain_first,
        plain_last=run.plain_last,
        plain_length=layout.plain_length,
        partial=run.plain_length > 0,  # a range of nothing cannot be written
        run=run,
        parts_count=layout.count if isinstance(layout, Parts) else 0,
    )


def extent_in(asked: Asked, plain_length: int) -> Extent:
    """The same for a range or all of it, where the length alone decides."""
    if asked.range is None:
        return Extent(plain_first=0, plain_last=plain_length - 1, plain_length=plain_length, partial=False)
    first, last = resolve(asked.range, plain_length)
    return Extent(plain_first=first, plain_last=last, plain_length=plain_length, partial=True)


def no_such_part() -> S3Error:
    return S3Error("InvalidPartNumber", "The requested partnumber is not satisfiable")


def _run_of(number: int, layout: Layout) -> RunPlace | None:
    """An object of one part is part 1, as S3 has it."""
    if isinstance(layout, Parts):
        return layout.run_of_number(number)
    return layout.run_of_segment(0) if number == 1 else None
