"""Ending a key: the waiting time, the way back, and what is left of it afterwards."""

import sqlite3
from collections.abc import Callable

import pytest

from proxy.hsm.core.lifecycle import DAY_SECONDS
from proxy.hsm.store import StoreFailed
from tests.hsm.rig import ACCOUNT, NOW, REGION, Rig


def due(rig: Rig) -> list[str]:
    return [f"{happened.name} {happened.key.key_id}" for happened in rig.engine.do_due()]


def test_a_scheduled_deletion_is_told_as_aws_tells_it(rig: Rig) -> None:
    made = rig.key()
    told = rig.ask("ScheduleKeyDeletion", KeyId=made["KeyId"])
    described = rig.ask("DescribeKey", KeyId=made["KeyId"])["KeyMetadata"]

    assert told == {
        "KeyId": made["Arn"],
        "DeletionDate": NOW + 30 * DAY_SECONDS,
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": 30,
    }
    assert (described["KeyState"], described["Enabled"]) == ("PendingDeletion", False)
    assert described["DeletionDate"] == told["DeletionDate"]


def test_a_key_that_waits_for_its_end_can_be_used_for_nothing(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    blob = rig.ask("Encrypt", KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    rig.ask("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)

    for action, request in {
        "Decrypt": {"CiphertextBlob": blob},
        "GenerateDataKey": {"KeyId": key_id, "KeySpec": "AES_256"},
        "EnableKey": {"KeyId": key_id},
        "RotateKeyOnDemand": {"KeyId": key_id},
        "ScheduleKeyDeletion": {"KeyId": key_id},
        "TagResource": {"KeyId": key_id, "Tags": [{"TagKey": "a", "TagValue": "b"}]},
    }.items():
        assert rig.refused(action, **request).code == "KMSInvalidStateException"


def test_a_cancelled_deletion_brings_the_key_back_disabled(rig: Rig) -> None:
    made = rig.key()
    blob = rig.ask("Encrypt", KeyId=made["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    assert rig.refused("CancelKeyDeletion", KeyId=made["KeyId"]).code == "KMSInvalidStateException"
    rig.ask("ScheduleKeyDeletion", KeyId=made["KeyId"])
    rig.now += 29 * DAY_SECONDS

    assert rig.ask("CancelKeyDeletion", KeyId=made["KeyId"]) == {"KeyId": made["Arn"]}
    assert rig.state(made["KeyId"]) == "Disabled"
    assert "DeletionDate" not in rig.ask("DescribeKey", KeyId=made["KeyId"])["KeyMetadata"]
    rig.now += 400 * DAY_SECONDS
    assert not any("DeleteKey" in happened for happened in due(rig))
    rig.ask("EnableKey", KeyId=made["KeyId"])
    assert rig.ask("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"x"


def gone(rig: Rig, made: dict[str, str], blob: bytes) -> None:
    """The key is not there by any name, and nothing says that it ever was."""
    alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/a"
    for name in (made["KeyId"], made["Arn"], "alias/a", alias):
        assert rig.refused("DescribeKey", KeyId=name).code == "NotFoundException"
    assert rig.refused("Decrypt", CiphertextBlob=blob).code == "AccessDeniedException"
    assert rig.refused("CancelKeyDeletion", KeyId=made["KeyId"]).code == "NotFoundException"
    assert rig.ask("ListKeys")["Keys"] == []
    assert rig.ask("ListAliases")["Aliases"] == []


def nothing(_: Rig) -> None:
    pass


def sweep(rig: Rig) -> None:
    assert any("DeleteKey" in happened for happened in due(rig))


def sweep_and_set_back(rig: Rig) -> None:
    sweep(rig)
    rig.now = NOW
    rig.restart()


def see_and_set_back(rig: Rig) -> None:
    """Nothing has swept it away yet."""
    assert rig.ask("ListKeys")["Keys"] == []
    rig.now = NOW


def see_set_back_and_sweep(rig: Rig) -> None:
    see_and_set_back(rig)
    sweep(rig)


def restart_and_sweep(rig: Rig) -> None:
    rig.restart()
    sweep(rig)


@pytest.mark.parametrize(
    "then", [nothing, sweep, sweep_and_set_back, see_and_set_back, see_set_back_and_sweep, restart_and_sweep]
)
def test_after_its_waiting_time_a_key_is_no_more(rig: Rig, then: Callable[[Rig], None]) -> None:
    """To the second, swept away or not; and a clock that is set back revives nothing."""
    made = rig.key()
    rig.ask("CreateAlias", AliasName="alias/a", TargetKeyId=made["KeyId"])
    blob = rig.ask("Encrypt", KeyId=made["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    rig.ask("ScheduleKeyDeletion", KeyId=made["KeyId"], PendingWindowInDays=7)
    rig.now = NOW + 7 * DAY_SECONDS - 0.001
    assert rig.state(made["KeyId"]) == "PendingDeletion"
    rig.now = NOW + 7 * DAY_SECONDS
    then(rig)

    gone(rig, made, blob)
    rig.key()
    rig.ask("CreateAlias", AliasName="alias/b", TargetKeyId=rig.key()["KeyId"])


def test_nothing_of_a_destroyed_key_is_left_in_the_stores_files(rig: Rig) -> None:
    """Not the sealed bytes either: neither in the database nor in its log."""
    key_id = rig.key()["KeyId"]
    rig.ask("RotateKeyOnDemand", KeyId=key_id)
    with sqlite3.connect(rig.directory / "hsm.db") as database:
        found = database.execute("SELECT sealed FROM records WHERE name LIKE ?", (f"%{key_id}%",)).fetchall()
    database.close()
    sealed = [row[0] for row in found]
    files = [path for path in rig.directory.iterdir() if path.name.startswith("hsm.db")]
    assert len(sealed) == 3
    assert all(any(each in path.read_bytes() for path in files) for each in sealed)

    rig.ask("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
    rig.now += 7 * DAY_SECONDS
    sweep(rig)

    assert not any(each[:40] in path.read_bytes() for path in files if path.exists() for each in sealed)
    assert not any(f"{key_id}/1".encode() in path.read_bytes() for path in files if path.exists())


def test_the_material_is_wiped_in_memory(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    version = rig.engine._desk.ring.version(key_id, 1)
    assert version is not None
    held = version.material.reveal()
    rig.ask("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
    rig.now += 7 * DAY_SECONDS
    sweep(rig)

    assert bytes(held) == bytes(32)


def test_what_cannot_be_written_falls_due_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the key stays as unusable as it was."""
    made = rig.key()
    blob = rig.ask("Encrypt", KeyId=made["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    rig.ask("ScheduleKeyDeletion", KeyId=made["KeyId"], PendingWindowInDays=7)
    rig.now += 7 * DAY_SECONDS

    def full(*_: object, **__: object) -> None:
        raise StoreFailed("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(rig.engine._desk.ring._store, "commit", full)
        with pytest.raises(StoreFailed):
            due(rig)
        gone(rig, made, blob)
    sweep(rig)
    gone(rig, made, blob)
