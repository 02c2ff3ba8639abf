"""What was learnt of objects, so that the next read of one goes straight to its bytes.

Where a multipart body's parts lie is kept under its envelope's seal, never the ETag, which the store chooses:
whoever has opened that very envelope may use it. What a name's object was when it was last read is kept too,
but as a guess, until an answer's own envelope agrees. Bounded, least recently used first out, lost without
harm.
"""

from collections import OrderedDict
from dataclasses import dataclass

from proxy.seal.layout import Layout, OneRun
from proxy.seal.parts import Parts

PARTS_BYTES = 16 * 1024 * 1024
"""Ordinary objects take about a kilobyte, one of 10,000 odd parts up to a megabyte."""
NAMES = 8192

Name = tuple[str, str, str, str]
"""Store, bucket, key, version id or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An object under a name, and where its bytes lie."""

    seal: bytes
    etag: str
    layout: Layout


class KnownObjects:
    """Of one worker. Not for several threads."""

    def __init__(self, *, parts_bytes: int = PARTS_BYTES, names: int = NAMES) -> None:
        self._most_bytes = parts_bytes
        self._most_names = names
        self._held_bytes = 0
        self._parts: OrderedDict[bytes, Parts] = OrderedDict()
        self._names: OrderedDict[Name, tuple[bytes, str, int | None]] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """What the parts take."""
        return self._held_bytes

    def parts(self, seal: bytes) -> Parts | None:
        """Of the body under that envelope, which the caller has opened."""
        found = self._parts.get(seal)
        if found is not None:
            self._parts.move_to_end(seal)
        return found

    def last_time(self, name: Name) -> Known | None:
        """What the name's object was; it may be another by now."""
        found = self._names.get(name)
        if found is None:
            return None
        self._names.move_to_end(name)
        seal, etag, plain_length = found
        layout = self.parts(seal) if plain_length is None else OneRun(plain_length)
        return None if layout is None else Known(seal=seal, etag=etag, layout=layout)

    def keep(self, name: Name, known: Known) -> None:
        """`known` of several parts comes from an envelope that was opened."""
        plain_length = None
        if isinstance(known.layout, Parts):
            self._keep_parts(known.seal, known.layout)
        else:
            plain_length = known.layout.plain_length
        self._names[name] = (known.seal, known.etag, plain_length)
        self._names.move_to_end(name)
        if len(self._names) > self._most_names:
            self._names.popitem(last=False)

    def forget(self, name: Name) -> None:
        self._names.pop(name, None)

    def _keep_parts(self, seal: bytes, parts: Parts) -> None:
        before = self._parts.pop(seal, None)
        self._held_bytes += parts.held_bytes - (before.held_bytes if before else 0)
        self._parts[seal] = parts
        while self._held_bytes > self._most_bytes:
            _, dropped = self._parts.popitem(last=False)
            self._held_bytes -= dropped.held_bytes
