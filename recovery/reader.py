"""Takes bytes apart from the front: lists of tag, length and value, as header and index are made of.

A Reader never guesses: what is cut or out of order is refused with the error class it was made with.
"""

from collections.abc import Iterator

from recovery.errors import RecoveryError

FIRST_OPTIONAL = 0x80
"""An unknown tag from here on is skipped, one below is refused (docs/FORMAT.md, header and index)."""


class Reader:
    """Bytes and how many of them were taken. `what` names them in error texts."""

    def __init__(self, data: bytes, what: str, error: type[RecoveryError]) -> None:
        self._data = data
        self._at = 0
        self._what = what
        self._error = error

    def __bool__(self) -> bool:
        """Whether bytes are left."""
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        """The next `count` bytes. Refuses where fewer are left."""
        end = self._at + count
        if end > len(self._data):
            raise self._error(
                f"{self._what}: cut at byte {len(self._data)}, {count} bytes were to follow byte {self._at}"
            )
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self, size: int) -> int:
        """An unsigned big-endian number of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def text(self, size: int) -> str:
        """A UTF-8 string of `size` bytes."""
        return utf8(self.take(size), self._what, self._error)

    def tagged(self, length_size: int) -> Iterator[tuple[int, bytes]]:
        """All that is left, as tag (u8), length (of `length_size` bytes) and value. Tags rise strictly."""
        before = -1
        while self:
            tag = self.number(1)
            if tag <= before:
                raise self._error(
                    f"{self._what}: tag {tag:02X} follows tag {before:02X}, and tags rise strictly"
                )
            yield tag, self.take(self.number(length_size))
            before = tag


def utf8(data: bytes, what: str, error: type[RecoveryError]) -> str:
    """The text of `data`. Refuses what is not UTF-8 (docs/FORMAT.md, "Notation")."""
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise error(f"{what}: not UTF-8") from exc
