"""Where a key of each class comes from, who sees it, its policy, and how it rotates."""

import json
from dataclasses import replace
from typing import Any

from proxy.hsm.core.key_policies import default_policy
from proxy.hsm.core.lifecycle import DAY_SECONDS
from proxy.hsm.core.names import SERVICE_ACCOUNT
from tests.hsm.asking import CALLS, LOOKS, OPEN_POLICY, new_target
from tests.hsm.classes.cells import MANAGED, OWNED, YEAR, cell, due, managed, owned
from tests.hsm.rig import ACCOUNT, NOW, OTHER_REGION, STRANGERS, Rig, proxy, user
from tests.hsm.rights import document, statement


@cell("created by", "customer managed")
def test_the_customer_makes_it(rig: Rig) -> None:
    made = rig.key()

    assert (made["KeyManager"], made["AWSAccountId"]) == ("CUSTOMER", ACCOUNT)
    assert rig.refused("CreateKey", proxy()).code == "AccessDeniedException"


@cell("created by", "service managed")
def test_the_proxy_makes_it_on_first_use_in_an_account(rig: Rig) -> None:
    """No user's call makes it, and a second use makes no second one; another account has its own."""
    before = rig.refused("DescribeKey", KeyId=MANAGED).code
    first = managed(rig)
    theirs = rig.outcome("GenerateDataKey", proxy(STRANGERS), KeyId=MANAGED, KeySpec="AES_256").key_arn

    assert before == "NotFoundException"
    assert managed(rig).arn == first.arn
    assert (first.arn.split(":")[4], theirs.split(":")[4]) == (ACCOUNT, STRANGERS)


@cell("created by", "service owned")
def test_the_proxy_makes_it(rig: Rig) -> None:
    """The first region's with the store, another's on first use; for a client or for itself."""
    first = owned(rig).arn
    alone = rig.outcome("GenerateDataKey", proxy(None), KeyId=OWNED, KeySpec="AES_256").key_arn
    other = rig.outcome("DescribeKey", proxy(None, OTHER_REGION), KeyId=OWNED).key_arn

    assert first == alone != other
    assert first.split(":")[4] == other.split(":")[4] == SERVICE_ACCOUNT


def seen(rig: Rig, who: Any) -> set[str]:
    listed = {each["KeyArn"] for each in rig.ask("ListKeys", who)["Keys"]}
    aliased = {each["TargetKeyId"] for each in rig.ask("ListAliases", who)["Aliases"]}
    return listed | aliased


@cell("visible in the account", "customer managed")
def test_the_account_sees_it(rig: Rig) -> None:
    target = new_target(rig)

    assert {target.arn, target.key_id} <= seen(rig, user(name="ben"))
    assert rig.ask("DescribeKey", KeyId=target.key_id)["KeyMetadata"]["KeyManager"] == "CUSTOMER"
    assert seen(rig, user(STRANGERS)) == set()


@cell("visible in the account", "service managed")
def test_the_account_sees_the_managed_one(rig: Rig) -> None:
    target = managed(rig)

    assert seen(rig, user()) == {target.arn, target.key_id}
    for name in (target.arn, target.key_id, MANAGED):
        assert rig.ask("DescribeKey", KeyId=name)["KeyMetadata"]["KeyManager"] == "AWS"
    for look in LOOKS:
        rig.ask(look, **CALLS[look](target))
    assert seen(rig, user(STRANGERS)) == set()


@cell("visible in the account", "service owned")
def test_no_account_sees_the_owned_one(rig: Rig) -> None:
    """It is refused in the words that a key gets which is not there."""
    target = owned(rig)
    missing = replace(target, arn=target.arn[:-4] + ("0000" if target.arn[-4:] != "0000" else "1111"))

    for who in (user(), user(STRANGERS), user(region=OTHER_REGION)):
        assert seen(rig, who) == set()
        for name in (OWNED, target.key_id):
            assert rig.refused("DescribeKey", who, KeyId=name).code == "NotFoundException"
    for look in LOOKS - {"ListAliases"}:
        there, gone = (rig.refused(look, **CALLS[look](each)) for each in (target, missing))
        assert there.code == gone.code == "AccessDeniedException"
        assert there.message.replace(target.arn, "-") == gone.message.replace(missing.arn, "-")


