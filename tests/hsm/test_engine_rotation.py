"""Exchanging a key's material: on its day, on demand, and what older ciphertext comes to."""

from pathlib import Path

import pytest

from proxy.hsm.core.lifecycle import DAY_SECONDS
from proxy.hsm.core.model import Manager
from proxy.hsm.engine_desk import Limits
from tests.hsm.rig import ACCOUNT, NOW, Rig, proxy, running


def due(rig: Rig) -> list[tuple[str, str]]:
    """What is done with customers' keys; the service's own have years of their own."""
    every = list(rig.engine.do_due())
    return [(each.name, each.key.key_id) for each in every if each.key.manager is Manager.CUSTOMER]


def status(rig: Rig, key_id: str) -> tuple[bool, float | None]:
    told = rig.ask("GetKeyRotationStatus", KeyId=key_id)
    return told["KeyRotationEnabled"], told.get("NextRotationDate")


def material(rig: Rig, key_id: str) -> str:
    return str(rig.ask("DescribeKey", KeyId=key_id)["KeyMetadata"]["CurrentKeyMaterialId"])


def test_what_any_version_sealed_stays_readable(rig: Rig) -> None:
    """Also after a restart, and each answer says which material opened."""
    key_id = rig.key()["KeyId"]
    sealed = {}
    for number in range(4):
        sealed[material(rig, key_id)] = rig.ask("Encrypt", KeyId=key_id, Plaintext=b"%d" % number)
        rig.ask("RotateKeyOnDemand", KeyId=key_id)
    rig.restart()

    assert len(sealed) == 4
    for number, (made_under, blob) in enumerate(sealed.items()):
        opened = rig.ask("Decrypt", CiphertextBlob=blob["CiphertextBlob"])
        assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"%d" % number, made_under)


def test_an_enabled_schedule_is_kept_to_the_day(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    assert status(rig, key_id) == (False, None)
    rig.ask("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=90)
    first = material(rig, key_id)

    assert rig.ask("GetKeyRotationStatus", KeyId=key_id) == {
        "KeyId": key_id,
        "KeyRotationEnabled": True,
        "RotationPeriodInDays": 90,
        "NextRotationDate": NOW + 90 * DAY_SECONDS,
    }
    rig.now = NOW + 90 * DAY_SECONDS - 1
    assert due(rig) == []
    rig.now += 2
    assert due(rig) == [("RotateKey", key_id)]
    assert due(rig) == []
    assert material(rig, key_id) != first
    assert status(rig, key_id) == (True, NOW + 180 * DAY_SECONDS)


def test_what_fell_due_while_nothing_ran_is_done_once(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    rig.ask("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=90)
    rig.now = NOW + 1000 * DAY_SECONDS
    rig.restart()

    assert due(rig) == [("RotateKey", key_id)]
    assert due(rig) == []


def test_a_disabled_key_waits_and_makes_up_for_it_when_it_is_enabled(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    rig.ask("EnableKeyRotation", KeyId=key_id)
    rig.ask("DisableKey", KeyId=key_id)
    first = material(rig, key_id)
    rig.now = NOW + 400 * DAY_SECONDS

    assert due(rig) == []
    assert status(rig, key_id)[0] is True
    rig.ask("EnableKey", KeyId=key_id)
    assert material(rig, key_id) != first
    assert status(rig, key_id) == (True, NOW + 765 * DAY_SECONDS)


def test_rotation_reads_off_while_a_key_is_to_be_deleted_and_comes_back_with_it(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    rig.ask("EnableKeyRotation", KeyId=key_id)
    before = status(rig, key_id)
    rig.ask("ScheduleKeyDeletion", KeyId=key_id)

    assert status(rig, key_id) == (False, None)
    rig.ask("CancelKeyDeletion", KeyId=key_id)
    assert status(rig, key_id) == before


def test_rotation_that_is_disabled_never_comes(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    rig.ask("EnableKeyRotation", KeyId=key_id)
    rig.ask("DisableKeyRotation", KeyId=key_id)
    rig.now = NOW + 5000 * DAY_SECONDS

    assert status(rig, key_id) == (False, None)
    assert due(rig) == []


def test_a_key_has_25_rotations_on_demand(rig: Rig) -> None:
    """Automatic ones do not count."""
    key_id = rig.key()["KeyId"]
    for _ in range(25):
        assert rig.ask("RotateKeyOnDemand", KeyId=key_id) == {"KeyId": key_id}

    assert rig.refused("RotateKeyOnDemand", KeyId=key_id).code == "LimitExceededException"
    rig.ask("EnableKeyRotation", KeyId=key_id)
    rig.now = NOW + 365 * DAY_SECONDS
    assert due(rig) == [("RotateKey", key_id)]
    assert len(rig.ask("ListKeyRotations", KeyId=key_id)["Rotations"]) == 26


def test_that_limit_can_be_another(tmp_path: Path) -> None:
    with running(tmp_path, Limits(on_demand_rotations=0)) as rig:
        refused = rig.refused("RotateKeyOnDemand", KeyId=rig.key()["KeyId"])

    assert refused.code == "LimitExceededException"


def test_rotations_are_listed_with_their_kind_and_day(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    first = material(rig, key_id)
    rig.now = NOW + 10
    rig.ask("RotateKeyOnDemand", KeyId=key_id)
    second = material(rig, key_id)
    one = {"KeyId": key_id, "KeyMaterialId": first, "KeyMaterialState": "NON_CURRENT"}
    two = {
        "KeyId": key_id,
        "KeyMaterialId": second,
        "KeyMaterialState": "CURRENT",
        "RotationDate": NOW + 10,
        "RotationType": "ON_DEMAND",
    }

    assert rig.ask("ListKeyRotations", KeyId=key_id) == {"Rotations": [two], "Truncated": False}
    every = rig.ask("ListKeyRotations", KeyId=key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL")
    assert every["Rotations"] == [one, two]
    page = rig.ask("ListKeyRotations", KeyId=key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL", Limit=1)
    assert (page["Rotations"], page["Truncated"]) == ([one], True)


@pytest.mark.parametrize("days", [89, 2561])
def test_a_period_has_its_bounds(rig: Rig, days: int) -> None:
    key_id = rig.key()["KeyId"]
    rig.ask("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=2560)
    refused = rig.refused("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=days)

    assert refused.code == "ValidationException"


def test_the_services_keys_rotate_each_year_and_nobody_changes_that(rig: Rig) -> None:
    """The owned key is among what is due, and no account sees it."""
    managed = rig.ask("DescribeKey", proxy(), KeyId="alias/aws/s3")["KeyMetadata"]["KeyId"]
    blob = rig.ask("GenerateDataKey", proxy(), KeyId="alias/aws/s3", KeySpec="AES_256")

    assert status(rig, managed) == (True, NOW + 365 * DAY_SECONDS)
    for action in ("EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand", "ScheduleKeyDeletion"):
        assert rig.refused(action, KeyId=managed).code == "AccessDeniedException"
    rig.now = NOW + 365 * DAY_SECONDS
    assert [happened.name for happened in rig.engine.do_due()] == ["RotateKey", "RotateKey"]
    assert len(rig.ask("ListKeyRotations", KeyId=managed)["Rotations"]) == 1
    assert rig.ask("Decrypt", proxy(ACCOUNT), CiphertextBlob=blob["CiphertextBlob"])
