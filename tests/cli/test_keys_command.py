"""`sealgate keys …`, as a person types it, against a key service that answers on a Unix socket."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.cli.keys.service import OURS
from proxy.cli.main import cli
from proxy.hsm.engine_reset import RESET
from proxy.hsm.engine_usage import OWN_ACTIONS
from tests.cli.configs import written
from tests.hsm.api.service import ACCOUNT, ADMIN, REGION, STRANGER, made_engine, served

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

    assert typed.run("rotate", key).exit_code == 0
    assert "every 180 days, next" in typed.run("rotate", key, "--every", "180").stdout
    assert "rotation  off" in typed.run("rotate", key, "--off").stdout
    refused = typed.run("rotate", key, "--every", "30")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: ValidationException")
    assert typed.run("rotate", key, "--every", "90", "--off").exit_code == 2


@pytest.mark.parametrize(("command", "then"), [("disable", "Disabled"), ("delete", "PendingDeletion")])
def test_what_makes_data_unreadable_is_asked_first(typed: Typed, command: str, then: str) -> None:
    """With what uses the key and when it was last used; --yes asks nothing, and still says it."""
    key = typed.made("--alias", "photos")
    refused = typed.run(command, key, stdin="n\n")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "seals new objects under it" in refused.stderr
    assert "last used    never since" in refused.stderr
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


def test_a_refusal_is_the_services_own(typed: Typed) -> None:
    refused = typed.run("describe", "alias/nobody")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: NotFoundException: ")


MUST_SAY = "--identity: must say who asks: admin, stranger"


@pytest.mark.parametrize(
    ("options", "secret", "says"),
    [
        ([], "", MUST_SAY),
        (["--identity", "eve"], "secret-of-admin", "--identity: is none of them: admin, stranger"),
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

    assert (result.exit_code, result.stderr.strip()) == ((2, says) if says else (0, ""))


def test_without_a_service_it_says_so(tmp_path: Path) -> None:
    nobody = Typed(written(tmp_path)).run("list")
    elsewhere = Typed(written(tmp_path, hsm=None, kms={"backends": [{"type": "aws", "write": True}]}))

    assert nobody.exit_code == 1
    assert "does not answer" in nobody.stderr
    assert elsewhere.run("list").exit_code == 2


def test_the_commands_know_which_operations_are_ours() -> None:
    assert OWN_ACTIONS - {RESET} == OURS
