"""Copies of the store, and the witness that tells the newest from an older one."""

import os
import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from proxy.hsm.copies import accept, back_up, restore
from proxy.hsm.core.material import KeyMaterial
from proxy.hsm.init import open_sqlite_store
from proxy.hsm.root import KeyFile
from proxy.hsm.store import (
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreExists,
    StoreMissing,
    StoreOlder,
    WrongRootKey,
)
from proxy.hsm.witness import FileWitness, beside
from tests.hsm.rig import Rig, make_store, root_file


def store_of(rig: Rig) -> Path:
    return rig.directory / "hsm.db"


def witness_of(rig: Rig) -> FileWitness:
    return FileWitness(beside(store_of(rig)))


def backed_up(rig: Rig, name: str = "copy.db") -> Path:
    copy = rig.directory / name
    back_up(store_of(rig), copy, root_file(rig.directory), random=os.urandom)
    return copy


def restored(rig: Rig, copy: Path, *, accept_older: bool = False) -> Path | None:
    return restore(
        copy,
        store_of(rig),
        root_file(rig.directory),
        witness_of(rig),
        random=os.urandom,
        accept_older=accept_older,
    )[1]


def start(rig: Rig) -> None:
    """As the service does: with the witness."""
    store = open_sqlite_store(
        store_of(rig), root_file(rig.directory), random=os.urandom, witness=witness_of(rig)
    )
    with closing(store):
        list(store.records())


