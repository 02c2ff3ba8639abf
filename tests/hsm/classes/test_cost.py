"""What a key of each class costs."""

from typing import Any

from tests.hsm.classes.cells import MANAGED, OWNED, cell
from tests.hsm.rig import ACCOUNT, REGION, Rig, proxy, user


@cell("cost", "customer managed")
def test_it_costs_by_the_month_and_by_requests(rig: Rig) -> None:
    rig.now = BEGINNING
    arn = rig.key()["Arn"]
    many(rig, 30_000, user(), KeyId=arn)
    made = rig.ask("GetBill")

    assert [(line["KeyArn"], line["Amount"]) for line in made["Keys"]] == [(arn, "1.000000")]
    # CreateKey is the first of 30,001 requests, of which 20,000 are free.
    assert [line["Amount"] for line in made["Requests"]] == ["0.030003"]
    assert made["Total"] == "1.03"


@cell("cost", "service managed")
def test_the_managed_one_costs_by_requests_alone(rig: Rig) -> None:
    rig.now = BEGINNING
    many(rig, 30_000, proxy(), KeyId=MANAGED)
    made = rig.ask("GetBill")

    assert made["Keys"] == []
    assert [line["Amount"] for line in made["Requests"]] == ["0.030000"]
    assert made["Total"] == "0.03"


@cell("cost", "service owned")
def test_the_owned_one_is_free(rig: Rig) -> None:
    rig.now = BEGINNING
    many(rig, 1, proxy(), KeyId=OWNED)
    made = rig.ask("GetBill")

    assert (made["Keys"], made["Requests"], made["Total"]) == ([], [], "0.00")
    assert rig.ask("GetUsage")["Usage"] == []


BEGINNING = 1_777_593_600.0
"""The first moment of May 2026, UTC."""


def many(rig: Rig, times: int, who: Any, **asked: Any) -> None:
    """Asks once and counts the others, which would take a while."""
    used = rig.outcome("GenerateDataKey", who, KeySpec="AES_256", **asked)
    meter = rig.engine._desk.ring.books.meter
    for _ in range(times - 1):
        meter.count(
            "GenerateDataKey",
            account=ACCOUNT,
            region=REGION,
            key_arn=used.key_arn,
            manager=used.manager,
            now_epoch=rig.now,
        )
