"""What is answered holds: a call that begins after a right was given has it, and none after it was taken."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from proxy.hsm.core.errors import KmsError
from tests.hsm.asking import OPEN_POLICY
from tests.hsm.rig import ACCOUNT, STRANGERS, Rig, user
from tests.hsm.rights import EVERYTHING, document, rights, statement

BEN = user(name="ben")
CLOSED = document(
    statement("Allow", "kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
    statement("Deny", "kms:Encrypt", Principal={"AWS": BEN.arn}),
)
ROUNDS = 3


def may(rig: Rig, key: str) -> bool:
    try:
        rig.engine.call(BEN, "Encrypt", {"KeyId": key, "Plaintext": b"x", "DryRun": True})
    except KmsError as exc:
        return exc.code == "DryRunOperationException"
    raise AssertionError("a dry run never succeeds")


Change = Callable[[Rig, str], Callable[[], object]]


def granted(rig: Rig, key: str) -> Callable[[], object]:
    made = rig.ask("CreateGrant", KeyId=key, GranteePrincipal=BEN.arn, Operations=["Encrypt"])
    return lambda: rig.ask("RevokeGrant", KeyId=key, GrantId=made["GrantId"])


def granted_to_retire(rig: Rig, key: str) -> Callable[[], object]:
    made = rig.ask("CreateGrant", KeyId=key, GranteePrincipal=BEN.arn, Operations=["Encrypt", "RetireGrant"])
    return lambda: rig.ask("RetireGrant", BEN, GrantToken=made["GrantToken"])


def allowed_by_the_key(rig: Rig, key: str) -> Callable[[], object]:
    rig.rights[BEN.arn] = EVERYTHING
    rig.ask("PutKeyPolicy", KeyId=key, Policy=OPEN_POLICY)
    return lambda: rig.ask("PutKeyPolicy", KeyId=key, Policy=CLOSED)


def enabled(rig: Rig, key: str) -> Callable[[], object]:
    rig.rights[BEN.arn] = EVERYTHING
    rig.ask("EnableKey", KeyId=key)
    return lambda: rig.ask("DisableKey", KeyId=key)


def allowed_by_themselves(rig: Rig, _: str) -> Callable[[], object]:
    """As a reload of the configuration has it."""
    accounts = {ACCOUNT, STRANGERS}
    rig.engine.serve(accounts, lambda _: EVERYTHING)
    return lambda: rig.engine.serve(accounts, lambda arn: rights() if arn == BEN.arn else EVERYTHING)


@pytest.mark.parametrize(
    "give", [granted, granted_to_retire, allowed_by_the_key, enabled, allowed_by_themselves]
)
def test_a_right_holds_from_its_answer_on_until_that_of_its_end(rig: Rig, give: Change) -> None:
    """While others ask at the same time: no token is needed, and nothing outlives what took it."""
    key = str(rig.key()["Arn"])
    rig.rights[BEN.arn] = rights()
    for _ in range(ROUNDS):
        take, taken = give(rig, key), Event()
        assert may(rig, key)
        with ThreadPoolExecutor(3) as threads:
            asking = [threads.submit(_asks_until, rig, key, taken) for _ in range(3)]
            take()
            taken.set()
            assert not may(rig, key)
        assert not any(each.result() for each in asking)


def _asks_until(rig: Rig, key: str, taken: Event) -> bool:
    """Whether a call that began after the right was taken was let in."""
    while True:
        over = taken.is_set()
        allowed = may(rig, key)
        if over:
            return allowed
