"""Emptying a store between tests: only one that was made for that, and only where it is asked for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.hsm.changes import Change
from proxy.hsm.core.access import Rights
from proxy.hsm.core.names import MANAGED_ALIAS, OWNED_ALIAS
from proxy.hsm.engine_desk import Limits
from proxy.hsm.init import open_sqlite_store
from proxy.hsm.store import StoreKeepsKeys
from proxy.hsm.witness import FileWitness, beside
from tests.hsm.rig import OTHER_REGION, STRANGERS, Rig, make_store, proxy, root_file, user

GRANTEE = f"arn:aws:iam::{STRANGERS}:user/bea"


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Rig]:
    """An engine that can be reset, on a store that was made for tests."""
    make_store(tmp_path, for_tests=True)
    rig = Rig(tmp_path, Limits(), test_reset=True)
    yield rig
    rig.engine.close()


def fill(rig: Rig) -> str:
    """Something of everything that a store can hold; the id of a key that stays."""
    doomed, key_id = rig.key()["KeyId"], str(rig.key()["KeyId"])
    rig.ask("CreateAlias", AliasName="alias/a", TargetKeyId=key_id)
    rig.ask("CreateGrant", KeyId=key_id, GranteePrincipal=GRANTEE, Operations=["Decrypt"])
    rig.ask("RotateKeyOnDemand", KeyId=key_id)
    rig.ask("Encrypt", KeyId=key_id, Plaintext=b"x")
    rig.ask("GenerateDataKey", proxy(), KeyId=MANAGED_ALIAS, KeySpec="AES_256")
    rig.ask("GenerateDataKey", proxy(), KeyId=OWNED_ALIAS, KeySpec="AES_256")
    rig.key(user(STRANGERS, OTHER_REGION))
    rig.ask("ScheduleKeyDeletion", KeyId=doomed, PendingWindowInDays=7)
    rig.now += 8 * 86400
    list(rig.engine.do_due())
    rig.engine.save_usage()
    return key_id


def rows(rig: Rig) -> set[str]:
    """The kinds of record in the store, read as a new process would."""
    rig.engine.close()
    path = rig.directory / "hsm.db"
    store = open_sqlite_store(
        path, root_file(rig.directory), random=os.urandom, witness=FileWitness(beside(path))
    )
    kinds = {record.kind for record in store.records()}
    store.close()
    return kinds


def test_a_reset_leaves_nothing_of_any_account_or_region(scratch: Rig) -> None:
    key_id = fill(scratch)
    scratch.ask("Reset")

    assert scratch.ask("ListKeys")["Keys"] == scratch.ask("ListAliases")["Aliases"] == []
    assert scratch.ask("ListKeys", user(STRANGERS, OTHER_REGION))["Keys"] == []
    assert scratch.ask("GetBill")["Keys"] == []
    assert scratch.refused("DescribeKey", KeyId=key_id).code == "NotFoundException"
    assert rows(scratch) == {"purpose"}


def test_after_a_reset_all_goes_on_as_in_a_new_store(scratch: Rig) -> None:
    fill(scratch)
    scratch.ask("Reset")
    fill(scratch)
    scratch.restart()
    scratch.ask("Reset")

    assert scratch.ask("ListKeys")["Keys"] == []


def test_who_may_not_reset_does_not(scratch: Rig) -> None:
    """It takes kms:Reset like any other right, and a proxy has none."""
    scratch.rights[user(name="eve").arn] = Rights()
    key_id = scratch.key()["KeyId"]

    assert scratch.refused("Reset", user(name="eve")).code == "AccessDeniedException"
    assert scratch.refused("Reset", proxy()).code == "AccessDeniedException"
    assert scratch.state(key_id) == "Enabled"


def test_a_store_that_was_not_made_for_tests_is_never_opened_with_a_reset(rig: Rig) -> None:
    """Not by mistake, and not on purpose: nothing marks a store later. It is let go again."""
    key_id = rig.key()["KeyId"]
    rig.engine.close()
    with pytest.raises(StoreKeepsKeys, match="not made for tests"):
        Rig(rig.directory, Limits(), test_reset=True)
    rig.restart()

    assert rig.state(key_id) == "Enabled"


def test_a_store_for_tests_has_no_reset_unless_it_is_asked_for(tmp_path: Path) -> None:
    make_store(tmp_path, for_tests=True)
    rig = Rig(tmp_path, Limits())
    key_id = rig.key()["KeyId"]

    assert rig.refused("Reset").code == "UnsupportedOperationException"
    assert rig.state(key_id) == "Enabled"
    rig.engine.close()


def test_a_reset_is_news_of_every_key(scratch: Rig) -> None:
    """Whoever decided something by what was here begins anew."""
    told: list[Change] = []
    fill(scratch)
    scratch.engine.changes.listen(told.append)

    scratch.ask("Reset")

    assert [change.key_arns for change in told] == [None]
