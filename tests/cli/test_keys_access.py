"""`sealgate keys policy` and `sealgate keys grant`, as a person types them."""

import json
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.typed import Typed, config
from tests.hsm.api.service import ACCOUNT, ADMIN, STRANGER

ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def document(*principals: str, action: str = "kms:*") -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principals}, "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_policy_is_shown_and_put_with_what_changes(typed: Typed, tmp_path: Path) -> None:
    """What `get` prints `put` takes; a question shows old and new lines, and what uses the key."""
    key = typed.made("--alias", "photos")
    shown = typed.run("policy", "get", "photos")
    file = tmp_path / "policy.json"
    file.write_text(shown.stdout)
    same = typed.run("policy", "put", key, str(file))
    file.write_text(document(ROOT, ADMIN.arn))
    refused = typed.run("policy", "put", key, str(file), stdin="n\n")
    put = typed.run("policy", "put", key, str(file), stdin="y\n")

    assert ROOT in shown.stdout
    assert (same.exit_code, same.stderr) == (0, "It has this policy already.\n")
    assert refused.exit_code == 1
    assert "seals new objects under it" in refused.stderr
    assert any(line.startswith("+") and ADMIN.arn in line for line in refused.stderr.splitlines())
    assert put.exit_code == 0, put.stderr
    assert ADMIN.arn in typed.run("policy", "get", key).stdout
    assert json.loads(typed.json("policy", "get", key)["Policy"]) == json.loads(file.read_text())


def test_a_policy_that_locks_everybody_out_takes_insistence(typed: Typed) -> None:
    key = typed.made()
    nobodys = document(STRANGER.arn, action="kms:Decrypt")
    asked = typed.run("policy", "put", key, "-", stdin=nobodys)
    refused = typed.run("policy", "put", key, "-", "--yes", stdin=nobodys)
    insisted = typed.run(
        "policy", "put", key, "-", "--yes", "--bypass-policy-lockout-safety-check", stdin=nobodys
    )

    assert (asked.exit_code, "give --yes" in asked.stderr) == (2, True)
    assert refused.exit_code == 1
    assert f"allow kms:PutKeyPolicy to {ROOT} or to yourself" in refused.stderr
    assert insisted.exit_code == 0, insisted.stderr
    assert "AccessDeniedException" in typed.run("describe", key).stderr


def test_a_key_that_may_not_be_described_hides_no_other(typed: Typed) -> None:
    shut, open_ = typed.made("--alias", "shut"), typed.made("--description", "ours")
    only_decrypt = document(STRANGER.arn, action="kms:Decrypt")
    put = ("policy", "put", shut, "-", "--yes", "--bypass-policy-lockout-safety-check")
    assert typed.run(*put, stdin=only_decrypt).exit_code == 0

    shown = typed.run("list")
    lines = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines()}
    listed = {each["KeyId"]: each for each in typed.json("list")}

    assert shown.exit_code == 0, shown.stderr
    assert lines[shut] == ["alias/shut", "needs", "kms:DescribeKey"]
    assert lines[open_][-1] == "ours"
    assert listed[shut].keys() == {"KeyId", "Arn", "Aliases"}
    assert listed[open_]["KeyState"] == "Enabled"


def test_another_account_s_key_is_shown_and_its_grants_are_taken_back(tmp_path: Path, socket: Path) -> None:
    """By its ARN, where its policy lets that account. Nobody is told the aliases of another account's key."""
    of_two = Typed(config(tmp_path, socket, ADMIN, STRANGER))

    def run(who: str, *words: str, stdin: str = "") -> Result:
        return of_two.run(*words, "--identity", who, stdin=stdin)

    arn = json.loads(run("admin", "create", "--output", "json").stdout)["Arn"]
    run("admin", "policy", "put", arn, "-", "--yes", stdin=document(ROOT, STRANGER.arn))
    run("stranger", "grant", "create", arn, "--to", "admin", "--operation", "Decrypt")
    shown = run("stranger", "describe", arn)
    whole = json.loads(run("stranger", "describe", arn, "--output", "json").stdout)
    [grant] = json.loads(run("stranger", "grant", "list", arn, "--output", "json").stdout)
    revoked = run("stranger", "grant", "revoke", arn, grant["GrantId"], "--yes")

    assert "aliases      not told to this identity\n" in shown.stdout
    assert shown.stdout.endswith("what names it by an alias: not told to this identity\n")
    assert (whole["Arn"], whole["Aliases"]) == (arn, None)
    assert revoked.exit_code == 0, revoked.stderr
    assert revoked.stderr.count("what names it by an alias: not told") == 2


@pytest.mark.parametrize(
    "text", ["no json", '{"Statement": []}', document().replace("Allow", "Maybe"), "\ud800"]
)
def test_what_is_no_policy_is_said_before_anybody_is_asked(typed: Typed, tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    refused = typed.run("policy", "put", "no-such-key", str(file))

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"{file}: ")


def test_a_grant_is_made_shown_and_taken_back(typed: Typed) -> None:
    """To an identity of the configuration by its name, or to any ARN."""
    key = typed.made("--alias", "photos")
    options = ("--operation", "Decrypt", "--operation", "DescribeKey", "--context", "project=apollo")
    made = typed.json("grant", "create", "photos", "--to", STRANGER.arn, *options, "--name", "partner")
    typed.run("grant", "create", key, "--to", "admin", "--operation", "Encrypt")
    listed = typed.run("grant", "list", key).stdout
    refused = typed.run("grant", "revoke", key, made["GrantId"], stdin="n\n")
    revoked = typed.run("grant", "revoke", key, made["GrantId"], stdin="y\n")

    assert listed.splitlines()[0].split()[:3] == ["GRANT", "NAME", "TO"]
    assert STRANGER.arn in listed
    assert "Decrypt, DescribeKey" in listed
    assert "project=apollo" in listed
    assert ADMIN.arn in listed
    assert refused.exit_code == 1
    assert "seals new objects under it" in refused.stderr
    assert STRANGER.arn in refused.stderr
    assert revoked.exit_code == 0, revoked.stderr
    assert [each["GranteePrincipal"] for each in typed.json("grant", "list", key)] == [ADMIN.arn]


def test_a_grant_is_given_back_by_token_or_by_name(typed: Typed) -> None:
    key = typed.json("create")["Arn"]
    grant = ("grant", "create", key, "--to", "admin", "--operation", "Encrypt", "--retiring", "admin")
    by_token, by_id = typed.json(*grant), typed.json(*grant)
    for words in (("--token", by_token["GrantToken"]), (key, by_id["GrantId"])):
        assert typed.run("grant", "retire", *words, stdin="n\n").exit_code == 1
        assert typed.run("grant", "retire", *words, "--yes").exit_code == 0

    assert typed.json("grant", "list", key) == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("create", "KEY", "--to", "eve", "--operation", "Decrypt"), 1, "eve: is none of identities (admin)"),
        (("create", "KEY", "--to", "admin", "--operation", "Sing"), 1, "Error: ValidationException"),
        (("create", "KEY", "--to", "admin", "--operation", "Decrypt", "--context", "a"), 2, "NAME=VALUE"),
        (("revoke", "KEY", "0" * 64), 1, "this key has no such grant"),
        (("retire", "KEY"), 2, "name the grant by KEY and GRANT_ID, or by --token"),
    ],
)
def test_a_grant_that_is_none_is_said(typed: Typed, words: tuple[str, ...], code: int, says: str) -> None:
    key = typed.made()
    refused = typed.run("grant", *(key if word == "KEY" else word for word in words))

    assert (refused.exit_code, refused.stdout) == (code, "")
    assert says in refused.stderr
