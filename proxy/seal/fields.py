"""The tagged fields of a header and the tagged columns of an index: one syntax, two widths of the length.

Rising tags and one way to write each value leave no two byte strings that mean the same. Values are not
looked at.
"""

from collections.abc import Mapping

OPTIONAL_FROM = 0x80
"""A tag from here on may be skipped by a reader that does not know it."""


def pack_fields(values: Mapping[int, bytes], *, length_bytes: int) -> bytes:
    """By rising tag, each value behind its tag (u8) and length."""
    return b"".join(
        bytes((tag,)) + len(values[tag]).to_bytes(length_bytes, "big") + values[tag] for tag in sorted(values)
    )


def unpack_fields(packed: bytes, *, length_bytes: int) -> dict[int, bytes] | None:
    """The inverse, unknown tags included. None where tags do not rise or a value is cut."""
    found: dict[int, bytes] = {}
    place, before, end = 0, -1, len(packed)
    while place < end:
        start = place + 1 + length_bytes
        tag = packed[place]
        stop = start + int.from_bytes(packed[place + 1 : start], "big")
        if tag <= before or stop > end:
            return None
        found[tag] = packed[start:stop]
        place, before = stop, tag
    return found


def unknown_fields(found: Mapping[int, bytes], known: frozenset[int]) -> bool:
    """Whether a tag is there that a reader may not skip."""
    return any(tag < OPTIONAL_FROM and tag not in known for tag in found)
