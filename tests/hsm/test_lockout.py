"""A key whose policy lets nobody in, and the operator who has the root key."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from proxy.hsm.lockout import KeyUnclear, Reset, resetting
from proxy.hsm.witness import FileWitness, beside
from tests.hsm.rig import ACCOUNT, OTHER_REGION, REGION, STRANGERS, Rig, proxy, root_file, user
from tests.hsm.rights import document, statement

NOBODY = document(statement("Deny", "kms:*", Principal="*"))


def at_the_store(rig: Rig) -> AbstractContextManager[Reset]:
    """The service is stopped."""
    rig.engine.close()
    path = rig.directory / "hsm.db"
    return resetting(
        path, root_file(rig.directory), FileWitness(beside(path)), clock=lambda: rig.now, random=os.urandom
    )


@pytest.fixture
def lost(rig: Rig) -> str:
    """Its id; it is called alias/lost, and has a grant."""
    key = str(rig.key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyId"])
    rig.ask("CreateAlias", AliasName="alias/lost", TargetKeyId=key)
    rig.ask("CreateGrant", KeyId=key, GranteePrincipal=user().arn, Operations=["Decrypt"])
    rig.ask("PutKeyPolicy", KeyId=key, Policy=NOBODY, BypassPolicyLockoutSafetyCheck=True)
    return key


def test_a_reset_gives_a_key_the_policy_that_keys_are_made_with(rig: Rig, lost: str) -> None:
    """And leaves alone whatever else it has."""
    before = rig.refused("DescribeKey", KeyId=lost)
    with at_the_store(rig) as store:
        found = store.find(lost)
        store.reset(found.key)
    rig.restart()

    assert before.code == "AccessDeniedException"
    assert (found.policy, found.grants, list(found.aliases)) == (NOBODY, 1, ["alias/lost"])
    new = rig.ask("GetKeyPolicy", KeyId=rig.key()["KeyId"])["Policy"]
    assert rig.ask("GetKeyPolicy", KeyId=lost)["Policy"] == new
    assert len(rig.ask("ListGrants", KeyId=lost)["Grants"]) == 1
    assert rig.ask("ListResourceTags", KeyId=lost)["Tags"]


@pytest.mark.parametrize(
    "named",
    [
        lambda key: key,
        lambda key: f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}",
        lambda _: "lost",
        lambda _: "alias/lost",
        lambda _: f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/lost",
    ],
)
def test_a_key_is_found_by_any_of_its_names(rig: Rig, lost: str, named: Callable[[str], str]) -> None:
    with at_the_store(rig) as store:
        assert store.find(named(lost)).key.key_id == lost


def test_what_is_not_clear_is_asked_for(rig: Rig, lost: str) -> None:
    """A name in two places, one that nothing has, and a key of the service's, whose policy is fixed."""
    for who in (user(STRANGERS), user(region=OTHER_REGION)):
        key = rig.key(who)["KeyId"]
        rig.ask("CreateAlias", who, AliasName="alias/lost", TargetKeyId=key)
    rig.outcome("DescribeKey", proxy(), KeyId="alias/aws/s3")
    with at_the_store(rig) as store:
        with pytest.raises(KeyUnclear, match="several keys are called that: give the ARN") as several:
            store.find("lost")
        assert f"{REGION}:{ACCOUNT}:key/{lost}" in str(several.value)
        with pytest.raises(KeyUnclear, match="no key here is called that"):
            store.find("found")
        with pytest.raises(KeyUnclear, match="policy is fixed"):
            store.find("aws/s3")


def test_a_key_that_is_no_more_is_not_had_again(rig: Rig) -> None:
    doomed = rig.key()["KeyId"]
    rig.ask("ScheduleKeyDeletion", KeyId=doomed, PendingWindowInDays=7)
    rig.now += 8 * 86400
    with at_the_store(rig) as store, pytest.raises(KeyUnclear, match="no key"):
        store.find(doomed)
