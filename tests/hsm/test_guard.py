"""Who comes to which kind of key: every cell of the table, where the caller's own policies allow all."""

import pytest

from proxy.hsm.core.access import FOREIGN, PROXIED, Principal
from proxy.hsm.core.conditions import Asked
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.model import Key, Manager
from proxy.hsm.core.names import SERVICE_ACCOUNT
from proxy.hsm.core.states import REFUSED, KeyState
from proxy.hsm.grantbook import Grantbook
from proxy.hsm.guard import Guard, check_proxied
from tests.hsm.rig import ACCOUNT, NOW, REGION, STRANGERS, proxy, user
from tests.hsm.rights import EVERYTHING, everything

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
    "operator": Principal(arn="", account=ACCOUNT, kind="operator", region=REGION),
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
    (Manager.CUSTOMER, "operator"): ALL,
    (Manager.AWS, "operator"): ALL,
    (Manager.OWNED, "operator"): ALL,
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
    asked = Asked(
        principal=caller,
        rights=EVERYTHING,
        action=action,
        request={},
        now_epoch=NOW,
        key=target,
        named="as-named",
    )
    try:
        Guard(Grantbook(), everything).check_key(asked, operation=action)
    except KmsError as exc:
        return exc
    return None


@pytest.mark.parametrize(("manager", "caller"), TABLE)
def test_each_caller_may_do_what_the_table_says_and_nothing_else(manager: Manager, caller: str) -> None:
    """And a refusal shows a stranger nothing but their own words."""
    target, who = key(manager), CALLERS[caller]
    own = target.account == who.client_account
    refusals = {action: refusal(who, action, target) for action in REFUSED}

    assert {action for action, refused in refusals.items() if refused is None} == TABLE[manager, caller]
    for action, refused in refusals.items():
        if refused is None:
            continue
        says = f"User: {who.client_arn} is not authorized to perform: kms:{action} on resource: "
        assert refused.code == "AccessDeniedException"
        if own:
            assert refused.message.startswith(says + target.arn)
        else:
            assert refused.message == f"{says}as-named{FOREIGN}"


def test_a_proxy_manages_nothing_even_where_no_key_is_named() -> None:
    for action in (*REFUSED, "CreateKey", "ListKeys"):
        check_proxied(user(), action)
        if action in PROXIED:
            check_proxied(proxy(), action)
        else:
            with pytest.raises(KmsError) as caught:
                check_proxied(proxy(), action)
            assert caught.value.code == "AccessDeniedException"
