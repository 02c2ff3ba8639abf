"""A file beside the store, or better on another disk, that remembers how far the store had come.

It keeps an older copy of the store from being taken for the newest. It holds no secret. Whoever can put back
an older store *and* an older witness goes unnoticed: that is what another disk is for.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from proxy.hsm.durable import sync_directory
from proxy.hsm.owner import keep_owner
from proxy.hsm.store import StoreError

_LARGEST = 4096


@dataclass(frozen=True, slots=True)
class FileWitness:
    """Satisfies proxy.hsm.store.Witness."""

    path: Path

    def noted(self) -> bytes | None:
        try:
            with self.path.open("rb") as file:
                return file.read(_LARGEST)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise StoreError(f"{self} cannot be read: {exc.strerror}") from exc

    def note(self, sealed: bytes) -> None:
        behind = Path(os.path.realpath(self.path))  # a link to another disk stays one
        new = behind.with_name(behind.name + ".new")
        held = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(held, "wb") as file:  # noqa: PTH123 -- a descriptor, made with its mode
            file.write(sealed)
            file.flush()
            keep_owner(held, behind)
            os.fsync(file.fileno())
        new.replace(behind)
        sync_directory(behind.parent)

    def __str__(self) -> str:
        return f"the witness {self.path}"


def beside(store: Path) -> Path:
    """Where the witness is if nothing else is configured."""
    return store.with_name(store.name + ".witness")


def witness_of(store: Path, configured: str | Path | None) -> FileWitness:
    """The one that is configured, else the one beside the store."""
    return FileWitness(Path(configured) if configured else beside(store))
