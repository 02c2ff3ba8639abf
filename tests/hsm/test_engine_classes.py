"""The service's own keys, and callers that are not plain users."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from proxy.hsm.core.access import Principal
from proxy.hsm.core.names import SERVICE_ACCOUNT
from proxy.hsm.engine import Engine
from tests.hsm.rig import ACCOUNT, OTHER_REGION, REGION, STRANGERS, Rig, proxy, user

MANAGED, OWNED = "alias/aws/s3", "alias/sealgate/owned"


def test_the_managed_key_appears_when_a_proxy_first_uses_it_for_the_account(rig: Rig) -> None:
    before = rig.refused("DescribeKey", KeyId=MANAGED)
    made = rig.outcome("GenerateDataKey", proxy(), KeyId=MANAGED, KeySpec="AES_256")
    again = rig.outcome("GenerateDataKey", proxy(), KeyId=MANAGED, KeySpec="AES_256")
    metadata = rig.ask("DescribeKey", KeyId=MANAGED)["KeyMetadata"]

    assert before.code == "NotFoundException"
    assert made.key_arn == again.key_arn == metadata["Arn"]
    assert (made.manager, metadata["KeyManager"], metadata["AWSAccountId"]) == ("AWS", "AWS", ACCOUNT)
    assert [key["KeyArn"] for key in rig.ask("ListKeys")["Keys"]] == [made.key_arn]
    assert [alias["AliasName"] for alias in rig.ask("ListAliases")["Aliases"]] == [MANAGED]
    assert rig.ask("ListKeys", user(STRANGERS))["Keys"] == []


def test_each_account_and_region_has_a_managed_key_of_its_own(rig: Rig) -> None:
    places = [proxy(), proxy(STRANGERS), proxy(region=OTHER_REGION)]
    arns = {rig.outcome("DescribeKey", place, KeyId=MANAGED).key_arn for place in places}

    assert len(arns) == 3


def test_the_managed_key_refuses_every_edit_and_every_direct_use(rig: Rig) -> None:
    key = rig.outcome("GenerateDataKey", proxy(), KeyId=MANAGED, KeySpec="AES_256")
    arn, blob = key.key_arn, key.response["CiphertextBlob"]
    calls = [
        rig.refused("DisableKey", KeyId=arn),
        rig.refused("EnableKey", KeyId=arn),
        rig.refused("UpdateKeyDescription", KeyId=arn, Description="mine"),
        rig.refused("CreateAlias", AliasName="alias/mine", TargetKeyId=arn),
        rig.refused("GenerateDataKey", KeyId=MANAGED, KeySpec="AES_256"),
        rig.refused("Encrypt", KeyId=arn, Plaintext=b"x"),
        rig.refused("Decrypt", CiphertextBlob=blob),
        rig.refused("Decrypt", CiphertextBlob=blob, KeyId=arn),
        rig.refused("Decrypt", proxy(STRANGERS), CiphertextBlob=blob),
        rig.refused("Decrypt", proxy(None), CiphertextBlob=blob),
    ]

    assert {refusal.code for refusal in calls} == {"AccessDeniedException"}
    assert rig.ask("Decrypt", proxy(), CiphertextBlob=blob)["Plaintext"] == key.response["Plaintext"]


@pytest.mark.parametrize("who", [user(), proxy(), proxy(None)])
def test_managed_keys_of_other_services_are_not_there(rig: Rig, who: Principal) -> None:
    assert rig.refused("DescribeKey", who, KeyId="alias/aws/sqs").code == "NotFoundException"


@pytest.mark.parametrize("client", [ACCOUNT, STRANGERS, None])
def test_the_owned_key_serves_every_proxy(rig: Rig, client: str | None) -> None:
    who = proxy(client)
    key = rig.outcome("GenerateDataKey", who, KeyId=OWNED, KeySpec="AES_256")
    blob, arn = key.response["CiphertextBlob"], key.key_arn

    assert key.manager == "OWNED"
    assert arn.startswith(f"arn:aws:kms:{REGION}:{SERVICE_ACCOUNT}:key/")
    assert rig.ask("DescribeKey", who, KeyId=arn)["KeyMetadata"]["KeyManager"] == "OWNED"
    for other in (proxy(), proxy(STRANGERS), proxy(None)):
        opened = rig.ask("Decrypt", other, CiphertextBlob=blob, KeyId=arn)
        assert opened["Plaintext"] == key.response["Plaintext"]


def test_nobody_else_finds_the_owned_key(rig: Rig) -> None:
    """To a user it is a key that does not exist."""
    key = rig.outcome("GenerateDataKey", proxy(), KeyId=OWNED, KeySpec="AES_256")
    arn, key_id = key.key_arn, key.key_arn.split("/")[1]
    gone = arn.replace(key_id, "0f1e2d3c-4b5a-4697-8877-665544332211")
    alias_arn = f"arn:aws:kms:{REGION}:{SERVICE_ACCOUNT}:{OWNED}"

    for who in (user(), user(STRANGERS)):
        assert rig.refused("DescribeKey", who, KeyId=OWNED).code == "NotFoundException"
        assert rig.refused("DescribeKey", who, KeyId=key_id).code == "NotFoundException"
        there, missing = (rig.refused("DescribeKey", who, KeyId=name) for name in (arn, gone))
        assert there.message.replace(arn, "-") == missing.message.replace(gone, "-")
        assert there.code == missing.code == "AccessDeniedException"
        assert rig.refused("DescribeKey", who, KeyId=alias_arn).code == "AccessDeniedException"
        blob = key.response["CiphertextBlob"]
        assert "does not exist" in rig.refused("Decrypt", who, CiphertextBlob=blob).message
        assert rig.ask("ListKeys", who)["Keys"] == rig.ask("ListAliases", who)["Aliases"] == []


def test_the_owned_key_of_a_further_region_is_made_when_it_is_asked_for(rig: Rig) -> None:
    """The first region's was made with the store."""
    generation = rig.engine._desk.ring._store.generation
    first = rig.outcome("DescribeKey", proxy(None), KeyId=OWNED)
    assert rig.engine._desk.ring._store.generation == generation
    second = rig.outcome("DescribeKey", proxy(None, OTHER_REGION), KeyId=OWNED)
    rig.restart()

    assert first.key_arn != second.key_arn
    assert rig.outcome("DescribeKey", proxy(None), KeyId=OWNED).key_arn == first.key_arn
    assert rig.outcome("DescribeKey", proxy(None, OTHER_REGION), KeyId=OWNED).key_arn == second.key_arn


