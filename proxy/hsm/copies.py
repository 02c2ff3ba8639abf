"""Copies of the store: made while a service runs on it, and put in its place while none does.

A copy is proven with the root key before it is called one: a backup that cannot be opened is found on the
day it is made. Nothing that was there is overwritten or deleted.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from proxy.hsm.durable import sync_directory
from proxy.hsm.owner import keep_owner_of
from proxy.hsm.root import RootSource
from proxy.hsm.sealed import SealedStore, open_store
from proxy.hsm.sqlite import SqliteRows, locked
from proxy.hsm.store import StoreError, StoreExists, StoreMissing, StoreOlder, Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """What a store was found to hold: every record opened, and they add up."""

    generation: int
    records: int


def back_up(path: Path, copy: Path, source: RootSource, *, random: Callable[[int], bytes]) -> Proven:
    """A copy of the store as it was at one moment, whoever writes to it meanwhile.

    Raises StoreExists where there is such a file, StoreMissing, WrongRootKey, StoreDamaged, or another
    StoreError; then no copy is there.
    """
    if not path.exists():
        raise StoreMissing(f"{path} does not exist")
    if copy.exists():
        raise StoreExists(f"{copy} exists already; nothing was changed")
    with _draft(copy) as draft:
        _copy(path, draft)
        found, _ = _prove(draft, source, random, None)
        try:
            os.link(draft, copy)  # unlike a rename, it never takes another file's place
            sync_directory(copy.parent)
        except OSError as exc:
            raise StoreError(f"{copy} cannot be made: {exc.strerror}") from exc
    return found


def restore(
    copy: Path,
    path: Path,
    source: RootSource,
    witness: Witness,
    *,
    random: Callable[[int], bytes],
    accept_older: bool,
) -> tuple[Proven, Path | None]:
    """Puts the copy in the store's place, where a link leads if it is one. The answer names where what was
    there is kept now.

    Raises StoreBusy where a service runs on the store, StoreOlder where the copy is older than what the
    witness has seen (unless that is accepted), and what back_up raises; then all is as it was.
    """
    if not copy.exists():
        raise StoreMissing(f"{copy} does not exist")
    path = Path(os.path.realpath(path))
    with locked(path), _draft(path) as draft:
        _copy(copy, draft)
        try:
            found, newest = _prove(draft, source, random, None if accept_older else _if_there(witness))
        except StoreOlder as exc:
            raise StoreOlder(exc.what, insisting="--accept-older takes this one") from exc
        keep_owner_of(draft, path)
        kept = _moved_aside(path)
        draft.replace(path)
        sync_directory(path.parent)
        _note(newest, witness)
    return found, kept


def accept(path: Path, source: RootSource, witness: Witness, *, random: Callable[[int], bytes]) -> Proven:
    """Has the witness take the store for the newest. Raises as back_up does, and StoreBusy."""
    with closing(open_store(SqliteRows(path), source, random=random)) as store:
        found = _read(store)
        _note(store.noted(), witness)
    return found


def _note(newest: bytes, witness: Witness) -> None:
    try:
        witness.note(newest)
    except OSError as exc:
        raise StoreError(f"{witness} cannot be written: {exc.strerror}") from exc


def _if_there(witness: Witness) -> Witness | None:
    """A machine that is new has none, and nothing to compare with."""
    return witness if witness.noted() is not None else None


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A name beside the target, for this user alone; gone afterwards, with all that SQLite put beside it."""
    draft = target.with_name(target.name + ".draft")
    try:
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as exc:
        raise StoreError(f"{draft} cannot be made: {exc.strerror}") from exc
    try:
        yield draft
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            draft.with_name(draft.name + ending).unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """By SQLite, so that what is still in the write-ahead log comes along. Raises StoreError."""
    # Without a log nobody writes, and SQLite need not write beside a file on read-only media.
    read_only = "mode=ro" if source.with_name(source.name + "-wal").exists() else "mode=ro&immutable=1"
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?{read_only}", uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.Error as exc:
        raise StoreError(f"{source} cannot be copied ({exc})") from exc
    with target.open("rb") as written:
        os.fsync(written.fileno())


def _prove(
    path: Path, source: RootSource, random: Callable[[int], bytes], witness: Witness | None
) -> tuple[Proven, bytes]:
    """What is in it, and what a witness is to note of it. A passphrase is stretched once."""
    with closing(open_store(SqliteRows(path, lock=False), source, random=random, witness=witness)) as store:
        return _read(store), store.noted()


def _read(store: SealedStore) -> Proven:
    count = 0
    for record in store.records():
        record.wipe()
        count += 1
    return Proven(generation=store.generation, records=count)


def _moved_aside(path: Path) -> Path | None:
    """What was there stays, with the log that may belong to it."""
    if not path.exists():
        return None
    number = 1
    while (kept := path.with_name(f"{path.name}.replaced-{number}")).exists():
        number += 1
    for ending in ("-wal", "-shm", ""):
        file = path.with_name(path.name + ending)
        if file.exists():
            file.rename(kept.with_name(kept.name + ending))
    return kept
