"""Three months' bills, worked out by hand from AWS KMS's pricing page, to the cent."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from proxy.hsm.core.cost import Life, bill
from proxy.hsm.core.prices import Prices

PRICES = Prices()


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True, kw_only=True)
class Worked:
    """A month of an account, and what its bill comes to, line by line."""

    name: str
    month: str
    lives: tuple[Life, ...] = ()
    requests: int = 0
    keys: dict[str, str]
    """Key -> its amount, to six places."""
    billed: str
    """Of the requests."""
    total: str


OLD = Life(key_arn="old", created_epoch=at("2025-03-01"))

APRIL = Worked(
    name="a key made mid-month, one rotated three times, requests of two regions",
    month="2026-04",  # 720 hours
    lives=(
        OLD,  # the whole month: 1.00
        Life(key_arn="new", created_epoch=at("2026-04-16")),  # 15 days: 360 / 720
        Life(
            key_arn="rotated",
            created_epoch=at("2025-01-01"),
            rotated_epochs=(
                at("2026-02-01"),  # the whole month: 1.00
                at("2026-04-11"),  # 20 days: 480 / 720 = 0.666667
                at("2026-04-21"),  # the third costs nothing
            ),
        ),
    ),
    requests=15_000 + 12_500,  # 20,000 are free over both regions: 7,500 x 0.03 / 10,000
    keys={"new": "0.500000", "old": "1.000000", "rotated": "2.666667"},
    billed="0.022500",
    total="4.19",  # 1 + 0.5 + 2.666667 + 0.0225 = 4.189167
)

WAITING = Life(key_arn="waiting", created_epoch=at("2025-03-01"), ended_epoch=at("2026-05-05"))
MAY = Worked(
    name="a key that waits for its end, and a managed key that is used",
    month="2026-05",  # 744 hours
    lives=(WAITING,),  # until the 5th: 96 / 744. The managed key costs nothing by the month.
    requests=30_000,  # of the managed key; 10,000 beyond the free ones
    keys={"waiting": "0.129032"},
    billed="0.030000",
    total="0.16",
)
MAY_CANCELLED = Worked(
    name="the same month, once the deletion is cancelled",
    month="2026-05",
    lives=(Life(key_arn="waiting", created_epoch=WAITING.created_epoch),),
    requests=30_000,
    keys={"waiting": "1.000000"},
    billed="0.030000",
    total="1.03",
)

JUNE_OWNER = Worked(
    name="the owner of a key that another account uses, a destroyed key and one made in the last hours",
    month="2026-06",  # 720 hours
    lives=(
        OLD,
        Life(key_arn="destroyed", created_epoch=at("2026-01-01"), ended_epoch=at("2026-06-11")),  # 240 / 720
        Life(key_arn="late", created_epoch=at("2026-06-30T22:30")),  # an hour and a half: two hours
    ),
    requests=0,  # the other account's requests are not this one's
    keys={"destroyed": "0.333333", "late": "0.002778", "old": "1.000000"},
    billed="",
    total="1.34",  # 1.336111
)
JUNE_CALLER = Worked(
    name="the account that uses another's key, and owned keys, which nobody pays",
    month="2026-06",
    requests=40_000,  # 20,000 x 0.03 / 10,000
    keys={},
    billed="0.060000",
    total="0.06",
)
WORKED = [APRIL, MAY, MAY_CANCELLED, JUNE_OWNER, JUNE_CALLER]


@pytest.mark.parametrize("worked", WORKED, ids=lambda worked: worked.name)
def test_a_bill_is_what_a_person_works_out(worked: Worked) -> None:
    made = bill(worked.month, worked.lives, {"symmetric": worked.requests}, PRICES)

    assert {line.key_arn: f"{line.amount:.6f}" for line in made.keys} == worked.keys
    assert [f"{line.amount:.6f}" for line in made.requests] == ([worked.billed] if worked.billed else [])
    assert str(made.total) == worked.total


@pytest.mark.parametrize(
    ("count", "amount"),
    [(0, None), (1, "0"), (20_000, "0"), (20_001, "0.000003"), (30_000, "0.03"), (1_020_000, "3")],
)
def test_requests_cost_beyond_the_free_ones(count: int, amount: str | None) -> None:
    lines = bill("2026-04", [], {"symmetric": count}, PRICES).requests

    assert [line.amount for line in lines] == ([] if amount is None else [Decimal(amount)])


def test_classes_without_a_free_tier_leave_it_to_the_others() -> None:
    asked = {"symmetric": 15_000, "asymmetric": 10_000, "rsa_data_key_pair": 10}
    lines = {line.request_class: line for line in bill("2026-04", [], asked, PRICES).requests}

    assert {name: (line.free, str(line.amount.normalize())) for name, line in lines.items()} == {
        "symmetric": (15_000, "0"),
        "asymmetric": (0, "0.15"),
        "rsa_data_key_pair": (0, "0.012"),
    }


@pytest.mark.parametrize(
    ("created", "ended", "hours"),
    [
        ("2026-03-31T23:59", None, 720),
        ("2026-04-01", None, 720),
        ("2026-04-30T23:59:59", None, 1),
        ("2026-05-01", None, 0),
        ("2026-01-01", "2026-04-01", 0),
        ("2026-01-01", "2026-04-01T00:00:01", 1),
        ("2026-01-01", "2026-03-01", 0),
        ("2026-04-10T10:10", "2026-04-10T10:20", 1),
    ],
)
def test_a_key_costs_the_hours_that_it_began_in_the_month(
    created: str, ended: str | None, hours: int
) -> None:
    life = Life(key_arn="k", created_epoch=at(created), ended_epoch=at(ended) if ended else None)

    assert sum(line.hours for line in bill("2026-04", [life], {}, PRICES).keys) == hours


def test_prices_are_data() -> None:
    dear = Prices(key_month=Decimal(2), rotation_month=Decimal(3), billed_rotations=1, free_requests=0)
    life = Life(key_arn="k", created_epoch=0.0, rotated_epochs=(1.0, 2.0))

    assert str(bill("2026-04", [life], {"symmetric": 10_000}, dear).total) == "5.03"
