"""What an inventory sums up, and how it is kept."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proxy.jobs.inventory.counts import (
    BucketCount,
    Counting,
    DamagedInventory,
    Inventory,
    KeyCount,
    Lock,
    Seen,
    inventory_of,
)
from proxy.seal.envelope import Mode, OuterKey, seal_envelope
from proxy.seal.geometry import sealed_size

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ONE, OTHER, OWN = (f"arn:aws:kms:eu-central-1:111122223333:key/{name}" for name in ("one", "other", "own"))
UNLOCKED = Lock()
LATER = NOW + timedelta(days=30)


def header(key_arn: str | None = ONE, *, length: int = 3, outer: str | None = None) -> str:
    """Of an object of that many bytes; of an upload where it is negative."""
    layer = OuterKey(
        key_arn=outer or "", wrapped_data_key=b"o", data_key=bytes(32), content_key=bytes(32), salt=bytes(16)
    )
    mode = Mode.CLIENT if key_arn is None else Mode.DOUBLE if outer else Mode.KMS
    return seal_envelope(
        bucket="photos",
        key=b"cat",
        mode=mode,
        data_key=bytes(32),
        content_key=bytes(32),
        salt=bytes(16),
        plain_length=length if length >= 0 else None,
        upload_tag=None if length >= 0 else bytes(16),
        key_arn=key_arn,
        wrapped_data_key=b"7" if key_arn else None,
        outer=layer if outer else None,
    )


def counted(*seen: Seen) -> BucketCount:
    count = BucketCount(upstream="main", bucket="photos", taken="2026-11-25T00:00:00Z")
    counting = Counting(count, now=NOW, key_version_of=lambda wrapped: wrapped.decode().strip("o"))
    for each in seen:
        counting.add(each)
    return count


def seen(name: str, value: str | None, *, plain: int = 3, lock: Lock = UNLOCKED) -> Seen:
    return Seen(name=name, sealed_size=sealed_size(plain), header=value, lock=lock)


def test_versions_of_a_name_are_one_object_under_each_key() -> None:
    """They lie together in the listing; a name that is not sealed lies between none."""
    count = counted(
        seen("a", header(ONE)),
        seen("a", header(OTHER)),
        seen("a", header(ONE)),
        seen("b", header(ONE)),
        seen("b", None),
        seen("c", "1.nonsense"),
        seen("c", "2.later"),
        seen("d", header(None)),
    )

    assert (count.keys[ONE].objects, count.keys[ONE].versions, count.keys[ONE].plain_bytes) == (2, 3, 9)
    assert (count.keys[OTHER].objects, count.keys[OTHER].versions) == (1, 1)
    assert count.keys[ONE].key_versions == {"7": 3}
    assert (count.plain, count.unreadable, count.client_keys) == (1, 2, 1)


def test_two_layers_count_under_both_keys() -> None:
    count = counted(seen("a", header(ONE, outer=OWN)))

    assert [(arn, each.versions) for arn, each in count.keys.items()] == [(ONE, 1), (OWN, 1)]
    assert count.keys[OWN].key_versions == {}


@pytest.mark.parametrize("arn", ["key", "arn:", "arn:\x1b[2J", "arn:a\nb", "arn:ä", f"arn:{'a' * 2001}"])
def test_a_key_that_is_no_arn_is_not_shown_to_anybody(arn: str) -> None:
    """A terminal might obey it."""
    count = counted(seen("a", header(arn)), seen("b", header(ONE, outer=arn)), seen("c", header(OTHER)))

    assert list(count.keys) == [OTHER]
    assert count.unreadable == 2


def test_keys_without_end_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.jobs.inventory.counts.MOST_KEYS", 3)
    planted = [seen(str(number), header(f"arn:planted:{number}")) for number in range(10)]
    count = counted(*planted, seen("a", header("arn:planted:1")))

    assert {arn: each.versions for arn, each in count.keys.items()} == {
        "arn:planted:0": 1,
        "arn:planted:1": 2,
        "arn:planted:2": 1,
    }
    assert count.unreadable == 7


@pytest.mark.parametrize(
    ("length", "plain", "told"), [(3, 3, 3), (0, 0, 0), (-1, 200_000, 200_000), (3, 4, 0), (3, 200_000, 0)]
)
def test_a_body_that_does_not_fit_its_header_counts_without_bytes(length: int, plain: int, told: int) -> None:
    count = counted(seen("a", header(ONE, length=length), plain=plain))

    assert (count.keys[ONE].versions, count.keys[ONE].plain_bytes) == (1, told)


@pytest.mark.parametrize(
    ("lock", "figures"),
    [
        (Lock(), (0, 0, 0, 0, "")),
        (Lock(mode="COMPLIANCE", until=NOW), (0, 0, 0, 0, "")),
        (Lock(mode="COMPLIANCE", until=LATER), (1, 1, 0, 0, "2026-12-25T00:00:00Z")),
        (Lock(mode="GOVERNANCE", until=LATER), (1, 0, 1, 0, "2026-12-25T00:00:00Z")),
        (Lock(is_held=True), (1, 0, 0, 1, "")),
        (Lock(mode="GOVERNANCE", until=NOW, is_held=True), (1, 0, 0, 1, "")),
        (Lock(mode="COMPLIANCE", until=LATER, is_held=True), (1, 1, 0, 1, "2026-12-25T00:00:00Z")),
    ],
)
def test_what_is_locked_is_told_by_its_reason(lock: Lock, figures: tuple[Any, ...]) -> None:
    under = counted(seen("a", header(ONE), lock=lock), seen("b", header(ONE))).keys[ONE]

    assert (
        under.locked,
        under.compliance,
        under.governance,
        under.legal_hold,
        under.locked_until,
    ) == figures


def test_the_latest_lock_is_told() -> None:
    locks = [Lock(mode="COMPLIANCE", until=NOW + timedelta(days=days)) for days in (2, 9, 4)]
    count = counted(*(seen(str(number), header(ONE), lock=lock) for number, lock in enumerate(locks)))

    assert count.keys[ONE].locked_until == "2026-12-04T00:00:00Z"


LISTED = "2026-11-24T00:00:00Z"


def named(bucket: str, versions: int = 1) -> BucketCount:
    keys = {ONE: KeyCount(objects=1, versions=versions, key_versions={"1": versions})}
    return BucketCount(upstream="main", bucket=bucket, taken="2026-11-25T00:00:00Z", keys=keys)


def test_a_bucket_s_figures_take_the_place_of_its_own() -> None:
    known = Inventory().with_bucket(named("b")).with_bucket(named("a")).with_bucket(named("b", 2))

    assert [(each.bucket, each.keys[ONE].versions) for each in known.buckets] == [("a", 1), ("b", 2)]
    assert known.not_counted is None


def test_a_walk_over_all_forgets_what_is_gone_and_names_what_is_missing() -> None:
    known = Inventory().with_bucket(named("gone")).with_bucket(named("a"))
    known = known.of_all(["a", "b", "c"], listed=LISTED)

    assert [each.bucket for each in known.buckets] == ["a"]
    assert known.not_counted == ("b", "c")
    assert known.with_bucket(named("c")).not_counted == ("b",)
    assert known.with_bucket(named("c")).listed == LISTED


def test_without_every_store_s_word_it_is_no_walk_over_all() -> None:
    """Nothing of what was known is taken for gone."""
    known = Inventory().with_bucket(named("a")).of_all(["a", "b"], listed=LISTED).of_some()

    assert known == Inventory().with_bucket(named("a"))


def test_one_that_does_not_say_when_buckets_were_asked_for_is_of_its_buckets_alone() -> None:
    document = Inventory().with_bucket(named("a")).of_all(["a", "b"], listed=LISTED).as_json()
    del document["listed"]

    assert inventory_of(document) == Inventory().with_bucket(named("a"))


@pytest.mark.parametrize(
    "known", [Inventory(), Inventory().with_bucket(named("a")).of_all(["a", "b"], listed=LISTED)]
)
def test_an_inventory_comes_back_as_it_was_written(known: Inventory) -> None:
    assert inventory_of(json.loads(json.dumps(known.as_json()))) == known


def _document(**changes: Any) -> Any:
    return Inventory().with_bucket(named("a")).as_json() | changes


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        _document(format=2),
        _document(buckets=[{"bucket": "a"}]),
        _document(buckets=[{**_document()["buckets"][0], "taken": "yesterday"}]),
        _document(buckets=[{**_document()["buckets"][0], "taken": "2026-11-25T00:00:00"}]),
        _document(listed="yesterday", not_counted=[]),
        _document(buckets=[{**_document()["buckets"][0], "keys": {ONE: {"locked": "none"}}}]),
        _document(buckets=[{**_document()["buckets"][0], "keys": {ONE: {"locked_until": "never"}}}]),
        _document(buckets=[{**_document()["buckets"][0], "more": 1}]),
    ],
)
def test_what_is_no_inventory_is_refused(document: Any) -> None:
    with pytest.raises(DamagedInventory):
        inventory_of(document)
