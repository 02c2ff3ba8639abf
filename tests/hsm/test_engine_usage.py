"""What keys were used for, how near an account is to its quotas, and what it pays."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from proxy.hsm.core.lifecycle import DAY_SECONDS
from proxy.hsm.engine import Trace
from proxy.hsm.engine_desk import Limits
from proxy.hsm.throttle import Throttle
from tests.hsm.rig import ACCOUNT, NOW, OTHER_REGION, REGION, STRANGERS, Rig, proxy, running, user
from tests.hsm.rights import rights, statement


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def encrypt(rig: Rig, key_id: str, times: int = 1) -> bytes:
    for _ in range(times):
        blob: bytes = rig.ask("Encrypt", KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    return blob


def test_the_last_use_of_a_key_is_told_with_its_event(rig: Rig) -> None:
    rig.engine.begin()
    made = rig.key()
    unused = rig.ask("GetKeyLastUsage", KeyId=made["KeyId"])
    rig.now = NOW + 5
    request = {"KeyId": made["KeyId"], "Plaintext": b"x"}
    rig.engine.call(user(), "Encrypt", request, Trace(event_id="e", request_id="r"))
    rig.now = NOW + 9
    rig.ask("DescribeKey", KeyId=made["KeyId"])

    assert unused == {"KeyId": made["KeyId"], "KeyCreationDate": NOW, "TrackingStartDate": NOW}
    assert rig.ask("GetKeyLastUsage", KeyId=made["KeyId"]) == {
        **unused,
        "KeyLastUsage": {
            "Operation": "Encrypt",
            "Timestamp": NOW + 5,
            "CloudTrailEventId": "e",
            "KmsRequestId": "r",
        },
    }


def test_re_encrypt_uses_two_keys(rig: Rig) -> None:
    one, two = rig.key()["KeyId"], rig.key()["KeyId"]
    rig.ask("ReEncrypt", CiphertextBlob=encrypt(rig, one), DestinationKeyId=two)

    for key_id in (one, two):
        assert rig.ask("GetKeyLastUsage", KeyId=key_id)["KeyLastUsage"]["Operation"] == "ReEncrypt"


def test_a_refused_call_and_a_dry_run_are_no_use(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    rig.refused("Encrypt", KeyId=key_id, Plaintext=b"x", DryRun=True)
    rig.refused("Encrypt", KeyId=key_id, Plaintext=b"")

    assert "KeyLastUsage" not in rig.ask("GetKeyLastUsage", KeyId=key_id)


def test_a_key_older_than_the_counting_says_since_when_it_is_counted(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    rig.now = NOW + 100
    rig.engine.begin()
    rig.restart()
    rig.now = NOW + 200
    rig.engine.begin()

    told = rig.ask("GetKeyLastUsage", KeyId=key_id)
    assert (told["KeyCreationDate"], told["TrackingStartDate"]) == (NOW, NOW + 100)


def test_a_policy_keeps_a_key_that_was_used_lately(rig: Rig) -> None:
    """kms:TrailingDaysWithoutKeyUsage: whole days since the last use, or since one would be known."""
    lately = {"NumericLessThan": {"kms:TrailingDaysWithoutKeyUsage": "30"}}
    rig.engine.begin()
    used, unused = rig.key()["KeyId"], rig.key()["KeyId"]
    rig.rights[user().arn] = rights(
        statement("Allow", "kms:*"),
        statement("Deny", ["kms:DisableKey", "kms:ScheduleKeyDeletion"], Condition=lately),
    )
    assert rig.refused("DisableKey", KeyId=unused).code == "AccessDeniedException"
    rig.now = NOW + 10 * DAY_SECONDS
    encrypt(rig, used)
    rig.now = NOW + 30 * DAY_SECONDS

    rig.ask("DisableKey", KeyId=unused)
    for action in ("DisableKey", "ScheduleKeyDeletion"):
        assert rig.refused(action, KeyId=used).code == "AccessDeniedException"
    rig.now = NOW + 40 * DAY_SECONDS
    rig.ask("ScheduleKeyDeletion", KeyId=used)


def test_what_was_saved_survives_and_what_was_not_is_lost(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    encrypt(rig, key_id, 3)
    rig.engine.save_usage()
    encrypt(rig, key_id, 2)
    rig.restart()

    [entry] = rig.ask("GetUsage")["Usage"]
    assert entry["Counts"]["Encrypt"] == 3
    assert "KeyLastUsage" in rig.ask("GetKeyLastUsage", KeyId=key_id)


def test_usage_is_told_by_key_and_operation_to_the_account_alone(rig: Rig) -> None:
    made = rig.key()
    encrypt(rig, made["KeyId"], 2)
    rig.ask("GenerateRandom", NumberOfBytes=1)
    rig.ask("GenerateDataKey", proxy(), KeyId="alias/aws/s3", KeySpec="AES_256")
    rig.ask("GenerateDataKey", proxy(), KeyId="alias/sealgate/owned", KeySpec="AES_256")
    told = rig.ask("GetUsage")

    assert told["Month"] == "2027-01"
    counts = {(each["KeyManager"], each["KeyArn"] == made["Arn"]): each["Counts"] for each in told["Usage"]}
    assert counts == {
        ("", False): {"GenerateRandom": 1},
        ("AWS", False): {"GenerateDataKey": 1},
        ("CUSTOMER", True): {"CreateKey": 1, "Encrypt": 2},
    }
    assert rig.ask("GetUsage", user(STRANGERS))["Usage"] == []
    assert rig.ask("GetUsage", user(region=OTHER_REGION))["Usage"][0]["Region"] == REGION
    assert rig.refused("GetUsage", Month="2027-02").code == "ValidationException"
    assert rig.refused("GetUsage", Month="2025-12").code == "ValidationException"
    assert rig.refused("GetUsage", proxy()).code == "AccessDeniedException"


def test_to_ask_for_usage_and_cost_costs_nothing(rig: Rig) -> None:
    for action in ("GetBill", "GetQuotas", "GetUsage", "ListKeys"):
        rig.ask(action)

    assert [each["Counts"] for each in rig.ask("GetUsage")["Usage"]] == [{"ListKeys": 1}]
    assert [line["Count"] for line in rig.ask("GetBill")["Requests"]] == [1]


def test_the_month_worked_out_by_hand_comes_out_of_the_engine(rig: Rig) -> None:
    """April of tests/hsm/core/test_cost.py, lived through: 4.19."""
    rig.now = at("2025-03-01")
    rig.key()
    rotated = rig.key()["KeyId"]
    for day in ("2026-02-01", "2026-04-11", "2026-04-21"):
        rig.now = at(day)
        rig.ask("RotateKeyOnDemand", KeyId=rotated)
        if day == "2026-04-11":
            rig.now = at("2026-04-16")
            rig.key()
    rig.now = at("2026-04-22")
    here, there = user(), user(region=OTHER_REGION)
    counted = sum(sum(each["Counts"].values()) for each in rig.ask("GetUsage")["Usage"])
    for who, times in ((here, 15_000 - counted), (there, 12_500)):
        for _ in range(times):
            rig.ask("GenerateRandom", who, NumberOfBytes=1)
    made = rig.ask("GetBill")

    assert made["Requests"] == [{"Class": "symmetric", "Count": 27_500, "Free": 20_000, "Amount": "0.022500"}]
    assert sorted(line["Amount"] for line in made["Keys"]) == ["0.500000", "1.000000", "2.666667"]
    assert made["Total"] == "4.19"


def test_a_bill_keeps_a_destroyed_key_and_gives_back_nothing_but_a_cancelled_wait(rig: Rig) -> None:
    rig.now = at("2026-05-01")
    ended, kept = rig.key()["KeyId"], rig.key()["KeyId"]
    rig.now = at("2026-05-05")
    rig.ask("ScheduleKeyDeletion", KeyId=ended, PendingWindowInDays=7)
    rig.ask("ScheduleKeyDeletion", KeyId=kept, PendingWindowInDays=30)
    waiting = [line["Hours"] for line in rig.ask("GetBill")["Keys"]]
    rig.now += 7 * DAY_SECONDS
    assert [happened.name for happened in rig.engine.do_due()] == ["DeleteKey"]
    rig.ask("CancelKeyDeletion", KeyId=kept)
    rig.engine.save_usage()
    rig.restart()
    after = {line["KeyArn"].split("/")[1]: line["Hours"] for line in rig.ask("GetBill")["Keys"]}

    assert waiting == [96, 96]
    assert after == {ended: 96, kept: 744}
    rig.now = at("2027-04-30")
    assert [line["Hours"] for line in rig.ask("GetBill", Month="2026-05")["Keys"]].count(96) == 1
    rig.now = at("2027-07-01")
    rig.engine.save_usage()
    assert rig.engine._desk.ring.books.past() == ()
    assert rig.refused("GetBill", Month="2026-05").code == "ValidationException"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Rig]:
    """An engine that holds callers to AWS's rates; `held.now` moves both its clocks."""
    with running(tmp_path, Limits(customer_keys=10, aliases_per_key=2)) as rig:
        rig.throttle = Throttle(ticks=lambda: rig.now, rates={"CryptographicOperationsSymmetric": 3})
        rig.restart()
        yield rig


