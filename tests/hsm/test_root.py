"""Where the root key comes from."""

import base64
import errno
import os
from pathlib import Path

import pytest

from proxy.hsm.init import initialise, open_sqlite_store
from proxy.hsm.root import (
    KeyFile,
    KeyVariable,
    PassphraseFile,
    PassphraseVariable,
    RootKeyError,
    RootSource,
    root_source,
    write_key_file,
)
from proxy.hsm.store import WrongRootKey

KEY = bytes(range(32))
SALT, COST = bytes(16), 10
SAID = "correct horse battery"


def private(path: Path, text: str | bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [KEY.hex(), KEY.hex().upper(), KEY.hex() + "\n", base64.b64encode(KEY).decode(), f" {KEY.hex()}\r\n"],
)
def test_a_key_is_base64_or_hexadecimal_in_a_file_or_a_variable(tmp_path: Path, text: str) -> None:
    sources: list[RootSource] = [KeyFile(private(tmp_path / "k", text)), KeyVariable("K", {"K": text})]

    materials = [source.root_key(SALT, COST) for source in sources]

    assert [material.reveal() for material in materials] == [KEY, KEY]


@pytest.mark.parametrize(
    "text", ["", "00", KEY.hex()[:-1], KEY.hex() + "0", "g" * 64, base64.b64encode(KEY[1:]).decode()]
)
def test_anything_else_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    for source in (KeyFile(private(tmp_path / "k", text)), KeyVariable("K", {"K": text})):
        with pytest.raises(RootKeyError, match="32 bytes") as caught:
            source.root_key(SALT, COST)
        assert not text or text not in str(caught.value)
        assert caught.value.__suppress_context__


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "k", KEY.hex())
    path.chmod(mode)

    for source in (KeyFile(path), PassphraseFile(path)):
        with pytest.raises(RootKeyError, match="chmod 600"):
            source.root_key(SALT, COST)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    sources: list[tuple[RootSource, str]] = [
        (KeyFile(tmp_path / "none"), "none cannot be read"),
        (KeyFile(private(tmp_path / "bytes", b"\xff\xfe")), "not text"),
        (KeyVariable("NONE", {}), "NONE is not set"),
        (PassphraseVariable("NONE", {}), "NONE is not set"),
    ]

    for source, says in sources:
        with pytest.raises(RootKeyError, match=says):
            source.root_key(SALT, COST)


def test_a_passphrase_is_stretched_over_the_stores_salt(tmp_path: Path) -> None:
    from_file = PassphraseFile(private(tmp_path / "p", SAID + "\n")).root_key(SALT, COST)
    from_variable = PassphraseVariable("P", {"P": SAID}).root_key(SALT, COST)
    salted = PassphraseVariable("P", {"P": SAID}).root_key(bytes(15) + b"\1", COST)
    costlier = PassphraseVariable("P", {"P": SAID}).root_key(SALT, COST + 1)

    assert from_file.reveal() == from_variable.reveal()
    assert len({bytes(k.reveal()) for k in (from_file, salted, costlier)}) == 3


@pytest.mark.parametrize(
    ("said", "cost", "says"), [("eleven char", COST, "12"), (SAID, 9, "cost"), (SAID, 20, "cost")]
)
def test_a_short_passphrase_and_a_senseless_cost_are_refused(said: str, cost: int, says: str) -> None:
    """The cost stands in the store, which may have been altered to eat all memory."""
    with pytest.raises(RootKeyError, match=says):
        PassphraseVariable("P", {"P": said}).root_key(SALT, cost)


def test_a_passphrase_in_another_encoding_is_refused_and_not_repeated() -> None:
    """As the environment has it: bytes that are no UTF-8 are surrogates there."""
    with pytest.raises(RootKeyError, match="UTF-8") as caught:
        PassphraseVariable("P", {"P": SAID + os.fsdecode(b"\xfc")}).root_key(SALT, COST)

    assert SAID not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_store_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    store = tmp_path / "hsm.db"
    source = PassphraseVariable("P", {"P": SAID})
    initialise(store, source, account="111122223333", region="eu-central-1", clock=float, random=os.urandom)
    open_sqlite_store(store, source, random=os.urandom).close()

    with pytest.raises(WrongRootKey) as caught:
        open_sqlite_store(store, PassphraseVariable("P", {"P": SAID + "!"}), random=os.urandom)
    assert SAID not in str(caught.value)


def test_sources_are_chosen_by_the_configurations_field() -> None:
    environment = {"X": "y"}

    assert root_source("file", "/a/b", environment) == KeyFile(Path("/a/b"))
    assert root_source("env", "X", environment) == KeyVariable("X", environment)
    assert root_source("passphrase_file", "/a/b", environment) == PassphraseFile(Path("/a/b"))
    assert root_source("passphrase_env", "X", environment) == PassphraseVariable("X", environment)


@pytest.mark.parametrize("kind", ["pkcs11", "vault"])
def test_a_source_that_is_not_provided_is_refused_by_name(kind: str) -> None:
    with pytest.raises(RootKeyError, match=kind):
        root_source(kind, "x", {})


def test_no_source_prints_what_it_holds() -> None:
    for source in (KeyVariable("K", {"K": "hush"}), PassphraseVariable("K", {"K": "hush"})):
        assert "hush" not in f"{source!r} {source}"


def test_a_new_key_file_is_private_and_never_replaces_another(tmp_path: Path) -> None:
    path = tmp_path / "k"
    write_key_file(path, lambda size: KEY[:size])

    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(RootKeyError, match="cannot be made"):
        write_key_file(path, os.urandom)
    material = KeyFile(path).root_key(SALT, COST)
    assert material.reveal() == KEY


def test_a_key_file_that_was_not_written_whole_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk leaves none; a kill on the way leaves one that is empty, which counts for nothing."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "k"
    with monkeypatch.context() as disk:
        disk.setattr("os.fsync", full)
        with pytest.raises(RootKeyError, match="No space left"):
            write_key_file(path, os.urandom)
    assert list(tmp_path.iterdir()) == []

    private(path, "")
    path.chmod(0o644)
    write_key_file(path, lambda size: KEY[:size])
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyFile(path).root_key(SALT, COST).reveal() == KEY


def test_a_key_file_that_is_a_link_to_nowhere_is_left_alone(tmp_path: Path) -> None:
    """The disk that it leads to may be away, and have the key."""
    path = tmp_path / "k"
    path.symlink_to(tmp_path / "away" / "k")

    with pytest.raises(RootKeyError, match="cannot be made"):
        write_key_file(path, os.urandom)
    assert path.is_symlink()
