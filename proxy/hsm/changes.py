"""News of what changed: which keys, in which order, for whoever decided something by what was before.

Each change has the next number, so that a listener knows when it missed one. A service that was started anew
has another name, and its numbers mean nothing to those who knew the old one. Safe to use from any thread.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Change:
    sequence: int
    key_arns: frozenset[str] | None
    """None: it may be any key, as where callers changed."""


Heard = Callable[[Change], None]


class Changes:
    def __init__(self, instance: str) -> None:
        """`instance` names this run of the service, and no other."""
        self.instance = instance
        self._sequence = 0
        self._listeners: list[Heard] = []
        self._lock = Lock()

    def tell(self, key_arns: Collection[str] | None) -> None:
        """Call once the change holds: whoever asks after this gets the new answer."""
        with self._lock:
            self._sequence += 1
            change = Change(self._sequence, None if key_arns is None else frozenset(key_arns))
            for heard in self._listeners:
                heard(change)

    def listen(self, heard: Heard) -> tuple[int, Callable[[], None]]:
        """The number of the last change so far, of which nothing is told, and how to stop listening.

        `heard` is called in any thread, in order; it must return at once and raise nothing.
        """
        with self._lock:
            self._listeners.append(heard)
            return self._sequence, lambda: self._unheard(heard)

    def _unheard(self, heard: Heard) -> None:
        with self._lock:
            self._listeners.remove(heard)
