"""The parts of a multipart body, read from its index: docs/FORMAT.md, "Opening a multipart object".

The index lies at the body's end. Whoever reads it fetches some of the end, then what `missing_of_index` says;
what is opened from that is small, and can be kept for as long as the envelope stays the same.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from hashlib import sha256
from hmac import compare_digest
from itertools import islice

from proxy.seal.errors import TamperedBody
from proxy.seal.geometry import run_size, sealed_size, segment_count, tail_size
from proxy.seal.index import (
    OBJECT,
    OF_PARTS,
    PARTS,
    RUN_ID,
    RUNS,
    checked_checksums,
    checked_part_checksums,
    checked_run_ids,
    open_columns,
    unpack_groups,
)
from proxy.seal.keys import index_key
from proxy.seal.layout import Layout, RunPlace
from proxy.seal.tail import FOOTER, index_length


def missing_of_index(end: bytes, *, plain_length: int) -> int:
    """How many bytes right before `end`, the end of a multipart body, belong to its index as well.

    `end` has FOOTER bytes at least. Raises TamperedBody for a footer that no writer writes, so a store cannot
    make a reader hold more than the body has room for.
    """
    return max(0, _index_length(end, plain_length) + FOOTER - len(end))


def open_parts(end: bytes, *, content_key: bytes, plain_length: int) -> "Parts":
    """The parts, from an end of the body that holds the whole index; zero bytes before that are checked.

    `plain_length` follows from the body's size. Raises TamperedBody where index, lengths and size do not
    agree.
    """
    length = _index_length(end, plain_length)
    start = len(end) - FOOTER - length
    if start < 0:
        raise ValueError(f"{-start} bytes of the index are missing")
    columns = open_columns(end[start:-FOOTER], index_key=index_key(content_key), multipart=True)
    parts = Parts(columns, end_length=length + FOOTER, end_digest=sha256(end[start:]).digest())
    if parts.plain_length != plain_length:
        raise TamperedBody("sum of the parts")
    end_first = sealed_size(plain_length) - len(end)
    if parts.sealed_end > end_first + start:
        raise TamperedBody("room for the index")
    zeros = max(0, parts.sealed_end - end_first)
    if end.count(0, zeros, start) != start - zeros:
        raise TamperedBody("zero bytes")
    return parts


def _index_length(end: bytes, plain_length: int) -> int:
    return index_length(end[-FOOTER:], room=tail_size(plain_length) - FOOTER, multipart=True)


class Parts(Layout):
    """A multipart body's, and what else its index says.

    Kept by groups of neighbours with equal lengths, as the index has them, and in packed columns: 10,000
    parts, no two alike, take 400 KiB, and ordinary ones a few hundred bytes.
    """

    __slots__ = (
        "_end_digest",
        "_end_length",
        "_firsts",
        "_lengths",
        "_of_parts",
        "_ordinals",
        "_plain",
        "_run_ids",
        "_sealed",
        "_segments",
        "checksums",
        "count",
        "plain_length",
        "sealed_end",
        "segments",
    )

    def __init__(self, columns: Mapping[int, bytes], *, end_length: int, end_digest: bytes) -> None:
        """From the columns of an index that was opened; length and SHA-256 are of index and footer together.

        Raises TamperedBody where a column breaks a rule.
        """
        self._end_length, self._end_digest = end_length, end_digest
        self._firsts, self._ordinals = array("H"), array("H")
        self._lengths, self._plain = array("Q"), array("Q")
        self._segments, self._sealed = array("Q"), array("Q")
        count = plain = segments = sealed = 0
        for first, members, length in unpack_groups(columns[PARTS]):
            self._firsts.append(first)
            self._ordinals.append(count)
            self._lengths.append(length)
            self._plain.append(plain)
            self._segments.append(segments)
            self._sealed.append(sealed)
            count += members
            plain += members * length
            segments += members * segment_count(length)
            sealed += members * run_size(length)
        self.count = count
        self.plain_length, self.segments, self.sealed_end = plain, segments, sealed
        self._run_ids = checked_run_ids(columns[RUNS], count) if RUNS in columns else b""
        self.checksums = checked_checksums(columns[OBJECT]) if OBJECT in columns else {}
        """The object's, by code."""
        self._of_parts = columns.get(OF_PARTS, b"")
        if OF_PARTS in columns:
            checked_part_checksums(self._of_parts, count)

    @property
    def held_bytes(self) -> int:
        """What this keeps in memory, about."""
        columns = (self._firsts, self._ordinals, self._lengths, self._plain, self._segments, self._sealed)
        packed = sum(column.itemsize * len(column) for column in columns)
        return 1024 + packed + len(self._run_ids) + len(self._of_parts)

    def run_of_segment(self, segment: int) -> RunPlace:
        group = bisect_right(self._segments, segment) - 1
        each = segment_count(self._lengths[group])
        return self._run(group, (segment - self._segments[group]) // each)

    def run_of_byte(self, plain: int) -> RunPlace:
        group = bisect_right(self._plain, plain) - 1
        length = self._lengths[group]
        return self._run(group, (plain - self._plain[group]) // length if length else 0)

    def run_of_number(self, number: int) -> RunPlace | None:
        """The part of that number; None where the object has no such part."""
        group = bisect_right(self._firsts, number) - 1
        if group < 0 or number - self._firsts[group] >= self._members(group):
            return None
        return self._run(group, number - self._firsts[group])

    def run_id(self, ordinal: int) -> bytes | None:
        named = self._run_ids[ordinal * RUN_ID : (ordinal + 1) * RUN_ID]
        return named if any(named) else None

    def check_tail(self, tail: memoryview, *, content_key: bytes) -> Mapping[int, bytes]:  # noqa: ARG002  # nothing is opened
        held = bytes(tail)
        start = len(held) - self._end_length
        if start < 0 or held.count(0, 0, start) != start:
            raise TamperedBody("zero bytes")
        if not compare_digest(sha256(held[start:]).digest(), self._end_digest):
            raise TamperedBody("index")
        return self.checksums

    def part_checksum(self, ordinal: int) -> tuple[int, bytes] | None:
        """Code and checksum of one part; None where the index has no checksums of parts."""
        if not self._of_parts:
            return None
        code, size = checked_part_checksums(self._of_parts, self.count)
        return code, self._of_parts[1 + ordinal * size : 1 + (ordinal + 1) * size]

    def parts_after(self, number: int, *, most: int) -> list[RunPlace]:
        """The parts with higher numbers, so many at most, in order."""
        return list(islice(self._after(number), most))

    def _after(self, number: int) -> Iterator[RunPlace]:
        for group in range(max(0, bisect_right(self._firsts, number) - 1), len(self._firsts)):
            start = max(0, number + 1 - self._firsts[group])
            yield from (self._run(group, member) for member in range(start, self._members(group)))

    def _members(self, group: int) -> int:
        behind = self._ordinals[group + 1] if group + 1 < len(self._ordinals) else self.count
        return behind - self._ordinals[group]

    def _run(self, group: int, member: int) -> RunPlace:
        length = self._lengths[group]
        segments = segment_count(length)
        return RunPlace(
            ordinal=self._ordinals[group] + member,
            number=self._firsts[group] + member,
            plain_first=self._plain[group] + member * length,
            plain_length=length,
            sealed_first=self._sealed[group] + member * run_size(length),
            first_segment=self._segments[group] + member * segments,
            segments=segments,
        )
