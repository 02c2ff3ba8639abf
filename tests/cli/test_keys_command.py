"""`sealgate keys …`, as a person types it, against a key service that answers on a Unix socket."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from proxy.cli.inventory_file import InventoryFile
from proxy.cli.keys.service import OURS
from proxy.cli.keys.tables import printable, quota_rows
from proxy.hsm.engine_reset import RESET
from proxy.hsm.engine_usage import OWN_ACTIONS
from proxy.jobs.inventory.counts import BucketCount, KeyCount
from tests.cli.configs import written
from tests.cli.typed import Typed, config
from tests.hsm.api.service import ACCOUNT, ADMIN, REGION, STRANGER
from tests.hsm.api.service import identity as somebody


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
    document = typed.json("describe", "photos")
    assert (document["KeyState"], document["Aliases"]) == ("Enabled", ["alias/photos"])
    assert document["Tags"] == [{"TagKey": "team", "TagValue": "web"}]
    assert (document["KeyRotation"]["KeyRotationEnabled"], document["KeyLastUsage"]) == (False, None)
    assert document["UsedBy"][0].endswith("seals new objects under it")
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
        (["create", "--alias", ""], "--alias: '': write 1 to 250 letters, digits or /_-"),
        (["create", "--alias", "pho tos"], "--alias: 'pho tos': write"),
        (["create", "--alias", "x" * 251], "write 1 to 250"),
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


def test_a_key_whose_name_is_refused_is_told_of(typed: Typed) -> None:
    refused = typed.run("create", "--alias", "pho:tos")
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
    assert (
        "objects      not looked at: which objects it sealed: `sealgate inventory` counts" in refused.stderr
    )
    assert typed.state(key) == "Enabled"
    assert typed.run(command, key, stdin="y\n").exit_code == 0
    assert typed.state(key) == then
    other = typed.made()
    done = typed.run(command, other, "--yes")
    assert (done.exit_code, typed.state(other)) == (0, then)
    assert "seals new objects under it" not in done.stderr


def test_locked_objects_take_a_flag_of_their_own(typed: Typed, tmp_path: Path) -> None:
    """Before anybody is asked, with --yes and for a script; other commands only say it."""
    arn = typed.json("create")["Arn"]
    under = KeyCount(objects=1, versions=1, legal_hold=1, locked=1)
    count = BucketCount(upstream="store", bucket="photos", taken="2026-11-25T00:00:00Z", keys={arn: under})
    InventoryFile(path=tmp_path / "inventory.json").change(lambda known: known.with_bucket(count))
    refused = [typed.run("delete", arn, "--yes"), typed.run("delete", arn, "--yes", "--output", "json")]
    asked = typed.run("delete", arn, stdin="y\n")

    assert [each.exit_code for each in (*refused, asked)] == [1, 1, 1]
    assert all(each.stdout == "" for each in (*refused, asked))
    assert "objects      1 object (1 version, 0 bytes) in bucket photos becomes unreadable" in asked.stderr
    assert "locked, 1 by a legal hold: give --also-locked" in asked.stderr
    assert "Delete it?" not in asked.stderr
    assert typed.state(arn) == "Enabled"
    assert typed.run("disable", arn, "--yes").exit_code == 0
    assert typed.run("delete", arn, "--also-locked", stdin="n\n").exit_code == 1
    assert typed.run("delete", arn, "--also-locked", "--yes").exit_code == 0
    assert typed.state(arn) == "PendingDeletion"


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
    assert cost.stderr == "The month goes on: keys are reckoned to its end, requests as they are now.\n"
    assert typed.run("cost", "--month", _month_before(cost.stdout)).stderr == ""
    assert typed.run("cost", "--month", "1999-01").exit_code == 1


def _month_before(bill: str) -> str:
    year, month = map(int, bill.split("total ")[1].split(maxsplit=1)[0].split("-"))
    return f"{year - (month == 1)}-{(month - 2) % 12 + 1:02}"


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


def test_a_key_of_another_region_is_told_where_to_ask(typed: Typed) -> None:
    arn = f"arn:aws:kms:us-west-2:{ACCOUNT}:alias/photos"

    assert typed.run("describe", arn).stderr == f"Error: {arn}: is of us-west-2: give --region us-west-2\n"


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
        (["--identity", ADMIN.arn], "", ""),
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


def test_of_two_accounts_identities_of_one_name_each_is_had_by_its_arn(tmp_path: Path, socket: Path) -> None:
    other = replace(somebody("eve", "999988887777"), name=ADMIN.name)
    several = Typed(config(tmp_path, socket, ADMIN, other))
    refused = several.run("list", "--identity", "admin")

    assert refused.stderr.strip() == (
        f"--identity: admin: several are called that: give an ARN: {ADMIN.arn}, "
        "arn:aws:iam::999988887777:user/admin"
    )
    assert several.run("list", "--identity", ADMIN.arn).exit_code == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a cat, für 猫", "a cat, für 猫"),
        ("two\nlines", r"two\nlines"),
        ("\x1b[2K\x1b[1A", r"\x1b[2K\x1b[1A"),
        ("\x9b1A \u202e \udc80", r"\x9b1A \u202e \udc80"),
    ],
)
def test_a_description_hides_and_writes_no_line_of_what_is_told(typed: Typed, text: str, shown: str) -> None:
    """Whoever may describe a key would else say what somebody reads before deleting it."""
    assert printable(text) == shown
    if text.isascii():
        key = typed.made("--description", text)
        for told in (typed.run("list").stdout, typed.run("disable", key, stdin="n\n").stderr):
            assert [line for line in told.splitlines() if shown in line], told


def test_without_a_service_it_says_so(tmp_path: Path) -> None:
    nobody = Typed(written(tmp_path)).run("list")
    elsewhere = Typed(written(tmp_path, hsm=None, kms={"backends": [{"type": "aws", "write": True}]}))

    assert nobody.exit_code == 1
    assert "does not answer" in nobody.stderr
    assert elsewhere.run("list").exit_code == 2


def test_the_commands_know_which_operations_are_ours() -> None:
    assert OWN_ACTIONS - {RESET} == OURS
