"""A store that was altered, swapped, cut or is another's is refused, with the record or the reason named."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from proxy.hsm.core.records import Record
from proxy.hsm.init import open_sqlite_store
from proxy.hsm.keyring import Keyring
from proxy.hsm.sealed import SealedStore
from proxy.hsm.sqlite import SqliteRows
from proxy.hsm.store import (
    StoreDamaged,
    StoreError,
    StoreMissing,
)
from tests.hsm.rig import Rig, make_store, root_file


def opened(directory: Path) -> SealedStore:
    return open_sqlite_store(directory / "hsm.db", root_file(directory), random=os.urandom)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SealedStore]:
    make_store(tmp_path)
    with closing(opened(tmp_path)) as made:
        list(made.records())
        yield made


def record(name: str, plain: bytes = b"contents") -> Record:
    return Record(kind="test", name=name, plain=plain)


def changed(directory: Path, *statements: str) -> None:
    with closing(sqlite3.connect(directory / "hsm.db")) as database, database:
        for statement in statements:
            database.execute(statement)


# Another byte than is there: each of them is random.
OTHER = "iif(substr(sealed, 21, 1) = x'00', x'01', x'00')"
FLIPPED = f"substr(sealed, 1, 20) || {OTHER} || substr(sealed, 22)"


@pytest.mark.parametrize(
    ("kind", "column"),
    [("key", "sealed"), ("version", "sealed"), ("alias", "sealed"), ("key", "name"), ("alias", "kind")],
)
def test_an_altered_row_is_named_and_nothing_is_served(tmp_path: Path, kind: str, column: str) -> None:
    """State, account, targets and key material alike."""
    new = {"sealed": f"CAST({FLIPPED} AS BLOB)", "name": "name || '0'", "kind": "'key'"}[column]
    make_store(tmp_path)
    changed(tmp_path, " ".join(("UPDATE records SET", column, "=", new, f"WHERE kind = '{kind}'")))

    with closing(opened(tmp_path)) as store, pytest.raises(StoreDamaged) as caught:
        Keyring(store)
    assert caught.value.record.startswith("key" if column == "kind" else kind)


def swap_names(directory: Path) -> None:
    """The sealed contents of two keys, exchanged."""
    with closing(sqlite3.connect(directory / "hsm.db")) as database, database:
        rows = database.execute(
            "SELECT name, sealed FROM records WHERE kind = 'key' ORDER BY name"
        ).fetchall()
        (one, first), (two, second) = rows[:2]
        database.execute("UPDATE records SET sealed = ? WHERE kind = 'key' AND name = ?", (second, one))
        database.execute("UPDATE records SET sealed = ? WHERE kind = 'key' AND name = ?", (first, two))


def test_a_record_under_anothers_name_is_named(store: SealedStore, tmp_path: Path) -> None:
    """Sealing binds each to its name, whatever stands inside it."""
    store.commit([record("a"), record("b")])
    store.close()
    move = "UPDATE records SET sealed = (SELECT sealed FROM records WHERE name = 'b') WHERE name = 'a'"
    changed(tmp_path, move)

    with closing(opened(tmp_path)) as again, pytest.raises(StoreDamaged) as caught:
        list(again.records())
    assert caught.value.record == "test a"


def remove_alias(directory: Path) -> None:
    changed(directory, "DELETE FROM records WHERE kind = 'alias' AND name LIKE '%alias/a'")


def remove_header(directory: Path) -> None:
    changed(directory, "DELETE FROM header")


def damage_header(directory: Path) -> None:
    changed(directory, f"UPDATE header SET sealed = CAST({FLIPPED} AS BLOB)")  # noqa: S608 -- the test's own words


def rewrite_open_header(directory: Path) -> None:
    changed(directory, "UPDATE header SET open = CAST(replace(CAST(open AS TEXT), ': 17', ': 16') AS BLOB)")


def newer_header(directory: Path) -> None:
    changed(directory, """UPDATE header SET open = '{"format": 2}'""")


def senseless_header(directory: Path) -> None:
    changed(directory, "UPDATE header SET open = '[]'")


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (swap_names, StoreDamaged),
        (remove_alias, StoreDamaged),
        (damage_header, StoreDamaged),
        (rewrite_open_header, StoreDamaged),
        (newer_header, StoreDamaged),
        (senseless_header, StoreDamaged),
        (remove_header, StoreMissing),
    ],
)
def test_a_store_that_was_tampered_with_is_refused(
    rig: Rig, damage: Callable[[Path], None], error: type[StoreError]
) -> None:
    rig.ask("CreateAlias", AliasName="alias/a", TargetKeyId=rig.key()["KeyId"])
    rig.key()
    rig.engine.close()
    damage(rig.directory)

    with pytest.raises(error), closing(opened(rig.directory)) as store:
        Keyring(store)


def test_a_row_put_back_from_an_older_copy_is_noticed(rig: Rig) -> None:
    """A key that was disabled is not enabled by a file editor."""
    key = rig.key()
    rig.engine.close()
    with closing(sqlite3.connect(rig.directory / "hsm.db")) as database:
        older = database.execute(
            "SELECT kind, name, sealed FROM records WHERE name = ?", (key["Arn"],)
        ).fetchone()
    rig.restart()
    rig.ask("DisableKey", KeyId=key["KeyId"])
    rig.engine.close()
    with closing(sqlite3.connect(rig.directory / "hsm.db")) as database, database:
        database.execute("REPLACE INTO records VALUES (?, ?, ?)", older)

    with closing(opened(rig.directory)) as store, pytest.raises(StoreDamaged, match="older copy"):
        Keyring(store)


def test_a_row_from_another_store_under_the_same_root_key_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        if name == "two":
            shutil.copy(tmp_path / "one" / "root.key", tmp_path / "two" / "root.key")
        make_store(tmp_path / name)
    changed(
        tmp_path / "two",
        f"ATTACH '{tmp_path}/one/hsm.db' AS one",
        "INSERT INTO records SELECT * FROM one.records WHERE kind = 'key'",
    )

    with closing(opened(tmp_path / "two")) as store, pytest.raises(StoreDamaged):
        Keyring(store)


@pytest.mark.parametrize(("kind", "says"), [("version", "not there"), ("key", "not there")])
def test_records_that_do_not_fit_together_are_refused(rig: Rig, kind: str, says: str) -> None:
    """Even where they were written by whoever holds the root key."""
    arn = rig.key()["Arn"]
    name = arn if kind == "key" else f"{arn.rsplit('/', 1)[1]}/1"
    rig.ask("CreateAlias", AliasName="alias/a", TargetKeyId=arn)
    rig.engine._desk.ring._store.commit([], delete=[(kind, name)])

    with pytest.raises(StoreDamaged, match=says):
        rig.restart()


def test_a_record_of_an_unknown_kind_is_refused(store: SealedStore, tmp_path: Path) -> None:
    """A newer version wrote it, and it may restrict something."""
    store.commit([Record(kind="grant", name="g", plain=b"{}")])
    store.close()

    with closing(opened(tmp_path)) as again, pytest.raises(StoreDamaged, match="grant g"):
        Keyring(again)


def test_a_header_that_went_away_after_the_opening_is_missed(store: SealedStore, tmp_path: Path) -> None:
    remove_header(tmp_path)

    with pytest.raises(StoreDamaged, match="gone"):
        list(store.records())


def test_a_store_that_cannot_be_read_is_let_go(tmp_path: Path) -> None:
    """So that the operator's next attempt does not find it in use."""
    make_store(tmp_path)
    remove_alias(tmp_path)
    changed(tmp_path, "DELETE FROM records WHERE kind = 'key'")
    with pytest.raises(StoreDamaged):
        Keyring(opened(tmp_path))

    SqliteRows(tmp_path / "hsm.db").close()


