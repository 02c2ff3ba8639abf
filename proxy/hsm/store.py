"""What the engine asks of a store, and what a store asks of a database: two small contracts and their
errors.

The engine reads everything once, at the start, and writes through: what `commit` returned from is on the
disk. Sealing stands between the two (proxy/hsm/sealed.py), so no database ever sees a record in the clear.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from proxy.hsm.core.records import Record


class StoreError(Exception):
    """The store cannot be used. The message is for the operator and names the file, never what is in it."""


class StoreBusy(StoreError):
    """Another HSM has this store open."""


class StoreMissing(StoreError):
    """There is no store here, or it was never initialised."""


class StoreExists(StoreError):
    """Initialised already: nothing was changed."""


class WrongRootKey(StoreError):
    """This is not the root key that the store was made with."""


class StoreDamaged(StoreError):
    """Something was altered, removed or put back. `record` names it where that can be told. The message
    says what to do.
    """

    def __init__(self, record: str, reason: str) -> None:
        super().__init__(f"{record}: {reason}. `sealgate hsm restore` puts a backup in the store's place")
        self.record = record


class StoreOlder(StoreError):
    """It is not the newest that was seen here, or nobody can tell. The message says what to do."""

    def __init__(self, what: str, *, insisting: str = "`sealgate hsm accept` goes on with this one") -> None:
        super().__init__(f"{what}. Put the newest store in its place; where there is none, {insisting}")
        self.what = what


class StoreKeepsKeys(StoreError):
    """It was not made for tests, so nobody may empty it."""


class StoreFailed(StoreError):
    """A change could not be written. It was not acknowledged, and is not half there."""


class Store(Protocol):
    """Records, in transactions. One caller at a time."""

    @property
    def generation(self) -> int:
        """How many changes the store has seen; it only grows."""

    @property
    def failure(self) -> str:
        """Why the last change could not be written; empty where it could."""

    def records(self) -> Iterator[Record]:
        """Every record, each proven to be what was written last under its name. Raises StoreDamaged."""

    def commit(self, put: Sequence[Record], delete: Sequence[tuple[str, str]] = ()) -> None:
        """All of it or none of it; durable on return. `delete` names records by kind and name, which are
        overwritten; what stands in bytearrays in `put` is wiped once it is sealed.

        Raises StoreFailed, after which the store holds what it held before.
        """

    def close(self) -> None:
        """Gives back file and lock, and wipes the root key. Idempotent."""


class Witness(Protocol):
    """A memory of how far the store had come, kept apart from it. str() names it for the operator."""

    def noted(self) -> bytes | None:
        """What was noted last; None where nothing ever was. Raises StoreError where it cannot be read."""

    def note(self, sealed: bytes) -> None:
        """Durable on return. Raises OSError, and then still holds what it held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    kind: str
    name: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The store's own record: `open` says how to find the root key, `sealed` what the rows must add up to."""

    open: bytes
    sealed: bytes = field(repr=False)


class SealedRows(Protocol):
    """A database of sealed rows, held by this process alone. Errors are StoreErrors."""

    def header(self) -> Header | None:
        """None where the store was never initialised."""

    def rows(self) -> Iterator[Row]: ...

    def write(self, header: Header, put: Sequence[Row], delete: Sequence[tuple[str, str]]) -> None:
        """One durable transaction. Raises StoreFailed with nothing changed."""

    def close(self) -> None: ...
