"""`sealgate identity …`: the list of identities, changed by a few lines and nothing else."""

import json
import os
import stat
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from proxy.cli.main import cli
from proxy.config.load import load
from proxy.runtime.inputs import identities_of
from tests.cli.configs import ACCOUNT, whole, written

POLICIES = {"readers": {"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}}
COMMENT = "# ours; do not touch\n"


def identity(path: Path, *words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["identity", *words, "--config", str(path)], input=stdin)


LAST = "It is the last one that is enabled: nobody can sign anything then."


@pytest.fixture(params=["inline", "beside"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A configuration, and the file that holds its identities."""
    accounts = [ACCOUNT, "444455556666"]
    if request.param == "inline":
        path = written(tmp_path, policies=POLICIES, accounts=accounts)
        path.write_text(COMMENT + path.read_text() + COMMENT)
        path.chmod(0o640)
        return path, path
    path = written(
        tmp_path, policies=POLICIES, accounts=accounts, identities=None, identities_file="who.yaml"
    )
    beside = tmp_path / "who.yaml"
    beside.write_text(COMMENT + yaml.safe_dump(whole()["identities"]) + COMMENT)
    beside.chmod(0o640)
    return path, beside


def test_a_new_identity_is_written_where_the_others_are(home: tuple[Path, Path]) -> None:
    """And its secret shown once; all else of the file is as it was."""
    path, file = home
    before = file.read_text()
    made = identity(
        path, "new", "partner", "--account", "444455556666", "--policy", "readers", "--tag", "team=a b"
    )
    told = dict(line.split("  ", 1) for line in made.stdout.splitlines())
    who = load(path, {}).identities[0]

    assert made.exit_code == 0, made.stderr
    assert (who.name, who.account, who.tags) == ("partner", "444455556666", {"team": "a b"})
    assert [each.value for each in who.policies] == ["readers"]
    assert told["secret access key"].strip() == who.access_keys[0].secret_access_key.reveal()
    assert told["access key id"].strip() == who.access_keys[0].access_key_id
    assert "sealgate reload" in made.stderr
    assert set(before.splitlines()) <= set(file.read_text().splitlines())
    assert file.read_text().startswith(COMMENT)
    assert file.read_text().endswith(COMMENT)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert {place.name for place in file.parent.iterdir()} == {path.name, file.name}
    assert "Everybody" not in made.stderr
    file.chmod(0o644)
    assert f"Everybody on this machine may read {file}, " in identity(path, "new", "eve").stderr


def test_the_file_keeps_its_owner_and_a_link_to_it(
    home: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An administrator's command leaves the service a file that it can read, in the place where it was."""
    path, file = home
    there = file.rename(file.with_suffix(".there"))
    there.chmod(0o600)
    file.symlink_to(there)
    owners: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _, user, group: owners.append((user, group)))
    made = identity(path, "new", "eve")

    assert made.exit_code == 0, made.stderr
    assert file.is_symlink()
    assert "name: eve" in there.read_text()
    assert owners == [(there.stat().st_uid, there.stat().st_gid)]


def test_what_cannot_be_written_leaves_the_file_and_no_draft_of_it(
    home: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft has the secret in it."""
    path, file = home
    before, names = file.read_text(), {place.name for place in file.parent.iterdir()}

    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    refused = identity(path, "new", "eve")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "cannot be written: Operation not permitted: write it there yourself" in refused.stderr
    assert file.read_text() == before
    assert {place.name for place in file.parent.iterdir()} == names


def test_a_disabled_identity_signs_nothing_and_keeps_its_name(home: tuple[Path, Path]) -> None:
    path, _ = home
    refused = identity(path, "disable", "alice", stdin="n\n")
    assert (refused.exit_code, [who.name for who in identities_of(load(path, {}))]) == (1, ["alice"])
    done = identity(path, "disable", "alice", stdin="y\n")
    again = identity(path, "disable", "alice", "--yes")
    config = load(path, {})

    assert done.exit_code == 0, done.stderr
    assert "ALICE" in done.stderr
    assert [(who.name, who.disabled) for who in config.identities] == [("alice", True)]
    assert identities_of(config) == []
    assert again.stderr.endswith("is disabled already\n")
    assert identity(path, "new", "alice").exit_code == 2
    rows = json.loads(identity(path, "list", "--output", "json").stdout)
    assert [(row["Name"], row["State"], row["AccessKeyIds"]) for row in rows] == [
        ("alice", "disabled", ["ALICE"])
    ]
    assert LAST in done.stderr


def test_of_several_none_is_the_last(home: tuple[Path, Path]) -> None:
    """A script gets what `new` told under the same names."""
    path, _ = home
    made = identity(path, "new", "eve", "--policy", "readers", "--tag", "team=red", "--output", "json")
    told = json.loads(made.stdout)
    listed = json.loads(identity(path, "list", "--output", "json").stdout)
    disabled = identity(path, "disable", "alice", "--yes")

    assert {name: listed[0][name] for name in ("Name", "Account", "Arn")} == {
        name: told[name] for name in ("Name", "Account", "Arn")
    }
    assert (listed[0]["AccessKeyIds"], listed[0]["Kind"]) == ([told["AccessKeyId"]], "user")
    assert (listed[0]["Policies"], listed[0]["Tags"]) == (["readers"], {"team": "red"})
    assert LAST not in disabled.stderr


def test_no_list_shows_a_secret(home: tuple[Path, Path]) -> None:
    path, _ = home
    secret = json.loads(identity(path, "new", "eve", "--output", "json").stdout)["SecretAccessKey"]
    listed = identity(path, "list")

    assert secret in home[1].read_text()
    assert secret not in listed.output
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["NAME", "eve", "alice"]


def test_lines_may_be_had_without_a_change(home: tuple[Path, Path]) -> None:
    """As they are pasted into the list."""
    path, file = home
    before = file.read_text()
    lines = identity(path, "new", "eve", "--policy", "readers", "--print").stdout

    assert file.read_text() == before
    [entry] = yaml.safe_load(lines)
    assert (entry["name"], entry["account"], entry["policies"]) == ("eve", ACCOUNT, ["readers"])


@pytest.mark.parametrize(
    "identities",
    [
        "- {name: a, account: '111122223333', access_keys: [KEY]}",
        "-   account: '111122223333'\n    access_keys: [KEY]\n    name: a",
        "- name: a   # who\n  disabled: false\n  account: '111122223333'\n  access_keys: [KEY]",
        "[{name: a, account: '111122223333', access_keys: [KEY]}]",
    ],
)
def test_a_list_in_any_form_is_changed_or_left_alone(tmp_path: Path, identities: str) -> None:
    path = written(tmp_path, identities=None, identities_file="who.yaml")
    (tmp_path / "who.yaml").write_text(
        identities.replace("KEY", "{access_key_id: AKEY, secret_access_key: s}")
    )
    added = identity(path, "new", "b")
    done = identity(path, "disable", "a", "--yes")

    assert done.exit_code == 0, done.stderr
    assert {who.name: who.disabled for who in load(path, {}).identities}["a"]
    if identities.startswith("["):
        assert "in brackets: write it there yourself, with --print" in added.stderr
    else:
        assert added.exit_code == 0, added.stderr


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("new", "eve", "--account", "999999999999"), "999999999999 is not in accounts: add it there"),
        (("new", "eve", "--policy", "writers"), "writers is not in policies: there are readers"),
        (("new", "e v e"), "[0].name: must be"),
        (("new", "alice"), "alice: account 111122223333 has an identity of this name"),
        (("disable", "eve"), "eve: is none of identities: alice"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_changes(
    home: tuple[Path, Path], words: tuple[str, ...], line: str
) -> None:
    path, file = home
    before = file.read_text()
    refused = identity(path, *words)

    assert (refused.exit_code in {1, 2}, refused.stdout) == (True, "")
    assert line in refused.stderr
    assert file.read_text() == before
