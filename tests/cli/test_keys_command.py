"""`sealgate keys …`, as a person types it, against a key service that answers on a Unix socket."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from proxy.cli.keys.service import OURS
from proxy.cli.keys.tables import quota_rows
from proxy.cli.main import cli
from proxy.hsm.engine_reset import RESET
from proxy.hsm.engine_usage import OWN_ACTIONS
from tests.cli.configs import written
from tests.hsm.api.service import ACCOUNT, ADMIN, REGION, STRANGER, made_engine, served
from tests.hsm.api.service import identity as somebody

KEYS = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"


def identity(who: Any) -> dict[str, Any]:
    key = who.access_keys[0]
    keys = [{"access_key_id": key.access_key, "secret_access_key": key.secret}]
    return {"name": who.name, "account": who.account, "access_keys": keys}


class Typed:
    """What is typed after `sealgate keys`."""

    def __init__(self, config: Path) -> None:
        self.config = config

    def run(self, *words: str, stdin: str = "", env: dict[str, str] | None = None) -> Result:
        return CliRunner(env=env).invoke(cli, ["keys", *words, "--config", str(self.config)], input=stdin)

    def json(self, *words: str) -> Any:
        result = self.run(*words, "--output", "json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def made(self, *words: str) -> str:
        return str(self.json("create", *words)["KeyId"])

    def state(self, key: str) -> str:
        return str(self.json("describe", key)["KeyState"])


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Path]:
    """A service in a thread of its own, as the commands wait."""
    engine, ready, path = made_engine(tmp_path), threading.Event(), tmp_path / "run" / "hsm.sock"
    engine.begin()  # else "never since" is another second each time
    path.parent.mkdir(mode=0o700)
    loop, ending = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with served(engine, path=path):
            ready.set()
            await ending.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(30)
    yield path
    loop.call_soon_threadsafe(ending.set)
    thread.join()
    loop.close()
    engine.close()


def config(directory: Path, socket: Path, *who: Any) -> Path:
    rules = [
        {"match": "photos/*", "key": "alias/photos"},
        {"match": "other/*", "keys": [KEYS]},
        {"match": "*"},
    ]
    hsm = {"store": "hsm.db", "root_key": {"file": "root.key"}, "socket": str(socket), "regions": [REGION]}
    return written(
        directory,
        region=REGION,
        hsm=hsm,
        identities=[identity(each) for each in who],
        accounts=[each.account for each in who],
        buckets=rules,
    )


@pytest.fixture
def typed(socket: Path, tmp_path: Path) -> Typed:
    return Typed(config(tmp_path, socket, ADMIN))


def test_a_key_is_made_and_shown_with_what_uses_it(typed: Typed) -> None:
    made = typed.run("create", "--alias", "photos", "--description", "of customers", "--tag", "team=web")
    listed = typed.run("list")

    assert made.exit_code == 0, made.output
    shown = dict(line.split(maxsplit=1) for line in made.stdout.splitlines())
    assert (shown["description"], shown["tags"], shown["state"]) == ("of customers", "team=web", "Enabled")
    assert shown["used"].startswith("by")
    assert 'buckets[0], match "photos/*": seals new objects under it' in made.stdout
    assert 'buckets[1], match "other/*": may open and seal under it' in made.stdout
    assert "never since" in made.stdout
    head, row = listed.stdout.splitlines()
    assert head.split() == ["KEY", "ALIASES", "STATE", "MANAGER", "CREATED", "DESCRIPTION"]
    assert row.split()[1:4] == ["alias/photos", "Enabled", "CUSTOMER"]
    assert typed.run("list").stdout == typed.run("list").stdout
    assert typed.run("describe", "photos").stdout == typed.run("describe", "alias/photos").stdout


def test_a_key_is_rotated_now_or_on_a_schedule(typed: Typed) -> None:
    key = typed.made()
    now = typed.run("rotate", key)

    assert now.exit_code == 0
    assert now.stderr.endswith(f"key/{key}: rotated; what it seals from now on is under new material\n")
    assert "every 180 days, next" in typed.run("rotate", key, "--every", "180").stdout
    assert "rotation  off" in typed.run("rotate", key, "--off").stdout
    assert typed.run("rotate", key, "--every", "90", "--off").exit_code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["rotate", "KEY", "--every", "30"], "'--every': 30 is not in the range 90<=x<=2560"),
        (["delete", "KEY", "--days", "3"], "'--days': 3 is not in the range 7<=x<=30"),
        (["usage", "--month", "2026-13"], "--month: 2026-13: write YYYY-MM"),
        (["cost", "--month", "november"], "--month: november: write YYYY-MM"),
        (
            ["create", "--alias", "aws/s3"],
            "--alias: alias/aws/s3: names below alias/aws/ and alias/sealgate/",
        ),
        (["list", "--region", "mars-1"], f"--region: mars-1 is none of hsm.regions: {REGION}"),
    ],
)
def test_what_can_be_known_before_is_not_asked(typed: Typed, words: list[str], says: str) -> None:
    key = typed.made()
    refused = typed.run(*(key if word == "KEY" else word for word in words), stdin="y\n")

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert says in refused.stderr
    assert [each["KeyId"] for each in typed.json("list")] == [key]


def test_no_key_is_made_for_a_name_that_another_has(typed: Typed) -> None:
    """It would stay, without a name, and cost."""
    key = typed.made("--alias", "photos")
    refused = typed.run("create", "--alias", "alias/photos")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"alias/photos is {key}'s already: choose another" in refused.stderr
    assert [each["KeyId"] for each in typed.json("list")] == [key]


@pytest.mark.parametrize("alias", ["pho tos", "x" * 300])
def test_a_key_whose_name_is_refused_is_told_of(typed: Typed, alias: str) -> None:
    refused = typed.run("create", "--alias", alias)
    (made,) = typed.json("list")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"key/{made['KeyId']} is made, without an alias: ValidationException: " in refused.stderr


def test_where_there_is_nothing_it_says_so(typed: Typed) -> None:
    """A script reads an empty list, and nothing on standard output of a table."""
    nothing = typed.run("list")

    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", "none\n")
    assert typed.run("list", "--output", "json").output == "[]\n"


def test_a_service_with_tls_is_asked_over_its_socket(socket: Path, tmp_path: Path) -> None:
    """Its port wants a certificate of whoever calls, and may have an address that nobody can call."""
    path = config(tmp_path, socket, ADMIN)
    values = yaml.safe_load(path.read_text())
    for name in ("server.crt", "server.key"):
        (tmp_path / name).write_text("only a start reads it")
    tls = {"certificate_file": "server.crt", "key_file": "server.key"}
    values["hsm"]["listen"] = {"address": "0.0.0.0", "port": 1, "tls": tls}
    path.write_text(yaml.safe_dump(values))

    assert Typed(path).run("list").exit_code == 0


@pytest.mark.parametrize(("command", "then"), [("disable", "Disabled"), ("delete", "PendingDeletion")])
def test_what_makes_data_unreadable_is_asked_first(typed: Typed, command: str, then: str) -> None:
    """With what uses the key and when it was last used; --yes asks nothing, and still says it."""
    key = typed.made("--alias", "photos")
    refused = typed.run(command, key, stdin="n\n")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "seals new objects under it" in refused.stderr
    assert "last used    never since" in refused.stderr
    assert "buckets      could not be asked about: " in refused.stderr
    assert typed.state(key) == "Enabled"
    assert typed.run(command, key, stdin="y\n").exit_code == 0
    assert typed.state(key) == then
    other = typed.made()
    done = typed.run(command, other, "--yes")
    assert (done.exit_code, typed.state(other)) == (0, then)
    assert "seals new objects under it" not in done.stderr


def test_a_key_comes_back(typed: Typed) -> None:
    key = typed.made()
    typed.run("delete", key, "--yes", "--days", "7")

    assert "destroyed" in typed.run("describe", key).stdout
    assert "Disabled" in typed.run("cancel-deletion", key).stdout
    assert "Enabled" in typed.run("enable", key).stdout


def test_usage_quotas_and_cost_are_tables(typed: Typed) -> None:
    key = typed.made()
    usage, quotas, cost = (typed.run(command) for command in ("usage", "quotas", "cost"))

    assert usage.stdout.splitlines()[0].split() == ["KEY", "REGION", "OPERATION", "CALLS"]
    assert any("CreateKey" in line and line.split()[-1] == "1" for line in usage.stdout.splitlines())
    assert any(line.split() == ["CustomerKeys", "1", "100000"] for line in quotas.stdout.splitlines())
    lines = cost.stdout.splitlines()
    assert key in lines[1]
    assert lines[-1].split()[0] == "total"
    assert typed.json("cost")["Total"] == lines[-1].split()[-1]
    assert typed.run("cost", "--month", "1999-01").exit_code == 1


@pytest.mark.parametrize(
    ("used", "kind", "shown"),
    [
        (0, "REQUESTS_PER_SECOND", False),
        (0.5, "REQUESTS_PER_SECOND", True),
        (0, "RESOURCE", True),
    ],
)
def test_of_the_rates_of_requests_those_in_use_are_shown(used: float, kind: str, *, shown: bool) -> None:
    quota = {"Quota": "CreateKey", "Used": used, "Limit": 5, "Kind": kind}

    assert len(quota_rows([quota], every=False)) == shown
    assert len(quota_rows([quota], every=True)) == 1


def test_a_refusal_is_the_services_own(typed: Typed) -> None:
    refused = typed.run("describe", "alias/nobody")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: NotFoundException: ")
    assert refused.stderr.endswith("`sealgate keys list` shows those there are\n")


def test_an_identity_that_the_service_does_not_know_yet_is_told_how_it_will(
    tmp_path: Path, socket: Path
) -> None:
    refused = Typed(config(tmp_path, socket, somebody("new", ACCOUNT))).run("list")

    assert refused.stderr.startswith("Error: UnrecognizedClientException: ")
    assert "`sealgate reload`" in refused.stderr


MUST_SAY = "--identity: must say who asks: admin, stranger"


@pytest.mark.parametrize(
    ("options", "secret", "says"),
    [
        ([], "", MUST_SAY),
        (["--identity", "eve"], "secret-of-admin", "--identity: eve is none of them: admin, stranger"),
        (["--identity", "admin"], "", ""),
        ([], "secret-of-admin", ""),
    ],
)
def test_who_asks_is_said_or_plain(
    tmp_path: Path, socket: Path, options: list[str], secret: str, says: str
) -> None:
    """By name; of several without a name, whoever the environment's credentials are of."""
    several = Typed(config(tmp_path, socket, ADMIN, STRANGER))
    environment = {"AWS_ACCESS_KEY_ID": "AKADMIN" if secret else "", "AWS_SECRET_ACCESS_KEY": secret}
    result = several.run("list", *options, env=environment)

    assert (result.exit_code, result.stderr.strip()) == ((2, says) if says else (0, "none"))


def test_without_a_service_it_says_so(tmp_path: Path) -> None:
    nobody = Typed(written(tmp_path)).run("list")
    elsewhere = Typed(written(tmp_path, hsm=None, kms={"backends": [{"type": "aws", "write": True}]}))

    assert nobody.exit_code == 1
    assert "does not answer" in nobody.stderr
    assert elsewhere.run("list").exit_code == 2


def test_the_commands_know_which_operations_are_ours() -> None:
    assert OWN_ACTIONS - {RESET} == OURS


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
