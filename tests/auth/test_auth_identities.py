"""Who may call, and what a configuration may not say about it."""

import pytest

from proxy.auth.identities import Identities, Identity
from proxy.auth.sigv4 import Credentials
from tests.auth.forge import ALICE, BOB, PERMANENT, TEMPORARY


def identity(
    *, name: str = "carol", account: str = "1" * 12, arn: str = "arn:carol", key: str = "K", secret: str = "s"
) -> Identity:
    keys = (Credentials(access_key=key, secret=secret),)
    return Identity(name=name, account=account, arn=arn, access_keys=keys)


def test_identities_are_found_by_access_key_and_by_arn() -> None:
    identities = Identities([ALICE, BOB])

    assert identities.maybe_by_access_key(PERMANENT.access_key) == (ALICE, PERMANENT)
    assert identities.maybe_by_access_key(TEMPORARY.access_key) == (BOB, TEMPORARY)
    assert identities.maybe_by_arn(BOB.arn) is BOB
    assert identities.maybe_by_access_key("nobody") is None
    assert identities.maybe_by_arn("nobody") is None
    assert len(identities) == 2


def test_an_identity_may_have_two_keys_or_none() -> None:
    """Two, so that they can be rolled; none, where others speak for it."""
    rolling = Identity(
        name="r", account="1" * 12, arn="arn:r", access_keys=(PERMANENT, TEMPORARY), tags={"a": "b"}
    )
    silent = Identity(name="s", account="1" * 12, arn="arn:s", kind="proxy")

    identities = Identities([rolling, silent])

    assert identities.maybe_by_access_key(TEMPORARY.access_key) == (rolling, TEMPORARY)
    assert identities.maybe_by_arn("arn:s") is silent
    assert hash(rolling) != hash(silent)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (identity(arn=ALICE.arn), ["alice", "carol", ALICE.arn]),
        (identity(key=PERMANENT.access_key), ["alice", "carol", PERMANENT.access_key]),
        (ALICE, ["alice", ALICE.arn]),
        (identity(account="1" * 11), ["carol", "12 digits"]),
        (identity(account="1" * 13), ["carol", "12 digits"]),
        (identity(account="\u0661" * 12), ["carol", "12 digits"]),
        (identity(key=""), ["carol", "access key id"]),
        (identity(key="a/b"), ["carol", "a/b"]),
        (identity(key="a,b"), ["carol", "a,b"]),
        (identity(key="a b"), ["carol", "a b"]),
        (identity(key="a\n"), ["carol", "access key id"]),
        (identity(key="a" * 129), ["carol", "access key id"]),
        (identity(secret=""), ["carol", "no secret"]),
    ],
)
def test_what_is_wrong_is_refused_by_name(wrong: Identity, named: list[str]) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - its text is matched below
        Identities([ALICE, wrong])

    assert [word for word in named if word not in str(refused.value)] == []


@pytest.mark.parametrize("key", ["K", "a" * 128, "minio-admin_1.x+y=z@~!"])
def test_access_key_ids_are_free_but_for_what_a_scope_ends_them_with(key: str) -> None:
    assert Identities([identity(key=key)]).maybe_by_access_key(key) is not None