def test_callers_are_held_to_a_rate(held: Rig) -> None:
    """Each operation has its own; uses of keys share one, over all of the account's callers."""
    key_id = held.key()["KeyId"]
    for who in (user(), user(name="bob"), proxy()):
        held.ask("Encrypt", who, KeyId=key_id, Plaintext=b"x")
    refused = held.refused("GenerateRandom", NumberOfBytes=1)

    assert (refused.code, refused.status) == ("ThrottlingException", 400)
    assert refused.message.startswith("You have exceeded the rate at which you may call KMS.")
    assert held.ask("DescribeKey", KeyId=key_id)
    assert held.ask("GenerateRandom", user(region=OTHER_REGION), NumberOfBytes=1)
    assert held.ask("GenerateRandom", user(STRANGERS), NumberOfBytes=1)
    held.now += 0.4
    assert held.ask("GenerateRandom", NumberOfBytes=1)


def test_the_owned_key_counts_against_nobody(held: Rig) -> None:
    for _ in range(10):
        assert held.ask("GenerateDataKey", proxy(), KeyId="alias/sealgate/owned", KeySpec="AES_256")
    owned = held.ask("DescribeKey", proxy(), KeyId="alias/sealgate/owned")["KeyMetadata"]["Arn"]
    for _ in range(10):
        assert held.ask("GenerateDataKey", proxy(), KeyId=owned, KeySpec="AES_256")
    assert held.ask("GenerateRandom", NumberOfBytes=1)