@cell("key policy", "customer managed")
def test_its_policy_is_the_customers(rig: Rig) -> None:
    key = rig.key()["KeyId"]
    own = document(statement("Allow", "kms:*", Principal={"AWS": user().arn}))

    assert rig.ask("GetKeyPolicy", KeyId=key)["Policy"] == default_policy(ACCOUNT)
    rig.ask("PutKeyPolicy", KeyId=key, Policy=own)
    assert rig.ask("GetKeyPolicy", KeyId=key)["Policy"] == own
    assert rig.refused("DescribeKey", user(name="ben"), KeyId=key).code == "AccessDeniedException"


@cell("key policy", "service managed")
def test_its_policy_is_fixed_and_readable(rig: Rig) -> None:
    target = managed(rig)
    shown = rig.ask("GetKeyPolicy", KeyId=target.arn)["Policy"]
    everything = {"Policy": OPEN_POLICY, "BypassPolicyLockoutSafetyCheck": True}

    assert json.loads(shown)["Statement"][0]["Condition"]["StringEquals"]["kms:CallerAccount"] == ACCOUNT
    assert rig.refused("PutKeyPolicy", KeyId=target.arn, **everything).code == "AccessDeniedException"
    assert (
        rig.refused("PutKeyPolicy", proxy(), KeyId=target.arn, **everything).code == "AccessDeniedException"
    )
    assert rig.ask("GetKeyPolicy", KeyId=target.arn)["Policy"] == shown


@cell("key policy", "service owned")
def test_there_is_no_policy_to_see(rig: Rig) -> None:
    target = owned(rig)

    for who in (user(), user(STRANGERS), proxy(), proxy(None)):
        for action in ("GetKeyPolicy", "ListKeyPolicies", "PutKeyPolicy"):
            refused = rig.refused(action, who, **CALLS[action](target))
            assert refused.code == "AccessDeniedException"


@cell("rotation", "customer managed")
def test_rotation_is_off_or_automatic_or_on_demand(rig: Rig) -> None:
    key = rig.key()["KeyId"]
    assert rig.ask("GetKeyRotationStatus", KeyId=key)["KeyRotationEnabled"] is False
    for days in (89, 2561):
        refused = rig.refused("EnableKeyRotation", KeyId=key, RotationPeriodInDays=days)
        assert refused.code == "ValidationException"
    for days in (2560, 90):
        rig.ask("EnableKeyRotation", KeyId=key, RotationPeriodInDays=days)
    rig.now = NOW + 90 * DAY_SECONDS
    assert [each.split()[0] for each in due(rig) if key in each] == ["RotateKey"]
    rig.ask("RotateKeyOnDemand", KeyId=key)
    rig.ask("DisableKeyRotation", KeyId=key)

    kinds = [each["RotationType"] for each in rig.ask("ListKeyRotations", KeyId=key)["Rotations"]]
    assert kinds == ["AUTOMATIC", "ON_DEMAND"]


@cell("rotation", "service managed")
def test_it_rotates_each_year_whatever_anybody_wants(rig: Rig) -> None:
    target = managed(rig)
    for action in ("DisableKeyRotation", "EnableKeyRotation", "RotateKeyOnDemand"):
        for who in (user(), proxy()):
            assert rig.refused(action, who, **CALLS[action](target)).code == "AccessDeniedException"
    status = rig.ask("GetKeyRotationStatus", KeyId=target.arn)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 365)
    rig.now = NOW + YEAR - 1
    assert due(rig) == []
    rig.now = NOW + YEAR
    assert f"RotateKey {target.arn}" in due(rig)

    assert rig.ask("Decrypt", proxy(), CiphertextBlob=target.blob)["KeyId"] == target.arn


@cell("rotation", "service owned")
def test_the_service_rotates_it(rig: Rig) -> None:
    """And what it sealed before opens after."""
    target = owned(rig)
    rig.now = NOW + YEAR
    assert due(rig) == [f"RotateKey {target.arn}"]

    for action in ("DisableKeyRotation", "EnableKeyRotation", "RotateKeyOnDemand", "GetKeyRotationStatus"):
        for who in (user(), proxy()):
            assert rig.refused(action, who, **CALLS[action](target)).code == "AccessDeniedException"
    assert rig.ask("Decrypt", proxy(), CiphertextBlob=target.blob)["KeyId"] == target.arn
