"""DryRun and GrantTokens, on every operation that has them: which these are, AWS's model says."""

from typing import Any

import botocore.session
import pytest

from tests.hsm.asking import CALLS, NO_KEY, Target, new_target
from tests.hsm.rig import ACCOUNT, STRANGERS, Rig, user
from tests.hsm.rights import rights, statement

session: Any = botocore.session  # botocore is not annotated
MODEL = session.get_session().get_service_model("kms")
GRANT_ACTIONS = {"CreateGrant", "RetireGrant", "RevokeGrant"}


def having(member: str) -> list[str]:
    """Of the operations that there are."""
    every = sorted(CALLS.keys() | NO_KEY)
    return [name for name in every if member in MODEL.operation_model(name).input_shape.members]


DRY, WITH_TOKENS = having("DryRun"), having("GrantTokens")


def test_the_operations_are_those_of_the_model() -> None:
    uses = {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt"}

    assert set(DRY) == uses | GRANT_ACTIONS
    assert set(WITH_TOKENS) == uses | {"CreateGrant", "DescribeKey"}


def seen(rig: Rig, target: Target) -> list[Any]:
    """What a call could have changed, the count of calls among it."""
    grants = rig.ask("ListGrants", KeyId=target.arn)["Grants"]
    counts = [
        {name: count for name, count in each["Counts"].items() if name in DRY}
        for each in rig.ask("GetUsage")["Usage"]
    ]
    return [grants, counts, rig.engine._desk.ring._store.generation]


@pytest.mark.parametrize("action", DRY)
def test_a_dry_run_is_judged_like_the_call_and_does_nothing(rig: Rig, action: str) -> None:
    """Who may, in which state, and then that it would have succeeded; to a stranger nothing is told."""
    target = new_target(rig)
    asked = {**CALLS[action](target), "DryRun": True}
    before = seen(rig, target)
    told = rig.refused(action, **asked)
    rig.rights[user(name="ben").arn] = rights(
        statement("Allow", "kms:*"), statement("Deny", f"kms:{action}*")
    )
    denied = rig.refused(action, user(name="ben"), **asked)
    foreign = rig.refused(action, user(STRANGERS), **asked)
    after = seen(rig, target)
    rig.ask("DisableKey", KeyId=target.arn)
    disabled = rig.refused(action, **asked)

    assert told.code == "DryRunOperationException"
    assert told.message == "The request would have succeeded, but the DryRun option is set."
    assert denied.code == foreign.code == "AccessDeniedException"
    assert "explicit deny in an identity-based policy" in denied.message
    assert after == before
    # The table of states lets grants be taken back in every state.
    expected = "DryRunOperationException" if action in {"RetireGrant", "RevokeGrant"} else "DisabledException"
    assert disabled.code == expected


@pytest.mark.parametrize("action", DRY)
def test_a_call_that_is_no_dry_run_is_done(rig: Rig, action: str) -> None:
    target = new_target(rig)

    rig.ask(action, **CALLS[action](target), DryRun=False)


@pytest.mark.parametrize("action", WITH_TOKENS)
def test_a_token_is_of_a_living_grant_or_the_call_is_refused(rig: Rig, action: str) -> None:
    """A grant holds from its answer on, so that a token changes nothing; one of no grant is AWS's error."""
    target = new_target(rig)
    asked = CALLS[action](target)
    made = rig.ask(
        "CreateGrant",
        KeyId=target.arn,
        GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:user/cat",
        Operations=["Decrypt"],
    )
    rig.ask(action, **asked, GrantTokens=[made["GrantToken"]])
    cat = user(name="cat")
    rig.rights[cat.arn] = rights()
    with_token = {**asked, "GrantTokens": [made["GrantToken"]]}
    if action == "Decrypt":
        rig.ask(action, cat, **with_token)
    else:
        assert rig.refused(action, cat, **with_token).code == "AccessDeniedException"
    rig.ask("RevokeGrant", KeyId=target.arn, GrantId=made["GrantId"])

    for tokens in ([made["GrantToken"]], ["bm8gdG9rZW4="]):
        assert rig.refused(action, **asked, GrantTokens=tokens).code == "InvalidGrantTokenException"
