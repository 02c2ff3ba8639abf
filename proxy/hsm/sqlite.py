"""Sealed rows in one SQLite file, for one machine.

Write-ahead log with full synchronisation: a commit returns after its bytes are on the disk. The file, and
what SQLite puts beside it, is the owner's alone (0600); the directory is synced when the file is made. A
lock file beside it keeps a second process out for as long as this one lives.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from proxy.hsm.durable import sync_directory
from proxy.hsm.owner import keep_owner
from proxy.hsm.store import Header, Row, StoreBusy, StoreDamaged, StoreError, StoreFailed, StoreMissing

APPLICATION_ID = 0x53474B31
"""In the file's head, so that another program's database is not taken for a store."""
SCHEMA_VERSION = 1

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA fullfsync=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA temp_store=MEMORY",
)
_SCHEMA = (
    "CREATE TABLE header (one INTEGER PRIMARY KEY CHECK (one = 1), open BLOB NOT NULL, sealed BLOB NOT NULL)",
    "CREATE TABLE records (kind TEXT, name TEXT, sealed BLOB NOT NULL, PRIMARY KEY (kind, name))",
    f"PRAGMA application_id={APPLICATION_ID}",
    f"PRAGMA user_version={SCHEMA_VERSION}",
)


_ROOM = "make room on its disk, and see what the system's log says of it"
_MAY = "let this user write to it and to its directory"
_HELD = "end the program that holds it"
_OUTSIDE: Mapping[int, str] = {
    sqlite3.SQLITE_FULL: _ROOM,
    sqlite3.SQLITE_IOERR: _ROOM,
    sqlite3.SQLITE_CANTOPEN: _MAY,
    sqlite3.SQLITE_PERM: _MAY,
    sqlite3.SQLITE_READONLY: _MAY,
    sqlite3.SQLITE_BUSY: _HELD,
    sqlite3.SQLITE_LOCKED: _HELD,
}
"""What is wrong around a store that may be whole: nobody should restore an older one for it."""

_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""The second comes where SQLite's message quotes what is damaged."""


class SqliteRows:
    """Safe to use from any thread, by one at a time."""

    def __init__(self, path: Path, *, create: bool = False, lock: bool = True) -> None:
        """Without lock, nobody else can have the file: it is held already, or new.

        Raises StoreMissing, StoreBusy, or StoreError for a file that is not ours or that others may read.
        """
        self._path = path
        self._connection: sqlite3.Connection | None = None
        if not create and not path.exists():
            raise StoreMissing(f"{path} does not exist; `sealgate hsm init` makes it")
        self._lock: int | None = _lock(path) if lock else None
        try:
            _make_file(path)
            self._connection = self._connect()
        except BaseException:
            self.close()
            raise

    def header(self) -> Header | None:
        for opened, sealed in self._read("SELECT open, sealed FROM header", (bytes, bytes)):
            return Header(open=opened, sealed=sealed)
        return None

    def rows(self) -> Iterator[Row]:
        query = "SELECT kind, name, sealed FROM records ORDER BY kind, name"
        for kind, name, sealed in self._read(query, (str, str, bytes)):
            yield Row(kind=kind, name=name, sealed=sealed)

    def write(self, header: Header, put: Sequence[Row], delete: Sequence[tuple[str, str]]) -> None:
        database = self._open
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("REPLACE INTO header VALUES (1, ?, ?)", (header.open, header.sealed))
            database.executemany("DELETE FROM records WHERE kind = ? AND name = ?", delete)
            rows = [(row.kind, row.name, row.sealed) for row in put]
            database.executemany("REPLACE INTO records VALUES (?, ?, ?)", rows)
            database.execute("COMMIT")
        except sqlite3.Error as exc:
            self._roll_back()
            raise StoreFailed(f"{self._path}: the change was not written ({exc})") from exc
        if delete:
            self._forget_log()

    def close(self) -> None:
        """Idempotent. The log is folded into the file by SQLite as it closes."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreFailed(f"{self._path} is closed")
        return self._connection

    def _read(self, query: str, form: tuple[type, ...]) -> Iterator[tuple[Any, ...]]:
        """Each row, whose values are of these types: what was altered may be of any."""
        try:
            for row in self._open.execute(query):
                if tuple(map(type, row)) != form:
                    raise StoreDamaged(str(self._path), "a value in it is of another type than was written")
                yield row
        except _UNREADABLE as exc:
            raise _unusable(self._path, "the database cannot be read", exc) from exc

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, self._path)
        except _UNREADABLE as exc:
            connection.close()
            raise _unusable(self._path, "this is not a usable database", exc) from exc
        except BaseException:
            connection.close()
            raise
        return connection

    def _forget_log(self) -> None:
        """secure_delete has overwritten what was deleted in the file; the log may still hold it. Where a
        reader keeps this from being done, the next deletion or the end does it.
        """
        with suppress(sqlite3.Error):
            self._open.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def _roll_back(self) -> None:
        # SQLite has often rolled back by itself; what matters is that no transaction stays open.
        with suppress(sqlite3.Error):
            self._open.execute("ROLLBACK")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps every HSM off the store at path meanwhile. Raises StoreBusy where one runs on it."""
    held = _lock(path)
    try:
        yield
    finally:
        os.close(held)


def _unusable(path: Path, says: str, exc: Exception) -> StoreError:
    code = getattr(exc, "sqlite_errorcode", None)
    why = "text that is no UTF-8" if code is None else exc  # Python's own error quotes the text
    remedy = _OUTSIDE.get((code or 0) & 0xFF)  # without what extended codes add
    if remedy:
        return StoreError(f"{path} cannot be used ({why}): {remedy}")
    return StoreDamaged(str(path), f"{says} ({why})")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Only an empty file or one of ours; the schema is made in one transaction."""
    ours = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if tables and ours != APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program")
    if version > SCHEMA_VERSION:
        raise StoreError(f"{path} was written by a newer version of this program")
    for pragma in _PRAGMAS:
        connection.execute(pragma).fetchone()
    if not tables:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("COMMIT")


def _lock(path: Path) -> int:
    """Beside the file itself, whichever link led there: two locks would let two processes write to it."""
    behind = Path(os.path.realpath(path))
    lock = behind.with_name(behind.name + ".lock")
    try:
        held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise StoreError(f"{lock} cannot be opened: {exc.strerror}") from exc
    keep_owner(held, path)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(held)
        raise StoreBusy(f"{path} is in use by another HSM; a store is one process's alone") from exc
    return held


def _make_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_directory(path.parent)
        mode = path.stat().st_mode
    except OSError as exc:
        raise StoreError(f"{path} cannot be opened: {exc.strerror}") from exc
    if mode & 0o077:
        raise StoreError(f"{path} is open to other users; chmod 600 it")
