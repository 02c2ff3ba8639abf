"""What policies say together, and what may never come of changing them."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.documents import Policy
from proxy.policy.evaluate import Effect, judge
from proxy.policy.request import Request
from tests.policy.judged import allow, asks, deny, identity_policy, judged

ALLOW, DENY, NONE = Effect.ALLOW, Effect.DENY, Effect.NONE


def test_the_statement_that_decided_is_named() -> None:
    """By its Sid, else by its index."""
    policy = identity_policy(allow("s3:Put*"), allow("s3:Get*"), {**deny("s3:Delete*"), "Sid": "Never"})

    assert judged(policy, request=asks("s3:GetObject")).statement == "1"
    assert judged(policy, request=asks("s3:DeleteObject")).statement == "Never"
    assert judged(policy, request=asks("s3:ListBucket")).statement == ""


def test_no_policy_says_nothing() -> None:
    assert judged().effect is NONE


ACTIONS = ["s3:GetObject", "s3:PutObject", "kms:Decrypt", "s3:*", "*", "s3:Get*"]
RESOURCES = ["*", "arn:aws:s3:::a", "arn:aws:s3:::a/*", "arn:aws:s3:::${aws:username}/*", "arn:aws:s3:::b/x?"]
CONDITIONS = [
    {},
    {"StringEquals": {"aws:username": "a"}},
    {"StringNotLike": {"aws:username": ["b*", "c"]}},
    {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"ForAnyValue:StringEquals": {"aws:TagKeys": ["x", "y"]}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": ["x", "y"]}},
    {"Null": {"aws:SourceIp": "true"}},
    {"BoolIfExists": {"aws:SecureTransport": "true"}},
]
statements = st.builds(
    lambda effect, negate, action, resource, condition: {
        "Effect": effect,
        "NotAction" if negate & 1 else "Action": action,
        "NotResource" if negate & 2 else "Resource": resource,
        "Condition": condition,
    },
    st.sampled_from(["Allow", "Deny"]),
    st.integers(0, 3),
    st.sampled_from(ACTIONS),
    st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2),
    st.sampled_from(CONDITIONS),
)
requests = st.builds(
    lambda action, resource, conditions: asks(action, resource, conditions=conditions),
    st.sampled_from(["s3:GetObject", "s3:PutObject", "kms:Decrypt"]),
    st.sampled_from(["*", "arn:aws:s3:::a", "arn:aws:s3:::a/b", "arn:aws:s3:::b/x1"]),
    st.fixed_dictionaries(
        {},
        optional={
            "aws:username": st.sampled_from(["a", "b"]),
            "aws:sourceip": st.sampled_from(["10.1.2.3", "11.1.2.3"]),
            "aws:tagkeys": st.sampled_from([(), ("x",), ("x", "z")]),
            "aws:securetransport": st.sampled_from(["true", "false"]),
        },
    ),
)
several = st.lists(statements, max_size=6)


def _policies(given: list[dict[str, object]]) -> list[Policy]:
    return [identity_policy(statement) for statement in given]


@given(several, statements, requests)
def test_adding_a_deny_never_allows(
    given_: list[dict[str, object]], more: dict[str, object], request_: Request
) -> None:
    before = judge(_policies(given_), request_).effect
    after = judge(_policies([*given_, {**more, "Effect": "Deny"}]), request_).effect

    assert after is before or after is DENY


@given(several, st.integers(0, 5), requests)
def test_removing_an_allow_never_allows(
    given_: list[dict[str, object]], index: int, request_: Request
) -> None:
    allows = [statement for statement in given_ if statement["Effect"] == "Allow"]
    left = [statement for statement in given_ if not allows or statement is not allows[index % len(allows)]]
    before, after = (judge(_policies(each), request_).effect for each in (given_, left))

    assert after is before or (before is ALLOW and after is NONE)


@given(several, requests, st.randoms())
def test_order_never_matters(given_: list[dict[str, object]], request_: Request, random: Random) -> None:
    """Neither of statements in a policy nor of policies."""
    shuffled = random.sample(given_, len(given_))
    effects = {judge(_policies(each), request_).effect for each in (given_, shuffled)}
    if given_:
        effects |= {judge([identity_policy(*each)], request_).effect for each in (given_, shuffled)}

    assert len(effects) == 1
