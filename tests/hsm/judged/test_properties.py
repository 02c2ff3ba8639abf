"""What may never come of changing policies and grants, whatever they are: drawn, and judged by the service.

A Deny more never allows, an Allow or a grant less never allows, nothing depends on order; and no call is let
in of which neither the key policy nor a grant says anything.
"""

from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.hsm.core.access import Rights
from proxy.hsm.core.grants import Grant
from proxy.policy.documents import Kind, parse
from tests.hsm.judged.table import (
    KEY_ARN,
    OWNER,
    PARTNER,
    PEOPLE,
    Row,
    document,
    judged,
    key_policy_text,
    rows,
)

ACTIONS = ["kms:Decrypt", "kms:Encrypt", "kms:*", "kms:GenerateDataKey*", "kms:CreateGrant", "*", "kms:D*"]
RESOURCES: list[Any] = ["*", KEY_ARN, "arn:aws:kms:*:*:key/*", "arn:aws:kms:*:*:alias/*"]
CONDITIONS: list[dict[str, Any]] = [
    {},
    {},
    {"StringEquals": {"kms:EncryptionContext:team": "crew"}},
    {"StringNotEquals": {"kms:EncryptionContext:team": "${aws:username}"}},
    {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["team"]}},
    {"ForAnyValue:StringLike": {"kms:EncryptionContextKeys": ["t*"]}},
    {"Null": {"kms:ViaService": "true"}},
    {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    {"StringEqualsIfExists": {"aws:PrincipalTag/team": "crew"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
    {"StringEquals": {"kms:CallerAccount": OWNER}},
]
WHO = [PEOPLE[name] for name in ("alice", "session", "role", "eve")]
CALLERS = [
    row for row in rows() if row.asks in {"Decrypt", "Encrypt"} and row.asked.principal.client_arn in WHO
]
PRINCIPALS: list[Any] = [
    "*",
    *({"AWS": [arn]} for arn in (*WHO, PEOPLE["account"], PEOPLE["partner"])),
    {"AWS": [OWNER, PARTNER]},
]
CONTEXTS = [{}, {"team": "crew"}, {"Team": "crew", "more": "x"}, {"team": "alice"}]

identity_statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.sampled_from(ACTIONS),
        "Resource": st.sampled_from(RESOURCES),
        "Condition": st.sampled_from(CONDITIONS),
    }
)
key_statements = st.builds(
    lambda statement, principal: {**statement, "Principal": principal},
    identity_statements,
    st.sampled_from(PRINCIPALS),
)
grants = st.builds(
    lambda number, to, operations, subset, equals: Grant(
        grant_id=f"{number:064x}",
        key_arn=KEY_ARN,
        created_epoch=0.0,
        issuing_account=OWNER,
        operations=tuple(sorted(operations)),
        grantee=to,
        context_subset=subset,
        context_equals=equals,
    ),
    st.integers(0, 2**64),
    st.sampled_from(WHO),
    st.sets(st.sampled_from(["Decrypt", "Encrypt", "DescribeKey"]), min_size=1),
    st.sampled_from([None, None, (("team", "crew"),)]),
    st.sampled_from([None, None, (("team", "crew"),)]),
)
several_grants = st.lists(grants, max_size=3, unique_by=lambda grant: grant.grant_id)
Statements = list[dict[str, Any]]


def asking(
    row: Row, context: dict[str, str], identity: Statements, key: Statements, held: list[Grant]
) -> Row:
    rights = Rights(
        policies=tuple(parse(document((each,)), kind=Kind.IDENTITY) for each in identity),
        tags=row.asked.rights.tags,
    )
    assert row.asked.key is not None
    return replace(
        row,
        grants=tuple(held),
        asked=replace(
            row.asked,
            rights=rights,
            request={"EncryptionContext": context},
            key=replace(row.asked.key, policy=key_policy_text(tuple(key))),
        ),
    )


drawn = st.builds(
    lambda *given_: given_,
    st.sampled_from(CALLERS),
    st.sampled_from(CONTEXTS),
    st.lists(identity_statements, max_size=3),
    st.lists(key_statements, max_size=3),
    several_grants,
)
Drawn = tuple[Row, dict[str, str], Statements, Statements, list[Grant]]


def less(statements: Statements, index: int) -> Statements:
    """Without one of its Allows."""
    allows = [at for at, each in enumerate(statements) if each["Effect"] == "Allow"]
    gone = allows[index % len(allows)] if allows else -1
    return [each for at, each in enumerate(statements) if at != gone]


def allowed(*given_: Any) -> bool:
    return judged(asking(*given_)) == "allow"


@settings(max_examples=100)
@given(drawn, identity_statements, key_statements)
def test_adding_a_deny_never_allows(case: Drawn, own: dict[str, Any], on_key: dict[str, Any]) -> None:
    row, context, identity, key, held = case
    own, on_key = {**own, "Effect": "Deny"}, {**on_key, "Effect": "Deny"}

    if not allowed(*case):
        assert not allowed(row, context, [*identity, own], key, held)
        assert not allowed(row, context, identity, [*key, on_key], held)


@settings(max_examples=100)
@given(drawn, st.integers(0, 5))
def test_removing_an_allow_or_a_grant_never_allows(case: Drawn, index: int) -> None:
    row, context, identity, key, held = case

    if not allowed(*case):
        assert not allowed(row, context, less(identity, index), key, held)
        assert not allowed(row, context, identity, less(key, index), held)
        assert not allowed(row, context, identity, key, held[1:])


@settings(max_examples=100)
@given(drawn, st.randoms())
def test_order_never_matters(case: Drawn, random: Random) -> None:
    """Neither of policies nor of statements nor of grants, for the answer's words either."""
    row, context, identity, key, held = case
    turned = asking(
        row, context, _shuffled(identity, random), _shuffled(key, random), _shuffled(held, random)
    )

    assert judged(asking(*case)) == judged(turned)


def _shuffled(some: list[Any], random: Random) -> list[Any]:
    return random.sample(some, len(some))


@settings(max_examples=100)
@given(drawn)
def test_identity_policies_alone_open_no_key(case: Drawn) -> None:
    row, context, identity, _, _ = case

    assert not allowed(row, context, identity, [], [])


@settings(max_examples=100)
@given(drawn)
def test_more_allows_never_refuse(case: Drawn) -> None:
    """What a grant allows it allows without policies, and what they allow besides takes nothing away."""
    row, context, identity, key, held = case
    denies, denies_on_key = ([each for each in some if each["Effect"] == "Deny"] for some in (identity, key))

    if allowed(row, context, denies, denies_on_key, held):
        assert allowed(*case)
