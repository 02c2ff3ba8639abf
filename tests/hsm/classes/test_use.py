"""Who else uses a key of each class, and who may change it."""

from typing import Any

from tests.hsm.asking import CALLS, EDITS, LOOKS, OTHER_ALIAS, USES, Target, new_target
from tests.hsm.classes.cells import MANAGED, OWNED, cell, managed, owned
from tests.hsm.rig import ACCOUNT, STRANGERS, Rig, proxy, user
from tests.hsm.rights import document, statement


@cell("other accounts", "customer managed")
def test_others_use_it_by_policy_or_by_grant(rig: Rig) -> None:
    by_policy = rig.key(
        Policy=document(
            statement("Allow", "kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
            statement("Allow", "kms:Encrypt", Principal={"AWS": f"arn:aws:iam::{STRANGERS}:root"}),
        )
    )["Arn"]
    by_grant, closed = rig.key()["Arn"], rig.key()["Arn"]
    rig.ask("CreateGrant", KeyId=by_grant, GranteePrincipal=user(STRANGERS).arn, Operations=["Encrypt"])
    for arn in (by_policy, by_grant):
        assert rig.ask("Encrypt", user(STRANGERS), KeyId=arn, Plaintext=b"x")["KeyId"] == arn

    refused = rig.refused("Encrypt", user(STRANGERS), KeyId=closed, Plaintext=b"x")
    assert refused.code == "AccessDeniedException"


@cell("other accounts", "service managed")
def test_others_never_use_it(rig: Rig) -> None:
    """Not through the proxy either, and nobody can make a grant that lets them."""
    target = managed(rig)
    assert rig.refused("CreateGrant", **CALLS["CreateGrant"](target)).code == "AccessDeniedException"
    for who in (user(STRANGERS), proxy(STRANGERS)):
        for action in USES | {"DescribeKey", "GetKeyPolicy"}:
            refused = rig.refused(action, who, **CALLS[action](target))
            assert refused.code == "AccessDeniedException"


@cell("other accounts", "service owned")
def test_it_is_no_accounts_and_serves_all_through_the_proxy(rig: Rig) -> None:
    target = owned(rig)

    for who in (proxy(), proxy(STRANGERS), proxy(None)):
        for action in sorted(USES):
            rig.ask(action, who, **CALLS[action](target))
    for who in (user(), user(STRANGERS)):
        for action in sorted(USES):
            assert rig.refused(action, who, **CALLS[action](target)).code == "AccessDeniedException"


@cell("disable, schedule deletion, alias, tag", "customer managed")
def test_the_customer_edits_it(rig: Rig) -> None:
    """Every edit that there is, in an order that lets each of them through."""
    target = new_target(rig)
    late = ["RetireGrant", "DisableKey", "EnableKey", "ScheduleKeyDeletion", "CancelKeyDeletion"]
    for action in (*sorted(EDITS - {"RevokeGrant", *late}), *late):
        rig.ask(action, **CALLS[action](target))
    [made] = rig.ask("ListGrants", KeyId=target.arn)["Grants"]
    rig.ask("RevokeGrant", KeyId=target.arn, GrantId=made["GrantId"])

    assert rig.state(target.key_id) == "Disabled"
    assert rig.ask("DescribeKey", KeyId=target.arn)["KeyMetadata"]["Description"] == "another"
    aliases = rig.ask("ListAliases", KeyId=target.key_id)["Aliases"]
    assert [each["AliasName"] for each in aliases] == ["alias/new", OTHER_ALIAS]


def told(rig: Rig, target: Target) -> list[Any]:
    """All that is to be seen of a managed key."""
    return [rig.ask(look, **CALLS[look](target)) for look in sorted(LOOKS)]


@cell("disable, schedule deletion, alias, tag", "service managed")
def test_every_edit_of_the_managed_one_is_refused(rig: Rig) -> None:
    """To those who may do everything, and to the proxy; and nothing of it has changed."""
    target, mine = managed(rig), new_target(rig)
    before = told(rig, target)
    grants = {"GrantId": mine.grant_id, "KeyId": target.arn}
    calls = {action: CALLS[action](target) for action in EDITS}
    calls |= {"DeleteAlias": {"AliasName": MANAGED}, "RetireGrant": grants, "RevokeGrant": grants}
    calls |= {"UpdateAlias away": {"AliasName": MANAGED, "TargetKeyId": mine.key_id}}
    answers = {
        (name, who.kind): rig.refused(name.partition(" ")[0], who, **request).code
        for name, request in calls.items()
        for who in (user(), proxy())
    }

    found = {place for place, code in answers.items() if code != "AccessDeniedException"}
    # Names below alias/aws/ are nobody's to change; and a grant that is not there is not there.
    assert found == {("DeleteAlias", "user"), ("UpdateAlias away", "user"), ("RetireGrant", "user")}
    assert answers["DeleteAlias", "user"] == answers["UpdateAlias away", "user"] == "NotAuthorizedException"
    assert answers["RetireGrant", "user"] == "NotFoundException"
    assert told(rig, target) == before


@cell("disable, schedule deletion, alias, tag", "service owned")
def test_nobody_edits_the_owned_one(rig: Rig) -> None:
    target, mine = owned(rig), new_target(rig)
    calls = {action: CALLS[action](target) for action in EDITS}
    calls |= {
        "DeleteAlias": {"AliasName": OWNED},
        "UpdateAlias away": {"AliasName": OWNED, "TargetKeyId": mine.key_id},
    }
    for name, request in calls.items():
        for who in (user(), user(STRANGERS), proxy(), proxy(None)):
            code = rig.refused(name.partition(" ")[0], who, **request).code
            assert code in {"AccessDeniedException", "NotAuthorizedException", "NotFoundException"}, name

    after = rig.ask("DescribeKey", proxy(None), KeyId=OWNED)["KeyMetadata"]
    assert (after["Arn"], after["KeyState"]) == (target.arn, "Enabled")
    assert after["Description"].startswith("The service's own key")
