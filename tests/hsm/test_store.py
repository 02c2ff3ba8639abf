"""The sealed SQLite store: durable, private, one process's alone, and altered by nobody unnoticed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.records import Record
from proxy.hsm.init import open_sqlite_store
from proxy.hsm.root import KeyFile
from proxy.hsm.sealed import SealedStore, create_store
from proxy.hsm.sqlite import SqliteRows
from proxy.hsm.store import (
    Header,
    StoreBusy,
    StoreError,
    StoreFailed,
    WrongRootKey,
)
from tests.hsm.rig import Rig, make_store, root_file, running


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


def held(directory: Path) -> dict[str, bytes]:
    """What a new process finds, of the records that a test wrote."""
    with closing(opened(directory)) as again:
        return {r.name: bytes(r.plain) for r in again.records() if r.kind == "test"}


def test_what_was_committed_is_there_for_the_next_process(store: SealedStore, tmp_path: Path) -> None:
    store.commit([record("a"), record("b"), record("c")])
    store.commit([record("b", b"other"), record("d")], delete=[("test", "a"), ("test", "none")])
    generation = store.generation
    store.close()
    store.close()

    assert held(tmp_path) == {"b": b"other", "c": b"contents", "d": b"contents"}
    with closing(opened(tmp_path)) as again:
        list(again.records())
        assert again.generation == generation


def test_every_change_raises_the_generation_by_one(store: SealedStore) -> None:
    first = store.generation
    store.commit([record("a")])
    store.commit([], delete=[("test", "a")])

    assert store.generation == first + 2


def test_sealed_bytearrays_are_wiped(store: SealedStore) -> None:
    plain = bytearray(b"secret")
    store.commit([Record(kind="test", name="a", plain=plain)])

    assert plain == bytes(6)


def test_nothing_on_the_disk_is_readable(tmp_path: Path) -> None:
    with running(tmp_path) as rig:
        key = rig.key(Description="harvest moon", Tags=[{"TagKey": "quarter", "TagValue": "autumn"}])
        version = rig.engine._desk.ring.version(key["KeyId"], 1)
        assert version is not None
        secrets = [bytes(version.material.reveal()), b"harvest", b"autumn", b"SYMMETRIC_DEFAULT"]
        files = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.name != "root.key"}
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}

    assert set(modes) == {
        *("hsm.db", "hsm.db-wal", "hsm.db-shm", "hsm.db.lock", "hsm.db.witness", "root.key"),
    }
    assert set(modes.values()) == {0o600}
    assert [
        (name, s) for name, raw in files.items() for s in secrets if s in raw or s.hex().encode() in raw
    ] == []


def test_changes_are_written_through_to_the_disk(tmp_path: Path) -> None:
    """Write-ahead log and full synchronisation, as SQLite itself says."""
    make_store(tmp_path)
    with closing(SqliteRows(tmp_path / "hsm.db")) as rows:
        journal = rows._open.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = rows._open.execute("PRAGMA synchronous").fetchone()[0]

    assert (journal, synchronous) == ("wal", 2)


def test_a_second_hsm_on_the_same_store_is_refused(store: SealedStore, tmp_path: Path) -> None:
    with pytest.raises(StoreBusy, match="in use by another HSM"):
        opened(tmp_path)
    script = (
        "import sys; from pathlib import Path; from proxy.hsm.sqlite import SqliteRows\n"
        "SqliteRows(Path(sys.argv[1]))"
    )
    other = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "hsm.db"], capture_output=True, text=True, check=False
    )

    assert "StoreBusy" in other.stderr
    store.close()
    opened(tmp_path).close()


def test_a_second_hsm_on_a_link_to_the_store_is_refused(store: SealedStore, tmp_path: Path) -> None:
    """Two at once would each write what the other's records do not add up to."""
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "hsm.db"
    link.symlink_to(tmp_path / "hsm.db")

    with pytest.raises(StoreBusy):
        SqliteRows(link)
    store.close()
    SqliteRows(link).close()


def test_a_change_that_fails_leaves_store_and_memory_as_they_were(rig: Rig) -> None:
    """The caller hears that nothing happened, and nothing has."""
    key_id = rig.key()["KeyId"]
    ring = rig.engine._desk.ring
    generation = ring._store.generation
    rows: SqliteRows = ring._store._rows  # type: ignore[attr-defined]  # the store behind the protocol
    rows._open.execute(
        "CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    refusals: list[KmsError] = [
        rig.refused("DisableKey", KeyId=key_id),
        rig.refused("CreateKey"),
        rig.refused("CreateAlias", AliasName="alias/a", TargetKeyId=key_id),
    ]

    assert {(r.code, r.status) for r in refusals} == {("KMSInternalException", 500)}
    assert rig.state(key_id) == "Enabled"
    assert len(rig.ask("ListKeys")["Keys"]) == 1
    assert rig.ask("ListAliases")["Aliases"] == []
    assert ring._store.generation == generation
    rows._open.execute("DROP TRIGGER full")
    rig.ask("DisableKey", KeyId=key_id)
    rig.restart()
    assert rig.state(key_id) == "Disabled"


def test_a_closed_store_takes_nothing(tmp_path: Path) -> None:
    rows = SqliteRows(tmp_path / "other.db", create=True)
    rows.close()

    with pytest.raises(StoreFailed):
        rows.write(Header(open=b"", sealed=b""), [], [])


def test_another_root_key_is_called_that_and_shows_nothing(tmp_path: Path) -> None:
    make_store(tmp_path)
    other = tmp_path / "other.key"
    other.touch(mode=0o600)
    other.write_text("ab" * 32)

    with pytest.raises(WrongRootKey) as caught:
        open_sqlite_store(tmp_path / "hsm.db", KeyFile(other), random=os.urandom)

    assert str(caught.value) == f"the root key from file {other} is not the one that this store was made with"
    opened(tmp_path).close()


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteRows(tmp_path / "none" / "hsm.db", create=True)
    (tmp_path / "d.db").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteRows(tmp_path / "d.db", create=True)


def test_a_store_is_made_once(tmp_path: Path) -> None:
    make_store(tmp_path)
    with pytest.raises(StoreError, match="already"):
        create_store(SqliteRows(tmp_path / "hsm.db"), root_file(tmp_path), [], random=os.urandom)
    opened(tmp_path).close()


def test_closing_wipes_all_key_material(rig: Rig) -> None:
    version = rig.engine._desk.ring.version(rig.key()["KeyId"], 1)
    assert version is not None
    material = version.material.reveal()
    rig.engine.close()

    assert material == bytes(32)
