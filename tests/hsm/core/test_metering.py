"""Counting: what is written, what is folded, what is forgotten."""

from datetime import UTC, datetime

import pytest

from proxy.hsm.core.metering import Meter, Unsaved, summed
from proxy.hsm.core.usage import LastUse, month_bounds, month_of, months_before

US, THEM = "111122223333", "444455556666"


def at(month: str, day: int = 3) -> float:
    return datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC, day=day).timestamp()


def count(meter: Meter, month: str, operation: str = "Encrypt", key: str = "k", account: str = US) -> None:
    meter.count(operation, account=account, region="r", key_arn=key, manager="CUSTOMER", now_epoch=at(month))


def counts(meter: Meter, month: str, account: str = US) -> dict[str, dict[str, int]]:
    return {usage.key_arn: dict(usage.counts) for usage in meter.usages(month, account)}


def reloaded(unsaved: Unsaved) -> Meter:
    meter = Meter()
    for usage in unsaved.usages:
        meter.load(usage)
    for use in unsaved.uses:
        meter.load(use)
    return meter


def test_counts_are_by_month_account_key_and_operation() -> None:
    meter = Meter()
    for _ in range(3):
        count(meter, "2026-04")
    count(meter, "2026-04", "Decrypt")
    count(meter, "2026-04", key="other")
    count(meter, "2026-04", account=THEM)
    count(meter, "2026-05")

    assert counts(meter, "2026-04") == {"k": {"Decrypt": 1, "Encrypt": 3}, "other": {"Encrypt": 1}}
    assert counts(meter, "2026-04", THEM) == {"k": {"Encrypt": 1}}
    assert counts(meter, "2026-05") == {"k": {"Encrypt": 1}}
    assert counts(reloaded(meter.unsaved()), "2026-04") == counts(meter, "2026-04")


def test_what_was_written_is_not_written_again_and_what_came_meanwhile_is() -> None:
    meter = Meter()
    count(meter, "2026-04")
    count(meter, "2026-04", key="other")
    written = meter.unsaved()
    count(meter, "2026-04", key="other")
    meter.saved(written)

    [again] = meter.unsaved().usages
    assert (again.key_arn, again.counts) == ("other", (("Encrypt", 2),))


def test_last_uses_are_kept_written_and_forgotten() -> None:
    meter, uses = (
        Meter(),
        [
            LastUse(key_arn="k", operation="Encrypt", epoch=float(n), event_id="", request_id="")
            for n in (1, 2)
        ],
    )
    meter.use(uses[0])
    written = meter.unsaved()
    meter.use(uses[1])
    meter.saved(written)

    assert meter.unsaved().uses == (uses[1],)
    assert reloaded(meter.unsaved()).maybe_last_use("k") == uses[1]
    meter.forget("k")
    assert meter.maybe_last_use("k") is None
    assert meter.unsaved().uses == ()


def test_months_before_the_last_are_folded_and_old_ones_forgotten() -> None:
    """Their sums stay for the bill; by key they are gone, in the store as well."""
    meter = Meter()
    for key in ("a", "b"):
        count(meter, "2026-01", key=key)
        count(meter, "2026-01", "Decrypt", key=key)
    meter.saved(meter.unsaved())
    count(meter, "2026-02")
    assert set(counts(meter, "2026-01")) == {"a", "b"}
    count(meter, "2026-03")

    assert counts(meter, "2026-01") == {"": {"Decrypt": 2, "Encrypt": 2}}
    assert summed(meter.usages("2026-01", US)) == 4
    assert [name.split("/")[-1] for name in meter.unsaved().forgotten] == ["a", "b"]
    count(meter, "2027-01")
    assert summed(meter.usages("2026-01", US)) == 4
    count(meter, "2027-02")
    assert summed(meter.usages("2026-01", US)) == 0
    assert summed(meter.usages("2026-02", US)) == 1


@pytest.mark.parametrize(
    ("month", "count_", "before"),
    [
        ("2026-01", 0, "2026-01"),
        ("2026-01", 1, "2025-12"),
        ("2026-12", 12, "2025-12"),
        ("2026-03", 2, "2026-01"),
    ],
)
def test_months_are_counted_backwards(month: str, count_: int, before: str) -> None:
    assert months_before(month, count_) == before


def test_a_month_ends_where_the_next_begins() -> None:
    first, following = month_bounds("2026-12")

    assert (month_of(first), month_of(following - 0.001), month_of(following)) == (
        *("2026-12", "2026-12"),
        "2027-01",
    )
