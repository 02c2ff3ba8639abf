"""Three months of two accounts, lived through and billed to the cent; worked out by hand beside each figure.

The figures are AWS KMS's of 2026: a key-month 1.00, prorated by the hour, and as much for each of its first
two rotations; 0.03 for 10,000 requests beyond the month's 20,000, over all regions.
"""

from datetime import UTC, datetime
from typing import Any

from proxy.hsm.core.access import Principal
from tests.hsm.rig import ACCOUNT, OTHER_REGION, STRANGERS, Rig, proxy, user
from tests.hsm.rights import document, statement

MANAGED, OWNED = "alias/aws/s3", "alias/sealgate/owned"
HERE, THERE, PARTNER = user(), user(region=OTHER_REGION), user(STRANGERS)
OPEN = document(
    statement("Allow", "kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
    statement("Allow", "kms:GenerateDataKey", Principal={"AWS": f"arn:aws:iam::{STRANGERS}:root"}),
)


def turn_to(rig: Rig, day: str) -> None:
    rig.now = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


def data_keys(rig: Rig, times: int, who: Principal, key: str) -> None:
    """Asks for one, and counts the others as the engine counts them: to ask for all would take a minute."""
    used = rig.outcome("GenerateDataKey", who, KeyId=key, KeySpec="AES_256")
    if used.manager == "OWNED":
        return
    for _ in range(times - 1):
        rig.engine._desk.ring.books.meter.count(
            "GenerateDataKey",
            account=who.client_account,
            region=who.region,
            key_arn=used.key_arn,
            manager=used.manager,
            now_epoch=rig.now,
        )


def bill(rig: Rig, month: str, who: Principal = HERE) -> dict[str, Any]:
    made = rig.ask("GetBill", who, Month=month)
    return {
        "keys": sorted(line["Amount"] for line in made["Keys"]),
        "requests": [(line["Count"], line["Amount"]) for line in made["Requests"]],
        "total": made["Total"],
    }


def test_three_months_are_billed_as_a_person_works_them_out(rig: Rig) -> None:
    """Also after a restart, and a year later."""
    steady, april = live_through_april(rig)
    waiting, may = live_through_may(rig, steady, april)
    june, theirs = live_through_june(rig, steady, waiting)

    rig.engine.save_usage()
    rig.restart()
    turn_to(rig, "2027-04-02")
    for month, made in (("2026-04", april), ("2026-05", may), ("2026-06", june)):
        assert bill(rig, month) == made
        assert bill(rig, month, THERE) == made
    assert bill(rig, "2026-06", PARTNER) == theirs
    assert bill(rig, "2026-05", PARTNER) == {"keys": [], "requests": [], "total": "0.00"}


def live_through_april(rig: Rig) -> tuple[str, dict[str, Any]]:
    """720 hours. A key made in mid-month, which is told with the bill, and requests of two regions."""
    turn_to(rig, "2026-04-16")
    steady = rig.key()["Arn"]
    data_keys(rig, 14_999, HERE, steady)
    turn_to(rig, "2026-04-20")
    abroad = rig.key(THERE)["Arn"]
    rig.ask("ScheduleKeyDeletion", THERE, KeyId=abroad, PendingWindowInDays=7)
    data_keys(rig, 12_498, proxy(region=OTHER_REGION), MANAGED)
    return steady, {
        # 15 days: 360 / 720. The key abroad was asked to go as soon as it was there.
        "keys": ["0.500000"],
        # 14,999 and 12,498, two CreateKey and a ScheduleKeyDeletion: 7,500 beyond the free ones.
        "requests": [(27_500, "0.022500")],
        "total": "0.52",
    }


def live_through_may(rig: Rig, steady: str, april: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """744 hours. Three rotations, the managed key, and the key that is told, whose deletion is cancelled."""
    turn_to(rig, "2026-05-01")
    assert [each.name for each in rig.engine.do_due()] == ["DeleteKey"]
    for day in ("2026-05-01", "2026-05-16", "2026-05-20"):
        turn_to(rig, day)
        rig.ask("RotateKeyOnDemand", KeyId=steady)
        if day == "2026-05-01":
            waiting = rig.key()["Arn"]
    assert bill(rig, "2026-04") == april
    turn_to(rig, "2026-05-21")
    rig.ask("ScheduleKeyDeletion", KeyId=waiting, PendingWindowInDays=30)
    data_keys(rig, 25_005, proxy(), MANAGED)
    data_keys(rig, 4_990, proxy(), steady)
    pending = {
        # 20 days of the waiting key: 480 / 744. The steady one 1.00, its first rotation 1.00, and its second,
        # of the 16th, 384 / 744 = 0.516129; the third is free. The managed one has no monthly fee.
        "keys": ["0.645161", "2.516129"],
        # 29,995, three RotateKeyOnDemand, CreateKey and ScheduleKeyDeletion: 10,000 beyond the free ones.
        "requests": [(30_000, "0.030000")],
        "total": "3.19",
    }
    assert bill(rig, "2026-05") == pending
    turn_to(rig, "2026-05-31T23:00")
    rig.ask("CancelKeyDeletion", KeyId=waiting)
    # Charged back: the whole month. CancelKeyDeletion is one request more.
    may = {"keys": ["1.000000", "2.516129"], "requests": [(30_001, "0.030003")], "total": "3.55"}
    assert bill(rig, "2026-05") == may
    return waiting, may


def live_through_june(rig: Rig, steady: str, waiting: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """720 hours. A partner uses the key and has a bill; both use the service's own; a key is destroyed."""
    turn_to(rig, "2026-06-01")
    rig.ask("PutKeyPolicy", KeyId=steady, Policy=OPEN)
    data_keys(rig, 40_000, PARTNER, steady)
    for client in (ACCOUNT, STRANGERS, None):
        data_keys(rig, 1_000_000, proxy(client), OWNED)
    turn_to(rig, "2026-06-11")
    rig.ask("ScheduleKeyDeletion", KeyId=waiting, PendingWindowInDays=7)
    turn_to(rig, "2026-06-18")
    assert [each.name for each in rig.engine.do_due()] == ["DeleteKey"]
    june = {
        # 10 days of the destroyed key: 240 / 720. The steady one and its first two rotations, all month.
        "keys": ["0.333333", "3.000000"],
        # PutKeyPolicy and ScheduleKeyDeletion: free.
        "requests": [(2, "0.000000")],
        "total": "3.33",
    }
    # Whoever asks pays for it: 20,000 beyond the free ones. The key costs its owner alone.
    theirs = {"keys": [], "requests": [(40_000, "0.060000")], "total": "0.06"}
    return june, theirs
