"""`sealgate hsm init`, as a person types it."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from proxy.cli.main import cli
from proxy.hsm.core.model import Purpose
from proxy.hsm.init import open_sqlite_store
from proxy.hsm.keyring import Keyring
from proxy.hsm.root import KeyFile
from tests.cli.configs import ACCOUNT, written


def init(path: Path, *options: str) -> Result:
    path.parent.chmod(0o700)
    return CliRunner().invoke(cli, ["hsm", "init", "--config", str(path), *options])


@pytest.mark.parametrize("parts", [{"identities": None}, {"identities": None, "identities_file": "who.yaml"}])
def test_what_init_prints_completes_the_configuration(tmp_path: Path, parts: dict[str, Any]) -> None:
    """Pasted as it is, into the file or beside it."""
    path = written(tmp_path, **parts)
    made = init(path)
    lines = made.stdout[made.stdout.index("  - name:") :]
    if "identities_file" in parts:
        (tmp_path / "who.yaml").write_text(lines)
    else:
        path.write_text(f"{path.read_text()}identities:\n{lines}")
    checked = CliRunner().invoke(cli, ["config", "check", "--config", str(path)])

    assert (made.exit_code, made.stderr) == (0, "")
    assert (checked.exit_code, checked.stderr) == (0, "")
    (administrator,) = yaml.safe_load(lines)
    assert administrator["name"] == "admin"
    assert administrator["account"] == ACCOUNT
    assert len(administrator["access_keys"][0]["secret_access_key"]) == 40
    assert (tmp_path / "keys.sqlite").exists()
    assert f"Root key: {tmp_path}/root.key (new)" in made.stdout


def test_init_refuses_to_run_twice(tmp_path: Path) -> None:
    """It changes nothing and shows no secret."""
    path = written(tmp_path)
    init(path)
    before = (tmp_path / "root.key").read_bytes()
    again = init(path)

    assert again.exit_code == 1
    assert again.stdout == ""
    assert re.fullmatch(r"Error: .*initialised already.*\n", again.stderr)
    assert (tmp_path / "root.key").read_bytes() == before


@pytest.mark.parametrize(("options", "purpose"), [((), None), (("--for-tests",), Purpose())])
def test_a_store_is_for_tests_only_where_that_is_said(
    tmp_path: Path, options: tuple[str, ...], purpose: Purpose | None
) -> None:
    init(written(tmp_path), *options)
    store = open_sqlite_store(tmp_path / "keys.sqlite", KeyFile(tmp_path / "root.key"), random=os.urandom)
    ring = Keyring(store)
    ring.close()

    assert ring.purpose == purpose


def test_account_and_name_are_the_operator_s(tmp_path: Path) -> None:
    path = written(tmp_path, identities=None, accounts=[ACCOUNT, "123456789012"])
    made = init(path, "--account", "123456789012", "--name", "root-of-trust")

    assert made.exit_code == 0
    assert '  - name: root-of-trust\n    account: "123456789012"\n' in made.stdout


def test_an_account_may_be_named_before_the_configuration_has_any(tmp_path: Path) -> None:
    path = written(tmp_path, identities=None, accounts=None)

    assert init(path, "--account", ACCOUNT).exit_code == 0


@pytest.mark.parametrize(
    ("parts", "options", "line"),
    [
        ({"hsm": None, "kms": {"backends": [{"type": "aws", "write": True}]}}, (), "hsm: is missing: "),
        ({}, ("--account", "999999999999"), "accounts: 999999999999 is not among them: add it, "),
        ({"identities": None}, ("--account", "12"), "identities[0].account: "),
        ({}, ("--name", "a b"), "--name: must be "),
        ({"listen": {"port": "x"}}, (), "listen.port: must be a whole number"),
        ({"listen": "2026-01-01"}, (), "listen: must be a section"),
    ],
)
def test_what_is_written_wrongly_is_one_line(
    tmp_path: Path, parts: dict[str, Any], options: tuple[str, ...], line: str
) -> None:
    """And nothing is made."""
    refused = init(written(tmp_path, **parts), *options)

    assert refused.exit_code == 2
    assert refused.stderr.startswith(line)
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "keys.sqlite").exists()
    assert not (tmp_path / "root.key").exists()


def test_a_root_key_that_the_environment_lacks_is_one_line(tmp_path: Path) -> None:
    hsm = {"store": "keys.sqlite", "root_key": {"env": "NO_SUCH_ROOT_KEY"}}
    refused = init(written(tmp_path, hsm=hsm))

    assert refused.exit_code == 1
    assert refused.stderr == "Error: environment variable NO_SUCH_ROOT_KEY is not set\n"


@pytest.mark.parametrize("text", ["- a\n", "a: [", ""])
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)

    assert init(path).exit_code == 2


def hsm(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["hsm", arguments[0], "--config", str(path), *arguments[1:]])


def test_a_backup_comes_back_and_an_older_one_only_where_somebody_insists(tmp_path: Path) -> None:
    path = written(tmp_path)
    init(path)
    copy = tmp_path / "copy.sqlite"
    told = hsm(path, "backup", str(copy))
    again = hsm(path, "backup", str(copy))
    (tmp_path / "keys.sqlite").unlink()
    put_back = hsm(path, "restore", str(copy))

    assert (told.exit_code, told.stdout) == (
        0,
        f"{copy}: 3 records, change 1, all opened with the root key\n",
    )
    assert again.stderr == f"Error: {copy} exists already; nothing was changed\n"
    assert (put_back.exit_code, put_back.stdout) == (0, f"{tmp_path}/keys.sqlite: 3 records, change 1\n")


def test_a_store_whose_witness_is_gone_is_accepted_by_command(tmp_path: Path) -> None:
    path = written(tmp_path)
    init(path)
    (tmp_path / "keys.sqlite.witness").unlink()
    accepted = hsm(path, "accept")

    assert accepted.stdout == f"{tmp_path}/keys.sqlite: accepted, with 3 records at change 1\n"
    assert (tmp_path / "keys.sqlite.witness").exists()


@pytest.mark.parametrize("arguments", [("backup", "copy"), ("restore", "copy"), ("accept",)])
def test_commands_on_a_store_name_what_is_missing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    without_hsm = {"hsm": None, "kms": {"backends": [{"type": "aws", "write": True}]}}

    assert hsm(written(tmp_path, **without_hsm), *arguments).stderr.startswith("hsm: is missing: ")
    assert "does not exist" in hsm(written(tmp_path), *arguments).stderr