def test_a_copy_made_while_the_service_runs_has_what_was_acknowledged(rig: Rig) -> None:
    key = rig.key()
    blob = rig.ask("Encrypt", KeyId=key["KeyId"], Plaintext=b"hello")["CiphertextBlob"]
    copy = backed_up(rig)
    rig.engine.close()
    for left in rig.directory.glob("hsm.db*"):
        left.unlink()
    restored(rig, copy)
    rig.restart()

    assert rig.ask("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"hello"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [left.name for left in rig.directory.glob("*draft*")] == []


def test_a_copy_is_of_one_moment_however_much_is_written_meanwhile(rig: Rig) -> None:
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            rig.key()

    writer = threading.Thread(target=busy)
    writer.start()
    try:
        copies = [backed_up(rig, f"copy-{n}.db") for n in range(3)]
    finally:
        stop.set()
        writer.join()
    rig.engine.close()

    for copy in copies:
        restored(rig, copy, accept_older=True)
        start(rig)


def test_an_older_copy_in_the_store_s_place_is_refused_until_somebody_insists(rig: Rig) -> None:
    """By whatever means it came there."""
    copy = backed_up(rig)
    rig.key()
    rig.engine.close()
    shutil.copy(copy, store_of(rig))

    with pytest.raises(StoreOlder, match=r"older copy.*keys made since are not in it.*sealgate hsm accept"):
        start(rig)
    accept(store_of(rig), root_file(rig.directory), witness_of(rig), random=os.urandom)
    start(rig)


def test_restoring_an_older_copy_takes_insistence_and_loses_nothing(rig: Rig) -> None:
    copy = backed_up(rig)
    key = rig.key()
    rig.engine.close()
    with pytest.raises(StoreOlder, match=r"older copy.*--accept-older takes this one$"):
        restored(rig, copy)
    start(rig)
    kept = restored(rig, copy, accept_older=True)
    start(rig)
    assert kept is not None
    restored(rig, kept)
    rig.restart()

    assert rig.state(key["KeyId"]) == "Enabled"


def test_what_root_puts_back_stays_the_service_s(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its next start could open neither store nor witness, were they root's. Where nothing is, the owner of
    the directory gets them.
    """
    copy = backed_up(rig)
    rig.engine.close()
    given: list[tuple[str, int, int]] = []

    def give(held: int, user: int, group: int) -> None:
        given.append((Path(f"/proc/self/fd/{held}").readlink().name, user, group))

    monkeypatch.setattr(os, "fchown", give)
    restored(rig, copy)
    for file in (store_of(rig), beside(store_of(rig))):
        file.unlink()
    restored(rig, copy)

    owner, store = rig.directory.stat(), store_of(rig).name
    names = (f"{store}.lock", f"{store}.draft", f"{beside(store_of(rig)).name}.new")
    assert given == [(name, owner.st_uid, owner.st_gid) for name in names] * 2
    start(rig)


def test_the_witness_follows_every_change(rig: Rig) -> None:
    """So that even a store that lacks only the last change is refused."""
    rig.engine.close()
    store = open_sqlite_store(
        store_of(rig), root_file(rig.directory), random=os.urandom, witness=witness_of(rig)
    )
    with closing(store):
        records = list(store.records())
        shutil.copy(store_of(rig), rig.directory / "before.db")
        store.commit([record for record in records if record.kind == "alias"])
    shutil.copy(rig.directory / "before.db", store_of(rig))

    with pytest.raises(StoreOlder):
        start(rig)


def test_links_to_another_disk_stay_links(rig: Rig) -> None:
    """Store and witness: a file in a link's place would leave the other disk's behind."""
    copy = backed_up(rig)
    rig.key()
    rig.engine.close()
    disk = rig.directory / "disk"
    disk.mkdir()
    for path in (store_of(rig), beside(store_of(rig))):
        path.symlink_to(path.rename(disk / path.name))

    kept = restored(rig, copy, accept_older=True)
    start(rig)

    assert kept == disk / "hsm.db.replaced-1"
    assert store_of(rig).is_symlink()
    assert beside(store_of(rig)).is_symlink()
    assert not list(disk.glob("*.draft*"))


def no_witness(path: Path) -> None:
    path.unlink()


def altered(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"\0")


def cut(path: Path) -> None:
    path.write_bytes(b"")


def of_another_store(path: Path) -> None:
    other = path.parent / "other"
    other.mkdir()
    shutil.copy(path.parent / "root.key", other / "root.key")
    make_store(other)
    shutil.copy(beside(other / "hsm.db"), path)


@pytest.mark.parametrize("spoil", [no_witness, altered, cut, of_another_store])
def test_a_witness_that_cannot_tell_stops_the_start_until_somebody_insists(
    rig: Rig, spoil: Callable[[Path], None]
) -> None:
    rig.engine.close()
    spoil(beside(store_of(rig)))

    with pytest.raises(StoreOlder, match="sealgate hsm accept"):
        start(rig)
    accept(store_of(rig), root_file(rig.directory), witness_of(rig), random=os.urandom)
    start(rig)


def test_a_change_is_kept_where_the_witness_cannot_be_written(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    """The change is on the disk, and was promised; the operator hears of the witness."""
    rig.engine.close()
    nowhere = FileWitness(rig.directory / "none" / "w")
    store = open_sqlite_store(store_of(rig), root_file(rig.directory), random=os.urandom)
    with closing(store):
        records = list(store.records())
        store._witness = nowhere
        store.commit([record for record in records if record.kind == "alias"])

    assert "an older copy of the store may go unnoticed" in caplog.text
    start(rig)


def test_a_passphrase_is_stretched_once_for_a_restore(rig: Rig) -> None:
    """Half a second and 128 MiB each time."""
    copy = backed_up(rig)
    rig.engine.close()
    root, asked = root_file(rig.directory), []

    class Counting:
        def root_key(self, salt: bytes, cost_log2: int) -> KeyMaterial:
            asked.append(salt)
            return root.root_key(salt, cost_log2)

    restore(copy, store_of(rig), Counting(), witness_of(rig), random=os.urandom, accept_older=False)

    assert len(asked) == 1
    start(rig)


def test_a_store_in_use_is_not_replaced(rig: Rig) -> None:
    copy = backed_up(rig)

    with pytest.raises(StoreBusy):
        restored(rig, copy)


def damaged(copy: Path) -> None:
    raw = copy.read_bytes()
    copy.write_bytes(raw[:-4096] + b"\xff" * 4096)


def no_store(copy: Path) -> None:
    copy.write_bytes(b"no store" * 1000)


def gone(copy: Path) -> None:
    copy.unlink()


@pytest.mark.parametrize(
    ("spoil", "error"), [(damaged, StoreDamaged), (no_store, StoreError), (gone, StoreMissing)]
)
def test_what_is_no_good_copy_is_not_put_in_place(
    rig: Rig, spoil: Callable[[Path], None], error: type[StoreError]
) -> None:
    copy = backed_up(rig)
    rig.engine.close()
    spoil(copy)

    with pytest.raises(error):
        restored(rig, copy)
    start(rig)


def test_a_copy_under_another_root_key_is_refused(rig: Rig) -> None:
    """A backup is proven on the day it is made."""
    other = rig.directory / "other.key"
    other.touch(mode=0o600)
    other.write_text("ab" * 32)

    with pytest.raises(WrongRootKey):
        back_up(store_of(rig), rig.directory / "copy.db", KeyFile(other), random=os.urandom)
    assert not (rig.directory / "copy.db").exists()


def test_a_backup_overwrites_nothing(rig: Rig) -> None:
    copy = backed_up(rig)
    before = copy.read_bytes()

    with pytest.raises(StoreExists):
        backed_up(rig)
    assert copy.read_bytes() == before