def test_a_throttled_call_is_not_counted(held: Rig) -> None:
    for _ in range(3):
        held.ask("GenerateRandom", NumberOfBytes=1)
    held.refused("GenerateRandom", NumberOfBytes=1)

    assert held.ask("GetUsage")["Usage"][0]["Counts"]["GenerateRandom"] == 3


def test_quotas_are_told_with_what_is_used_of_them(held: Rig) -> None:
    held.key()
    full = held.key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyId"]
    held.ask("CreateAlias", AliasName="alias/a", TargetKeyId=full)
    held.ask("RotateKeyOnDemand", KeyId=full)
    held.ask("CreateGrant", KeyId=full, GranteePrincipal=user().arn, Operations=["Encrypt"])
    told = {each["Quota"]: (each["Used"], each["Limit"]) for each in held.ask("GetQuotas")["Quotas"]}

    assert told["CustomerKeys"] == (2, 10)
    assert told["AliasesPerKey"] == (1, 2)
    assert told["TagsPerKey"] == (1, 50)
    assert told["OnDemandRotationsPerKey"] == (1, 25)
    assert told["GrantsPerKey"] == (1, 50_000)
    assert told["CreateKey"] == (2.0, 5)
    assert told["CryptographicOperationsSymmetric"] == (0.0, 3)


def test_the_metric_is_of_whoever_is_nearest_to_the_end(held: Rig) -> None:
    held.key(user(STRANGERS))
    for _ in range(3):
        held.key()
    used = held.engine.quotas_used()

    assert used["CustomerKeys"] == pytest.approx(0.3)
    assert used["CreateKey"] == pytest.approx(0.6)
    assert held.ask("ListKeys", user(ACCOUNT))["Keys"]
