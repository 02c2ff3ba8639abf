"""Aliases."""

from pathlib import Path

import pytest

from proxy.hsm.engine_desk import Limits
from tests.hsm.rig import ACCOUNT, NOW, OTHER_REGION, REGION, STRANGERS, Rig, proxy, running, user


def test_an_alias_is_made_moved_and_deleted(rig: Rig) -> None:
    one, two = rig.key(), rig.key()
    rig.ask("CreateAlias", AliasName="alias/a", TargetKeyId=one["KeyId"])
    rig.now = NOW + 60
    rig.ask("UpdateAlias", AliasName="alias/a", TargetKeyId=two["Arn"])

    assert rig.ask("ListAliases")["Aliases"] == [
        {
            "AliasName": "alias/a",
            "AliasArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/a",
            "TargetKeyId": two["KeyId"],
            "CreationDate": NOW,
            "LastUpdatedDate": NOW + 60,
        }
    ]
    rig.ask("DeleteAlias", AliasName="alias/a")
    assert rig.ask("ListAliases")["Aliases"] == []
    assert rig.refused("DescribeKey", KeyId="alias/a").code == "NotFoundException"


def test_a_name_is_given_once_in_an_account_and_region(rig: Rig) -> None:
    rig.ask("CreateAlias", AliasName="alias/a", TargetKeyId=rig.key()["KeyId"])
    again = rig.refused("CreateAlias", AliasName="alias/a", TargetKeyId=rig.key()["KeyId"])

    assert again.code == "AlreadyExistsException"
    assert again.message == f"An alias with the name arn:aws:kms:{REGION}:{ACCOUNT}:alias/a already exists"
    for who in (user(STRANGERS), user(region=OTHER_REGION)):
        rig.ask("CreateAlias", who, AliasName="alias/a", TargetKeyId=rig.key(who)["KeyId"])
        assert len(rig.ask("ListAliases", who)["Aliases"]) == 1


@pytest.mark.parametrize("action", ["CreateAlias", "UpdateAlias", "DeleteAlias"])
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a", "ValidationException"),
        ("alias/a b", "ValidationException"),
        ("alias/aws/s3", "NotAuthorizedException"),
        ("alias/sealgate/owned", "NotAuthorizedException"),
    ],
)
def test_bad_and_reserved_names_are_refused(rig: Rig, action: str, name: str, code: str) -> None:
    rig.ask("DescribeKey", proxy(), KeyId="alias/aws/s3")

    assert rig.refused(action, AliasName=name, TargetKeyId=rig.key()["KeyId"]).code == code


def test_an_alias_names_a_key_of_its_own_account_and_no_alias(rig: Rig) -> None:
    mine, theirs = rig.key(), rig.key(user(STRANGERS))
    rig.ask("CreateAlias", AliasName="alias/a", TargetKeyId=mine["KeyId"])

    for action, name in (("CreateAlias", "alias/b"), ("UpdateAlias", "alias/a")):
        assert rig.refused(action, AliasName=name, TargetKeyId="alias/a").code == "ValidationException"
        assert rig.refused(action, AliasName=name, TargetKeyId=theirs["Arn"]).code == "AccessDeniedException"
        assert rig.refused(action, AliasName=name, TargetKeyId=theirs["KeyId"]).code == "NotFoundException"


@pytest.mark.parametrize("action", ["UpdateAlias", "DeleteAlias"])
def test_an_alias_that_is_not_there_is_not_found(rig: Rig, action: str) -> None:
    refusal = rig.refused(action, AliasName="alias/none", TargetKeyId=rig.key()["KeyId"])

    assert refusal.code == "NotFoundException"
    assert refusal.message == f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:alias/none is not found."


def test_a_key_has_its_quota_of_aliases(tmp_path: Path) -> None:
    """Pointing an alias again where it points already takes nothing more."""
    with running(tmp_path, Limits(aliases_per_key=2)) as rig:
        full, other = rig.key()["KeyId"], rig.key()["KeyId"]
        for name in ("alias/a", "alias/b"):
            rig.ask("CreateAlias", AliasName=name, TargetKeyId=full)
        rig.ask("CreateAlias", AliasName="alias/c", TargetKeyId=other)

        for action, name in (("CreateAlias", "alias/d"), ("UpdateAlias", "alias/c")):
            assert rig.refused(action, AliasName=name, TargetKeyId=full).code == "LimitExceededException"
        rig.ask("UpdateAlias", AliasName="alias/a", TargetKeyId=full)
        rig.ask("UpdateAlias", AliasName="alias/a", TargetKeyId=other)
        rig.ask("UpdateAlias", AliasName="alias/c", TargetKeyId=full)


def test_50_aliases_a_key_is_the_default() -> None:
    assert (Limits().aliases_per_key, Limits().customer_keys) == (50, 100_000)


def test_aliases_are_listed_in_pages_and_by_key(rig: Rig) -> None:
    one, two = rig.key(), rig.key()
    for name, key in (("alias/c", one), ("alias/a", two), ("alias/b", one)):
        rig.ask("CreateAlias", AliasName=name, TargetKeyId=key["KeyId"])
    first = rig.ask("ListAliases", Limit=2)
    second = rig.ask("ListAliases", Limit=2, Marker=first["NextMarker"])
    of_one = rig.ask("ListAliases", KeyId=one["Arn"])

    names = [alias["AliasName"] for alias in first["Aliases"] + second["Aliases"]]
    assert names == ["alias/a", "alias/b", "alias/c"]
    assert [alias["AliasName"] for alias in of_one["Aliases"]] == ["alias/b", "alias/c"]
    assert rig.refused("ListAliases", user(STRANGERS), KeyId=one["Arn"]).code == "AccessDeniedException"
    assert rig.refused("ListAliases", Limit=101).code == "ValidationException"


def test_aliases_say_where_they_point_after_a_restart(rig: Rig) -> None:
    one, two = rig.key(), rig.key()
    for name in ("alias/a", "alias/b"):
        rig.ask("CreateAlias", AliasName=name, TargetKeyId=one["KeyId"])
    rig.ask("UpdateAlias", AliasName="alias/a", TargetKeyId=two["KeyId"])
    rig.ask("DeleteAlias", AliasName="alias/b")
    before = rig.ask("ListAliases")
    rig.restart()

    assert rig.ask("ListAliases") == before
    assert rig.ask("ListAliases", KeyId=one["KeyId"])["Aliases"] == []
