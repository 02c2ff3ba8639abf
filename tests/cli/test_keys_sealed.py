"""What `sealgate keys` says of the objects that a key sealed, and when it spares them."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from proxy.cli.inventory_file import InventoryFile, inventory_path
from proxy.cli.inventory_tables import size
from proxy.cli.keys.sealed import sealed_under, told
from proxy.cli.main import cli
from proxy.cli.options import loaded
from proxy.config.rules import seals_any
from proxy.jobs.inventory.counts import BucketCount, DamagedInventory, Inventory, KeyCount, moment
from tests.cli.configs import written

KEY = "arn:aws:kms:us-east-1:111122223333:key/k"
NOW = datetime(2026, 11, 25, tzinfo=UTC)
SOON, PAST = "2026-12-01T00:00:00Z", "2026-11-24T00:00:00Z"
THREE = KeyCount(objects=2, versions=3, plain_bytes=3 << 29)
LAST = "by the inventory of 2026-11-24T00:00:00Z; objects written since are not counted"


def bucket(name: str, *, days: int = 1, under: KeyCount | None = THREE, **figures: Any) -> BucketCount:
    keys = {} if under is None else {KEY: under}
    return BucketCount(
        upstream="main", bucket=name, taken=moment(NOW - timedelta(days=days)), keys=keys, **figures
    )


def inventory(*buckets: BucketCount, missing: tuple[str, ...] | None = ()) -> Inventory:
    return Inventory(buckets=buckets, not_counted=missing)


def under(locked: int = 1, until: str = "", held: int = 0) -> KeyCount:
    return KeyCount(objects=1, versions=1, locked=locked, locked_until=until, legal_hold=held)


@pytest.mark.parametrize(
    ("known", "lines"),
    [
        (
            inventory(bucket("a")),
            ["2 objects (3 versions, 1.5 GiB) in bucket a become unreadable", LAST],
        ),
        (
            inventory(bucket("a"), bucket("b")),
            ["4 objects (6 versions, 3.0 GiB) in buckets a, b become unreadable", LAST],
        ),
        (
            inventory(bucket("a", under=under(0))),
            ["1 object (1 version, 0 bytes) in bucket a becomes unreadable", LAST],
        ),
        (inventory(bucket("a", under=None)), ["none", LAST]),
        (
            inventory(bucket("a", under=None, days=7), bucket("b", under=None)),
            ["none", LAST.replace("24", "18", 1)],
        ),
        (
            inventory(bucket("a", under=None, days=8)),
            ["none", LAST.replace("24T00:00:00Z", "17T00:00:00Z, 8 DAYS OLD")],
        ),
        (
            inventory(bucket("a", under=None, uploads=2)),
            ["none", LAST, "2 uploads in progress then, of any key"],
        ),
        (
            inventory(bucket("a", under=None), missing=None),
            ["none", LAST, "of buckets a alone: `sealgate inventory` counts them all"],
        ),
        (
            inventory(bucket("a", under=None), missing=("x", "y")),
            ["none", LAST, "without buckets x, y, which could not be counted"],
        ),
        (
            inventory(bucket("a", under=None, unreadable=2)),
            ["none", LAST, "2 versions in a did not say of which key they are"],
        ),
        (
            inventory(*(bucket(name, under=None) for name in "abcdefg"), missing=None),
            ["none", LAST, "of buckets a, b, c, d, e and 2 more alone: `sealgate inventory` counts them all"],
        ),
    ],
)
def test_figures_are_told_with_their_age_and_what_is_not_in_them(known: Inventory, lines: list[str]) -> None:
    sealed = told(known, KEY, now=NOW, lost=True)

    assert sealed.lines == lines
    assert sealed.locked == ""


def test_figures_of_one_bucket_make_no_old_walk_over_all_younger() -> None:
    """Another bucket may have been made and filled between the two."""
    known = Inventory(not_counted=(), listed=moment(NOW - timedelta(days=9))).with_bucket(bucket("a"))

    assert (
        told(known, KEY, now=NOW, lost=True)
        .lines[1]
        .startswith("by the inventory of 2026-11-16T00:00:00Z, 9 DAYS OLD")
    )


def test_what_is_passed_through_is_said_to_be_left_out(tmp_path: Path) -> None:
    rules = [{"match": "open", "mode": "passthrough"}, {"match": "*"}]
    config = loaded(written(tmp_path, buckets=rules))
    InventoryFile(path=tmp_path / "inventory.json").change(lambda known: known.with_bucket(bucket("a")))

    sealed = sealed_under(config, KEY, now=NOW, lost=True)
    assert sealed.lines[-1] == "without what rules with mode passthrough take: open"


def test_what_does_not_become_unreadable_is_not_called_so() -> None:
    [line, _] = told(inventory(bucket("a")), KEY, now=NOW, lost=False).lines

    assert line == "2 objects (3 versions, 1.5 GiB) in bucket a"


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ([under(until=SOON)], f"1 of its objects' versions are locked until {SOON}"),
        ([under(until=PAST)], ""),
        ([under(until="2026-11-25T00:00:00Z")], ""),
        ([under(held=1)], "1 of its objects' versions are locked, 1 by a legal hold"),
        ([under(until=PAST, held=1)], "1 of its objects' versions are locked, 1 by a legal hold"),
        (
            [under(2, SOON, 1), under(until=PAST)],
            f"2 of its objects' versions are locked until {SOON}, 1 by a legal hold",
        ),
        ([under(0)], ""),
    ],
)
def test_what_is_locked_now_is_spared(counts: list[KeyCount], says: str) -> None:
    known = inventory(*(bucket(f"b{number}", under=each) for number, each in enumerate(counts)))
    sealed = told(known, KEY, now=NOW, lost=True)

    assert sealed.locked == says
    assert any("locked" in line for line in sealed.lines) is bool(says)


@pytest.mark.parametrize("figures", [{"locks_shown": False}, {"not_shown": 1}])
def test_locks_that_the_store_hides_are_spared_too(figures: dict[str, Any]) -> None:
    """Also where it does not show a version at all."""
    sealed = told(inventory(bucket("a", **figures)), KEY, now=NOW, lost=True)

    assert sealed.locked == "the store does not show what is locked in a"
    assert "in a the store does not show what is locked" in sealed.lines


def test_without_an_inventory_it_says_how_to_take_one(tmp_path: Path) -> None:
    sealed = sealed_under(loaded(written(tmp_path)), KEY, now=NOW, lost=True)

    assert sealed.locked == ""
    assert sealed.lines == ["not looked at: which objects it sealed: `sealgate inventory` counts them"]


@pytest.mark.parametrize("text", ["", "{}", "\udc80"])
def test_an_inventory_that_cannot_be_read_lets_nothing_go(tmp_path: Path, text: str) -> None:
    """Whoever can write the file could else take the locks' protection away by a stroke. It is begun anew."""
    config = loaded(written(tmp_path))
    file = tmp_path / "inventory.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    sealed = sealed_under(config, KEY, now=NOW, lost=True)

    assert sealed.locked.startswith("the inventory cannot be read")
    assert str(file) in sealed.lines[0]
    with pytest.raises(DamagedInventory):
        InventoryFile(path=file).read()
    InventoryFile(path=file).change(lambda known: known.with_bucket(bucket("a")))
    assert InventoryFile(path=file).read() == Inventory(buckets=(bucket("a"),))


