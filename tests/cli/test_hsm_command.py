"""`sealgate hsm …`, as a person types it."""

import json
import os
import re
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from proxy.cli.main import cli
from proxy.cli.options import loaded
from proxy.hsm.core.access import Principal
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.model import Purpose
from proxy.hsm.engine import Engine
from proxy.hsm.init import open_sqlite_store
from proxy.hsm.keyring import Keyring
from proxy.hsm.root import KeyFile
from proxy.hsm.witness import FileWitness
from tests.cli.configs import ACCOUNT, written
from tests.hsm.rights import everything


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


@pytest.mark.parametrize("name", ["2026", "on", "null", "2026-11-26"])
def test_what_init_prints_has_the_name_in_quotes_where_yaml_reads_it_as_something_else(
    tmp_path: Path, name: str
) -> None:
    path = written(tmp_path, identities=None)
    made = init(path, "--name", name)
    path.write_text(f"{path.read_text()}identities:\n{made.stdout[made.stdout.index('  - name:') :]}")

    assert [who.name for who in loaded(path).identities] == [name]


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


def hsm(path: Path, *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["hsm", arguments[0], "--config", str(path), *arguments[1:]], input=stdin)


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


@pytest.mark.parametrize(
    "arguments", [("backup", "copy"), ("restore", "copy"), ("accept",), ("reset-policy", "a")]
)
def test_commands_on_a_store_name_what_is_missing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    without_hsm = {"hsm": None, "kms": {"backends": [{"type": "aws", "write": True}]}}

    assert hsm(written(tmp_path, **without_hsm), *arguments).stderr.startswith("hsm: is missing: ")
    assert "does not exist" in hsm(written(tmp_path), *arguments).stderr


NOBODYS = json.dumps({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}})
OPERATOR = Principal(arn="", account=ACCOUNT, kind="operator", region="us-east-1")


def opened(directory: Path) -> Engine:
    store = open_sqlite_store(
        directory / "keys.sqlite",
        KeyFile(directory / "root.key"),
        random=os.urandom,
        witness=FileWitness(directory / "keys.sqlite.witness"),
    )
    return Engine(
        store,
        clock=time.time,
        random=os.urandom,
        accounts=[ACCOUNT],
        regions=["us-east-1"],
        rights_of=everything,
    )


@pytest.fixture
def locked_out(tmp_path: Path) -> tuple[Path, str]:
    """A configuration whose key `alias/lost` denies everything to everybody, and that key's ARN."""
    audit = {"sinks": [{"type": "file", "path": "audit.jsonl"}]}
    path = written(tmp_path, audit=audit, buckets=[{"match": "photos", "key": "alias/lost"}])
    init(path)
    with closing(opened(tmp_path)) as engine:
        made = {"Policy": NOBODYS, "BypassPolicyLockoutSafetyCheck": True}
        key = engine.call(OPERATOR, "CreateKey", made).response["KeyMetadata"]
        named = {"AliasName": "alias/lost", "TargetKeyId": key["KeyId"]}
        engine.call(OPERATOR, "CreateAlias", named)
    return path, key["Arn"]


def policy_of(directory: Path, arn: str) -> str:
    with closing(opened(directory)) as engine:
        return str(engine.call(OPERATOR, "GetKeyPolicy", {"KeyId": arn}).response["Policy"])


def test_a_key_that_lets_nobody_in_is_had_again(tmp_path: Path, locked_out: tuple[Path, str]) -> None:
    """The account may use it, after a question that shows what is at stake, and the trail says who did it."""
    path, arn = locked_out
    user = Principal(
        arn=f"arn:aws:iam::{ACCOUNT}:user/alice", account=ACCOUNT, kind="user", region="us-east-1"
    )
    with closing(opened(tmp_path)) as engine, pytest.raises(KmsError, match="explicit deny"):
        engine.call(user, "DescribeKey", {"KeyId": arn})
    done = hsm(path, "reset-policy", "lost", stdin="y\n")

    assert done.exit_code == 0, done.output
    for said in (
        arn,
        "alias/lost",
        'match "photos": seals new objects under it',
        '"Effect": "Deny"',
        "Reset it?",
    ):
        assert said in done.stderr
    assert f"the identity policies of account {ACCOUNT} decide now" in done.stderr
    with closing(opened(tmp_path)) as engine:
        assert engine.call(user, "DescribeKey", {"KeyId": arn}).response["KeyMetadata"]["Arn"] == arn
    event = json.loads((tmp_path / "audit.jsonl").read_text())
    assert (event["eventName"], event["userIdentity"]["type"]) == ("PutKeyPolicy", "Operator")
    assert event["userIdentity"]["userName"]
    assert (event["recipientAccountId"], event["resources"][0]["ARN"]) == (ACCOUNT, arn)
    assert event["requestParameters"]["keyId"] in arn


def test_whoever_says_no_changes_nothing(tmp_path: Path, locked_out: tuple[Path, str]) -> None:
    path, arn = locked_out
    refused = hsm(path, "reset-policy", "alias/lost", stdin="n\n")

    assert refused.exit_code == 1
    assert policy_of(tmp_path, arn) == NOBODYS
    assert (tmp_path / "audit.jsonl").read_text() == ""


def test_a_reset_needs_the_store_for_itself_and_a_trail(tmp_path: Path, locked_out: tuple[Path, str]) -> None:
    """What cannot be recorded is not done."""
    path, arn = locked_out
    with closing(opened(tmp_path)):
        busy = hsm(path, "reset-policy", "lost", "--yes")
    (tmp_path / "audit.jsonl").unlink()
    (tmp_path / "audit.jsonl").mkdir()
    untold = hsm(path, "reset-policy", "lost", "--yes")

    assert busy.stderr.endswith("a store is one process's alone: stop the service, then run this again\n")
    assert untold.stderr.startswith("Error: audit.sinks: ")
    assert (busy.exit_code, untold.exit_code) == (1, 1)
    assert policy_of(tmp_path, arn) == NOBODYS
