"""Every way in which an object is not opened.

All are RecoveryError, and the text says what is wrong and where. There is a class for each next step:
look for another key, another name, another program, or another copy of the object.
No text holds a key, plaintext or a client's context.
"""


class RecoveryError(Exception):
    """The object cannot be opened as asked. No byte that was not verified has left."""


class HeaderDamaged(RecoveryError):
    """The header breaks a rule of docs/FORMAT.md, "The header", or its seal is not good."""


class OtherVersion(RecoveryError):
    """The header is of a version that this program does not know; `version` is its number."""

    def __init__(self, version: str) -> None:
        super().__init__(f"the header is of version {version}; only version 1 is known here")
        self.version = version


class ForeignName(RecoveryError):
    """The header was not written for the bucket and key that were asked for."""


class KeyMissing(RecoveryError):
    """The object needs a kind of key that was not given; the text says which."""


class WrongKey(RecoveryError):
    """A wrapped content key does not open: a wrong key, a damaged header or another object's header."""


class WrongSize(RecoveryError):
    """The body's length is not that of a sealed object, or not that of this one."""


class TailDamaged(RecoveryError):
    """What follows the runs of a body breaks a rule: zero bytes, index or footer."""


class SegmentDamaged(RecoveryError):
    """A segment does not open in its place. `part` is 0 in a single-part object; `segment` counts from 0."""

    def __init__(self, what: str, *, part: int, segment: int) -> None:
        super().__init__(f"segment {segment} of {f'part {part}' if part else 'the body'}: {what}")
        self.part = part
        self.segment = segment


class ChecksumsDamaged(RecoveryError):
    """The header is good, but its private field with the checksums does not open."""