def open_to_others(path: Path) -> None:
    path.chmod(0o640)


def another_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (a)")
    path.chmod(0o600)


def newer_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=2")


def no_database(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to look at" * 50)


def torn_header(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + b"\xff" * 4096 + raw[8192:])


def torn_records(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[:8192] + b"\xff" * (len(raw) - 8192))


def absent(path: Path) -> None:
    path.unlink()


def header_as_text(path: Path) -> None:
    changed(path.parent, "UPDATE header SET sealed = CAST(X'ff' AS TEXT)")


def row_as_text(path: Path) -> None:
    changed(path.parent, "UPDATE records SET sealed = 'x'")


def name_as_bytes(path: Path) -> None:
    changed(path.parent, "UPDATE records SET name = CAST(name AS BLOB)")


def torn_schema(path: Path) -> None:
    raw = path.read_bytes()
    assert b"CREATE TABLE header" in raw
    path.write_bytes(raw.replace(b"CREATE TABLE header", b"CREATE T\xc1BLE header"))


def in_the_way(path: Path) -> None:
    path.with_name(path.name + "-wal").mkdir()


def never_initialised(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (open_to_others, StoreError, "chmod 600"),
        (another_program, StoreError, "another program"),
        (newer_program, StoreError, "newer version"),
        (no_database, StoreDamaged, r"not a usable database .*`sealgate hsm restore` puts a backup"),
        (torn_header, StoreDamaged, "cannot be read"),
        (torn_records, StoreDamaged, "cannot be read"),
        (header_as_text, StoreDamaged, r"cannot be read \(text that is no UTF-8\)"),
        (row_as_text, StoreDamaged, "another type"),
        (name_as_bytes, StoreDamaged, "another type"),
        (torn_schema, StoreDamaged, "not a usable database"),
        (in_the_way, StoreError, r"cannot be used \(unable to open .*\): let this user write [^`]*$"),
        (absent, StoreMissing, "hsm init"),
        (never_initialised, StoreMissing, "never initialised"),
    ],
)
def test_a_file_that_is_no_store_of_ours_is_refused_with_the_reason(
    tmp_path: Path, spoil: Callable[[Path], None], error: type[StoreError], says: str
) -> None:
    make_store(tmp_path)
    spoil(tmp_path / "hsm.db")

    with pytest.raises(error, match=says), closing(opened(tmp_path)) as store:
        list(store.records())


def test_a_file_torn_at_its_end_is_refused_before_it_is_used(store: SealedStore, tmp_path: Path) -> None:
    """The first records are whole, and may not be served without the last."""
    store.commit([record(f"{n:04}", bytes(500)) for n in range(300)])
    store.close()
    path = tmp_path / "hsm.db"
    raw = path.read_bytes()
    path.write_bytes(raw[:-8192] + b"\xff" * 8192)

    with closing(opened(tmp_path)) as again, pytest.raises(StoreDamaged, match="cannot be read"):
        list(again.records())
