"""Who may do what with which key: every cell of the table."""

import pytest

from proxy.hsm.core.access import PROXIED, Principal, check_access, check_action
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.model import Key, Manager
from proxy.hsm.core.names import SERVICE_ACCOUNT
from proxy.hsm.core.states import REFUSED, KeyState
from tests.hsm.rig import ACCOUNT, STRANGERS, proxy, user

ALL = set(REFUSED)
LOOKS = {
    "DescribeKey",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListResourceTags",
}
NOTHING: set[str] = set()
USES = {
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncrypt",
}
CALLERS = {
    "user": user(),
    "stranger": user(STRANGERS),
    "proxy for user": proxy(),
    "proxy for stranger": proxy(STRANGERS),
    "proxy alone": proxy(None),
}
TABLE = {
    (Manager.CUSTOMER, "user"): ALL,
    (Manager.CUSTOMER, "stranger"): NOTHING,
    (Manager.CUSTOMER, "proxy for user"): USES,
    (Manager.CUSTOMER, "proxy for stranger"): NOTHING,
    (Manager.CUSTOMER, "proxy alone"): NOTHING,
    (Manager.AWS, "user"): LOOKS,
    (Manager.AWS, "stranger"): NOTHING,
    (Manager.AWS, "proxy for user"): USES,
    (Manager.AWS, "proxy for stranger"): NOTHING,
    (Manager.AWS, "proxy alone"): NOTHING,
    (Manager.OWNED, "user"): NOTHING,
    (Manager.OWNED, "stranger"): NOTHING,
    (Manager.OWNED, "proxy for user"): USES,
    (Manager.OWNED, "proxy for stranger"): USES,
    (Manager.OWNED, "proxy alone"): USES,
}


def key(manager: Manager) -> Key:
    return Key(
        key_id="0f1e2d3c-4b5a-4697-8877-665544332211",
        account=SERVICE_ACCOUNT if manager is Manager.OWNED else ACCOUNT,
        region="eu-central-1",
        manager=manager,
        state=KeyState.ENABLED,
        created_epoch=0.0,
    )


def refusal(caller: Principal, action: str, target: Key) -> KmsError | None:
    try:
        check_access(caller, action, target, named="as-named")
    except KmsError as exc:
        return exc
    return None


@pytest.mark.parametrize(("manager", "caller"), TABLE)
def test_each_caller_may_do_what_the_table_says_and_nothing_else(manager: Manager, caller: str) -> None:
    """And a refusal shows a stranger nothing but their own words."""
    target, who = key(manager), CALLERS[caller]
    shown = target.arn if target.account == who.client_account else "as-named"
    refusals = {action: refusal(who, action, target) for action in REFUSED}

    assert {action for action, refused in refusals.items() if refused is None} == TABLE[manager, caller]
    assert {(r.code, r.message) for r in refusals.values() if r} <= {
        (
            "AccessDeniedException",
            f"User: {who.client_arn} is not authorized to perform: kms:{action} on resource: {shown}",
        )
        for action in REFUSED
    }


def test_a_proxy_manages_nothing_even_where_no_key_is_named() -> None:
    for action in (*REFUSED, "CreateKey", "ListKeys"):
        check_action(user(), action)
        if action in PROXIED:
            check_action(proxy(), action)
        else:
            with pytest.raises(KmsError) as caught:
                check_action(proxy(), action)
            assert caught.value.code == "AccessDeniedException"
