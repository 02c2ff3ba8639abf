"""What `sealgate hsm init` leaves behind."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from proxy.hsm.core.names import SERVICE_ACCOUNT
from proxy.hsm.init import InitResult, initialise, open_sqlite_store
from proxy.hsm.root import KeyFile, KeyVariable, RootKeyError, RootSource
from proxy.hsm.store import StoreBusy, StoreError, StoreExists
from proxy.hsm.witness import FileWitness
from tests.hsm.rig import ACCOUNT, REGION, Rig


def init(directory: Path, source: RootSource | None = None, **changed: object) -> InitResult:
    arguments = {"account": ACCOUNT, "region": REGION, "make_root_key": True, **changed}
    return initialise(
        directory / "hsm.db",
        source or KeyFile(directory / "root.key"),
        clock=float,
        random=os.urandom,
        **arguments,  # type: ignore[arg-type]  # a test's shorthand
    )


def test_it_makes_root_key_store_and_administrator(tmp_path: Path) -> None:
    made = init(tmp_path, administrator="ann")

    assert (made.identity_name, made.account) == ("ann", ACCOUNT)
    assert made.identity_arn == f"arn:aws:iam::{ACCOUNT}:user/ann"
    assert (len(made.access_key_id), len(made.secret_access_key)) == (20, 40)
    assert made.root_key_file == tmp_path / "root.key"
    assert made.root_key_file.stat().st_mode & 0o777 == 0o600
    assert made.secret_access_key not in repr(made)


def test_the_store_does_not_hold_the_administrators_secret(tmp_path: Path) -> None:
    made = init(tmp_path)

    files = [file.read_bytes() for file in tmp_path.iterdir()]
    assert [
        raw for raw in files if made.secret_access_key.encode() in raw or made.access_key_id.encode() in raw
    ] == []


def test_it_runs_once(rig: Rig) -> None:
    """Not on a store that is there, nor on one that is running; and neither is touched."""
    key_id = rig.key()["KeyId"]
    with pytest.raises(StoreBusy):
        init(rig.directory)
    rig.engine.close()
    before = (rig.directory / "hsm.db").read_bytes()
    with pytest.raises(StoreExists, match="nothing was changed"):
        init(rig.directory)

    assert (rig.directory / "hsm.db").read_bytes() == before
    rig.restart()
    assert rig.state(key_id) == "Enabled"


def test_it_makes_no_root_key_for_a_store_that_has_one(tmp_path: Path) -> None:
    """A second key where the first was mislaid would look like the right one."""
    init(tmp_path)
    (tmp_path / "root.key").rename(tmp_path / "mislaid")

    with pytest.raises(StoreExists):
        init(tmp_path)
    assert not (tmp_path / "root.key").exists()


def test_it_can_be_run_again_where_it_was_cut_off(tmp_path: Path) -> None:
    """After the root key, before the store: the root key that is there is taken."""
    with pytest.raises(RootKeyError):
        init(tmp_path, make_root_key=False)
    first = init(tmp_path)
    (tmp_path / "hsm.db").unlink()
    (tmp_path / "hsm.db.witness").unlink()
    second = init(tmp_path)

    assert (first.root_key_file, second.root_key_file) == (tmp_path / "root.key", None)
    open_sqlite_store(tmp_path / "hsm.db", KeyFile(tmp_path / "root.key"), random=os.urandom).close()


def test_it_takes_no_store_that_is_away_for_one_that_never_was(tmp_path: Path) -> None:
    """Its disk was not there at a start whose script runs init; the witness is on another."""
    seen = tmp_path / "elsewhere"
    init(tmp_path, witness=seen)
    (tmp_path / "hsm.db").rename(tmp_path / "away")
    (tmp_path / "root.key").rename(tmp_path / "root.away")

    with pytest.raises(
        StoreError, match=r"elsewhere is there, and .*hsm.db is not: .*`sealgate hsm restore`"
    ):
        init(tmp_path, witness=seen)
    assert not (tmp_path / "root.key").exists()
    (tmp_path / "away").replace(tmp_path / "hsm.db")
    (tmp_path / "root.away").rename(tmp_path / "root.key")
    store = open_sqlite_store(
        tmp_path / "hsm.db", KeyFile(tmp_path / "root.key"), random=os.urandom, witness=FileWitness(seen)
    )
    with closing(store):
        assert list(store.records())


def test_a_root_key_that_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    """Killed between the making of the file and the writing of it."""
    (tmp_path / "root.key").touch(mode=0o600)

    assert init(tmp_path).root_key_file == tmp_path / "root.key"
    open_sqlite_store(tmp_path / "hsm.db", KeyFile(tmp_path / "root.key"), random=os.urandom).close()


def test_a_root_key_from_elsewhere_is_not_written(tmp_path: Path) -> None:
    made = init(tmp_path, KeyVariable("K", {"K": "ab" * 32}))

    assert made.root_key_file is None
    assert {file.name for file in tmp_path.iterdir()} == {"hsm.db", "hsm.db.lock", "hsm.db.witness"}


@pytest.mark.parametrize("account", ["", "1234", "11112222333x", SERVICE_ACCOUNT])
def test_an_account_is_twelve_digits_and_not_the_services(tmp_path: Path, account: str) -> None:
    with pytest.raises(StoreError, match="twelve digits"):
        init(tmp_path, account=account)

    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "hsm.db").touch(mode=0o600)
    (tmp_path / "hsm.db").write_bytes(b"a letter to a friend, kept in this file" * 30)

    with pytest.raises(StoreError):
        init(tmp_path)
    assert (tmp_path / "hsm.db").read_bytes().startswith(b"a letter")