def test_eight_threads_that_ask_at_once_get_one_managed_key(rig: Rig) -> None:
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(rig.outcome, "DescribeKey", proxy(), KeyId=MANAGED) for _ in range(8)]
        arns = {each.result().key_arn for each in asked}

    assert len(arns) == len(rig.ask("ListKeys")["Keys"]) == 1


def test_a_proxy_uses_its_clients_keys_and_no_other(rig: Rig) -> None:
    mine, theirs = rig.key(), rig.key(user(STRANGERS))
    rig.ask("CreateAlias", AliasName="alias/a", TargetKeyId=mine["KeyId"])

    for name in (mine["KeyId"], mine["Arn"], "alias/a"):
        assert rig.outcome("Encrypt", proxy(), KeyId=name, Plaintext=b"x").key_arn == mine["Arn"]
    assert (
        rig.refused("Encrypt", proxy(), KeyId=theirs["Arn"], Plaintext=b"x").code == "AccessDeniedException"
    )
    assert (
        rig.refused("Encrypt", proxy(STRANGERS), KeyId="alias/a", Plaintext=b"x").code == "NotFoundException"
    )
    assert (
        rig.refused("Encrypt", proxy(None), KeyId=mine["Arn"], Plaintext=b"x").code == "AccessDeniedException"
    )


@pytest.mark.parametrize("client", [ACCOUNT, None])
def test_a_proxy_manages_nothing(rig: Rig, client: str | None) -> None:
    """Not even for a client that might."""
    key_id = rig.key()["KeyId"]
    named = {"AliasName": "alias/a", "TargetKeyId": key_id, "KeyId": key_id, "Description": "d"}
    managing = set(rig.engine.actions) - {
        "Decrypt",
        "DescribeKey",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncrypt",
    }

    codes = {rig.refused(action, proxy(client), **named).code for action in managing}
    assert codes == {"AccessDeniedException"}
    assert len(rig.ask("ListKeys")["Keys"]) == 1


def test_only_known_accounts_and_regions_are_served(rig: Rig) -> None:
    unknown = "999999999999"
    posing = replace(user(), on_behalf_of=(f"arn:aws:iam::{STRANGERS}:user/x", STRANGERS))

    for who in (user(unknown), proxy(unknown), user(SERVICE_ACCOUNT), proxy(SERVICE_ACCOUNT), posing):
        assert rig.refused("DescribeKey", who, KeyId=OWNED).code == "AccessDeniedException"
    assert rig.refused("ListKeys", user(region="mars-north-1")).code == "InvalidSignatureException"


def test_the_services_account_cannot_be_configured(rig: Rig) -> None:
    store = rig.engine._desk.ring._store

    with pytest.raises(ValueError, match="the service's own"):
        Engine(store, clock=float, random=bytes, accounts=[SERVICE_ACCOUNT], regions=[REGION])


def test_an_action_that_is_not_there_is_refused_by_name(rig: Rig) -> None:
    refusal = rig.refused("GetPublicKey", KeyId="x")

    assert refusal.code == "UnsupportedOperationException"
    assert "GetPublicKey" in refusal.message
