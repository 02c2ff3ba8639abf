"""Making keys, showing them, switching them on and off."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from proxy.hsm.engine_desk import Limits
from tests.hsm.rig import ACCOUNT, NOW, OTHER_REGION, REGION, STRANGERS, Rig, proxy, running, user

MISSING = "0f1e2d3c-4b5a-4697-8877-665544332211"


def test_a_new_key_is_described_as_aws_describes_it(rig: Rig) -> None:
    made = rig.key(Description="for invoices", Tags=[{"TagKey": "team", "TagValue": "billing"}])
    key_id = made["KeyId"]

    assert made.pop("CurrentKeyMaterialId").isalnum()
    assert UUID(key_id).version == 4
    assert made == {
        "AWSAccountId": ACCOUNT,
        "KeyId": key_id,
        "Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}",
        "CreationDate": NOW,
        "Enabled": True,
        "Description": "for invoices",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
    }


@pytest.mark.parametrize(
    "asked",
    [
        {"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "Origin": "AWS_KMS"},
        {"CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "MultiRegion": False},
        {"KeySpec": None, "Policy": None, "Tags": [], "BypassPolicyLockoutSafetyCheck": True},
    ],
)
def test_saying_what_is_the_default_changes_nothing(rig: Rig, asked: dict[str, Any]) -> None:
    assert rig.key(**asked)["KeyState"] == "Enabled"


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"KeySpec": "RSA_2048"}, "KeySpec RSA_2048"),
        ({"CustomerMasterKeySpec": "HMAC_256"}, "CustomerMasterKeySpec HMAC_256"),
        ({"KeyUsage": "SIGN_VERIFY"}, "KeyUsage SIGN_VERIFY"),
        ({"Origin": "EXTERNAL"}, "Origin EXTERNAL"),
        ({"MultiRegion": True}, "MultiRegion True"),
        ({"CustomKeyStoreId": "cks-1"}, "CustomKeyStoreId"),
        ({"XksKeyId": "x"}, "XksKeyId"),
    ],
)
def test_what_is_not_provided_is_refused_by_name(rig: Rig, asked: dict[str, Any], named: str) -> None:
    """And no key is made of it."""
    refusal = rig.refused("CreateKey", **asked)

    assert (refusal.code, refusal.status) == ("UnsupportedOperationException", 400)
    assert refusal.message == f"{named} is not provided by this service"
    assert rig.ask("ListKeys")["Keys"] == []


def tags(count: int) -> list[dict[str, str]]:
    return [{"TagKey": f"t{n}", "TagValue": "v"} for n in range(count)]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (
            {"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"},
            "ValidationException",
        ),
        ({"Description": "d" * 8193}, "ValidationException"),
        ({"Tags": tags(51)}, "TagException"),
        ({"Tags": tags(2) + tags(1)}, "TagException"),
        ({"Tags": [{"TagKey": "AWS:team", "TagValue": "v"}]}, "TagException"),
    ],
)
def test_a_malformed_key_is_refused(rig: Rig, asked: dict[str, Any], code: str) -> None:
    assert rig.refused("CreateKey", **asked).code == code


def test_50_tags_and_8192_characters_are_the_most(rig: Rig) -> None:
    assert len(rig.key(Tags=tags(50), Description="d" * 8192)["Description"]) == 8192


def test_an_account_has_its_quota_of_customer_keys_in_each_region(tmp_path: Path) -> None:
    """Keys that the service made for the account do not count."""
    with running(tmp_path, Limits(customer_keys=2)) as rig:
        rig.ask("DescribeKey", proxy(), KeyId="alias/aws/s3")
        rig.key()
        rig.key()

        assert rig.refused("CreateKey").code == "LimitExceededException"
        assert len(rig.ask("ListKeys")["Keys"]) == 3
        assert rig.key(user(region=OTHER_REGION))
        assert rig.key(user(STRANGERS))


def test_keys_are_listed_in_pages(rig: Rig) -> None:
    made = sorted(rig.key()["KeyId"] for _ in range(5))
    first = rig.ask("ListKeys", Limit=3)
    second = rig.ask("ListKeys", Limit=3, Marker=first["NextMarker"])

    assert [key["KeyId"] for key in first["Keys"] + second["Keys"]] == made
    assert (first["Truncated"], second["Truncated"]) == (True, False)
    assert first["Keys"][0]["KeyArn"] == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{made[0]}"
    assert rig.refused("ListKeys", Marker="***").code == "InvalidMarkerException"
    assert rig.refused("ListKeys", Limit=1001).code == "ValidationException"


def test_nobody_sees_the_keys_of_another_account_or_region(rig: Rig) -> None:
    rig.key()

    assert rig.ask("ListKeys", user(STRANGERS))["Keys"] == []
    assert rig.ask("ListKeys", user(region=OTHER_REGION))["Keys"] == []


def test_a_key_is_found_by_its_four_names(rig: Rig) -> None:
    made = rig.key()
    rig.ask("CreateAlias", AliasName="alias/a", TargetKeyId=made["KeyId"])
    alias_arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/a"

    for name in (made["KeyId"], made["Arn"], "alias/a", alias_arn):
        assert rig.ask("DescribeKey", KeyId=name)["KeyMetadata"] == made


@pytest.mark.parametrize(
    ("key_id", "code", "says"),
    [
        (MISSING, "NotFoundException", f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{MISSING}' does not exist"),
        ("alias/none", "NotFoundException", f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:alias/none is not found."),
        (
            f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{MISSING}",
            "NotFoundException",
            f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{MISSING}' does not exist",
        ),
        (
            f"arn:aws:kms:{OTHER_REGION}:{ACCOUNT}:key/{MISSING}",
            "NotFoundException",
            f"Invalid arn {OTHER_REGION}",
        ),
        ("fake-key-id", "NotFoundException", "Invalid keyId 'fake-key-id'"),
        ("arn:aws:kms:::nothing", "InvalidArnException", "Invalid arn arn:aws:kms:::nothing"),
    ],
)
def test_a_name_that_leads_nowhere_gets_aws_error(rig: Rig, key_id: str, code: str, says: str) -> None:
    refusal = rig.refused("DescribeKey", KeyId=key_id)

    assert (refusal.code, refusal.message) == (code, says)


def test_a_foreign_key_reads_the_same_whether_it_exists_or_not(rig: Rig) -> None:
    """By id, ARN or alias: a stranger cannot find out."""
    made = rig.key()
    rig.ask("CreateAlias", AliasName="alias/there", TargetKeyId=made["KeyId"])
    stranger = user(STRANGERS)
    prefix = f"arn:aws:kms:{REGION}:{ACCOUNT}:"
    pairs = [
        (made["Arn"], f"{prefix}key/{MISSING}"),
        (f"{prefix}alias/there", f"{prefix}alias/gone"),
        (made["KeyId"], MISSING),
    ]

    for there, gone in pairs:
        one = rig.refused("DescribeKey", stranger, KeyId=there)
        two = rig.refused("DescribeKey", stranger, KeyId=gone)
        assert one.code == two.code
        assert one.message.replace(there, "-") == two.message.replace(gone, "-")
    assert rig.refused("DescribeKey", stranger, KeyId=pairs[0][0]).code == "AccessDeniedException"
    assert rig.refused("DescribeKey", stranger, KeyId=pairs[1][0]).code == "AccessDeniedException"


def test_a_key_is_switched_off_and_on_again(rig: Rig) -> None:
    made = rig.key()

    assert rig.ask("DisableKey", KeyId=made["KeyId"]) == {}
    assert rig.ask("DisableKey", KeyId=made["KeyId"]) == {}
    assert rig.ask("DescribeKey", KeyId=made["KeyId"])["KeyMetadata"]["Enabled"] is False
    rig.ask("EnableKey", KeyId=made["Arn"])
    assert rig.state(made["KeyId"]) == "Enabled"


@pytest.mark.parametrize("action", ["EnableKey", "DisableKey", "UpdateKeyDescription"])
def test_a_key_is_managed_by_id_or_arn_and_never_by_alias(rig: Rig, action: str) -> None:
    rig.ask("CreateAlias", AliasName="alias/a", TargetKeyId=rig.key()["KeyId"])

    assert rig.refused(action, KeyId="alias/a", Description="x").code == "NotFoundException"
    assert rig.refused(action, user(STRANGERS), KeyId=rig.key()["Arn"], Description="x").code == (
        "AccessDeniedException"
    )


def test_a_description_is_replaced(rig: Rig) -> None:
    key_id = rig.key(Description="old")["KeyId"]
    rig.ask("UpdateKeyDescription", KeyId=key_id, Description="new")
    long = "d" * 8193

    assert rig.ask("DescribeKey", KeyId=key_id)["KeyMetadata"]["Description"] == "new"
    assert rig.refused("UpdateKeyDescription", KeyId=key_id, Description=long).code == "ValidationException"


def test_a_call_says_which_key_it_was_about(rig: Rig) -> None:
    """The audit record needs it, of a refused call too."""
    made = rig.key()
    arn = made["Arn"]
    rig.ask("DisableKey", KeyId=arn)
    used, listed = rig.outcome("DescribeKey", KeyId=arn), rig.outcome("ListKeys")
    refused = rig.refused("Encrypt", KeyId=arn, Plaintext=b"x")
    denied = rig.refused("DescribeKey", user(STRANGERS), KeyId=arn)

    assert (used.key_arn, used.manager) == (arn, "CUSTOMER")
    assert (listed.key_arn, listed.manager) == ("", "")
    assert (refused.key_arn, refused.manager) == (arn, "CUSTOMER")
    assert (denied.key_arn, denied.manager) == (arn, "CUSTOMER")