def test_an_inventory_is_written_whole_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "inventory.json"
    InventoryFile(path=file).change(lambda known: known.with_bucket(bucket("a")))
    InventoryFile(path=file).change(lambda known: known.with_bucket(bucket("b")))

    assert file.stat().st_mode & 0o777 == 0o600
    assert [each["bucket"] for each in json.loads(file.read_text())["buckets"]] == ["a", "b"]
    assert [each.name for each in tmp_path.iterdir()] == ["inventory.json"]


def test_one_that_root_takes_stays_the_service_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its commands could not read it, and would hold everything for locked."""
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _, user, group: given.append((user, group)))
    for _ in range(2):
        InventoryFile(path=tmp_path / "inventory.json").change(lambda known: known)

    assert given == [(tmp_path.stat().st_uid, tmp_path.stat().st_gid)] * 2


def test_where_it_lies_is_the_configuration_s(tmp_path: Path) -> None:
    aws = {"hsm": None, "kms": {"backends": [{"type": "aws", "write": True}]}}
    beside = inventory_path(loaded(written(tmp_path)))
    named = inventory_path(loaded(written(tmp_path, **aws, inventory_file="state/inventory")))
    without = written(tmp_path, **aws)
    refused = CliRunner().invoke(cli, ["inventory", "--config", str(without)])

    assert (beside, named) == (tmp_path / "inventory.json", tmp_path / "state" / "inventory")
    assert inventory_path(loaded(without)) is None
    assert (refused.exit_code, "write inventory_file" in refused.output) == (1, True)


@pytest.mark.parametrize(
    ("rules", "seals"),
    [
        ([], True),
        ([{"match": "*", "mode": "passthrough"}], False),
        ([{"match": "b1", "mode": "passthrough"}], False),
        ([{"match": "b1/*", "mode": "passthrough"}], False),
        ([{"match": "b1/open/*", "mode": "passthrough"}], True),
        ([{"match": "b1/old/*", "mode": "migrate"}, {"match": "b1", "mode": "passthrough"}], True),
        ([{"match": "b2", "mode": "encrypt"}, {"match": "*", "mode": "passthrough"}], False),
    ],
)
def test_a_bucket_is_walked_where_a_rule_seals_any_of_it(
    tmp_path: Path, rules: list[dict[str, Any]], *, seals: bool
) -> None:
    assert seals_any(loaded(written(tmp_path, buckets=rules)), "b1") is seals


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1_048_576, "1.0 MiB"),
        (3 << 29, "1.5 GiB"),
        (1 << 60, "1.0 EiB"),
        (1 << 80, "1048576.0 EiB"),
    ],
)
def test_sizes_are_read_by_people(count: int, text: str) -> None:
    assert size(count) == text
