"""What a statement is about: actions, resources, variables, conditions; with AWS's page that says so."""

from collections.abc import Mapping

import pytest

from proxy.policy.evaluate import Effect
from tests.policy.judged import ACCOUNT, ALICE, allow, asks, deny, identity_policy, judged

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
ACTION = GUIDE + "reference_policies_elements_action.html"
NOT_ACTION = GUIDE + "reference_policies_elements_notaction.html"
RESOURCE = GUIDE + "reference_policies_elements_resource.html"
NOT_RESOURCE = GUIDE + "reference_policies_elements_notresource.html"
VARIABLES = GUIDE + "reference_policies_variables.html"
CONDITION = GUIDE + "reference_policies_elements_condition.html"

BUCKET = "arn:aws:s3:::reports"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd"


def allow_but(action: object) -> dict[str, object]:
    return {"Effect": "Allow", "NotAction": action, "Resource": "*"}


def deny_but(action: object) -> dict[str, object]:
    return {"Effect": "Deny", "NotAction": action, "Resource": "*"}


# page, statement, action, whether it is about it
ACTIONS: list[tuple[str, dict[str, object], str, bool]] = [
    (ACTION, allow("s3:GetObject"), "s3:GetObject", True),
    (ACTION, allow("s3:getobject"), "s3:GetObject", True),
    (ACTION, allow("S3:GETOBJECT"), "s3:GetObject", True),
    (ACTION, allow("s3:GetObject"), "S3:getObject", True),
    (ACTION, allow("s3:GetObject"), "s3:GetObjectAcl", False),
    (ACTION, allow("s3:Get*"), "s3:GetObjectAcl", True),
    (ACTION, allow("s3:Get*"), "s3:PutObject", False),
    (ACTION, allow("s3:*"), "s3:PutObject", True),
    (ACTION, allow("s3:*"), "s3-object-lambda:GetObject", False),
    (ACTION, allow("kms:*"), "s3:PutObject", False),
    (ACTION, allow("*"), "kms:Decrypt", True),
    (ACTION, allow("s3:*Object"), "s3:PutObject", True),
    (ACTION, allow("s3:*Object"), "s3:PutObjectAcl", False),
    (ACTION, allow("s3:?etObject"), "s3:GetObject", True),
    (ACTION, allow("s3:?etObject"), "s3:etObject", False),
    (ACTION, allow(["s3:PutObject", "s3:Get*"]), "s3:GetObject", True),
    (ACTION, deny("s3:Delete*"), "s3:DeleteBucket", True),
    (ACTION, deny("s3:Delete*"), "s3:GetObject", False),
    (NOT_ACTION, allow_but("s3:DeleteBucket"), "s3:GetObject", True),
    (NOT_ACTION, allow_but("s3:DeleteBucket"), "s3:DeleteBucket", False),
    (NOT_ACTION, allow_but("s3:*"), "kms:Decrypt", True),
    (NOT_ACTION, deny_but("iam:*"), "s3:GetObject", True),
    (NOT_ACTION, deny_but(["iam:*", "s3:Get*"]), "s3:GetObject", False),
    (NOT_ACTION, deny_but(["iam:*", "S3:Get*"]), "s3:PutObject", True),
]

# page, its resources, the resource of the request, whether it is about it
RESOURCES: list[tuple[str, object, str, bool]] = [
    (RESOURCE, "*", BUCKET, True),
    (RESOURCE, BUCKET, BUCKET, True),
    (RESOURCE, BUCKET, BUCKET + "2", False),
    (RESOURCE, BUCKET, BUCKET + "/a", False),
    (RESOURCE, BUCKET, "arn:aws:s3:::Reports", False),
    (RESOURCE, BUCKET + "/*", BUCKET + "/a/b", True),
    (RESOURCE, BUCKET + "/*", BUCKET + "/a:b", True),
    (RESOURCE, BUCKET + "/*", BUCKET + "/a\nb", True),
    (RESOURCE, BUCKET + "/*", BUCKET + "/", True),
    (RESOURCE, BUCKET + "/*", BUCKET, False),
    (RESOURCE, BUCKET + "*", BUCKET + "-old/a", True),
    (RESOURCE, BUCKET + "/*/test/*", BUCKET + "/1/2/test/x", True),
    (RESOURCE, BUCKET + "/*/test/*", BUCKET + "/test/x", False),
    (RESOURCE, BUCKET + "/?.csv", BUCKET + "/a.csv", True),
    (RESOURCE, BUCKET + "/?.csv", BUCKET + "/ab.csv", False),
    (RESOURCE, BUCKET + "/*.csv", BUCKET + "/a.csv.gz", False),
    (RESOURCE, BUCKET + "/a[b]", BUCKET + "/ab", False),
    (RESOURCE, "arn:aws:s3:::*", BUCKET + "/a", True),
    (RESOURCE, [KEY, BUCKET], BUCKET, True),
    (RESOURCE, "arn:aws:kms:*:*:key/1234abcd", KEY, True),
    (RESOURCE, "arn:aws:kms:eu-*:111122223333:key/*", KEY, True),
    (RESOURCE, "arn:aws:kms:*:444455556666:key/*", KEY, False),
    (RESOURCE, "arn:aws:kms:*", KEY, True),
    (RESOURCE, "arn:aws-cn:kms:*:*:key/*", KEY, False),
    (RESOURCE, BUCKET, "*", False),
]
NOT_RESOURCES: list[tuple[str, object, str, bool]] = [
    (NOT_RESOURCE, [BUCKET, BUCKET + "/*"], BUCKET + "/a", False),
    (NOT_RESOURCE, [BUCKET, BUCKET + "/*"], BUCKET, False),
    (NOT_RESOURCE, [BUCKET, BUCKET + "/*"], "arn:aws:s3:::b/a", True),
    (NOT_RESOURCE, BUCKET + "/*", BUCKET, True),
    (NOT_RESOURCE, BUCKET + "/*", BUCKET + "/a", False),
]

HOME = "arn:aws:s3:::home/${aws:username}/*"
TEAM = "arn:aws:s3:::home/${aws:PrincipalTag/Team, 'shared'}/*"
AL, STAR, RED = {"aws:username": "al"}, {"aws:username": "*"}, {"aws:PrincipalTag/team": "red"}

# page, the resource, the resource of the request, its condition keys, whether it is about it
IN_RESOURCES: list[tuple[str, str, str, Mapping[str, str], bool]] = [
    (VARIABLES, HOME, "arn:aws:s3:::home/al/a", AL, True),
    (VARIABLES, HOME, "arn:aws:s3:::home/bo/a", AL, False),
    (VARIABLES, HOME, "arn:aws:s3:::home/bo/a", STAR, False),
    (VARIABLES, HOME, "arn:aws:s3:::home/*/a", STAR, True),
    (VARIABLES, HOME, "arn:aws:s3:::home//a", {}, False),
    (VARIABLES, HOME, "arn:aws:s3:::home/${aws:username}/a", {}, False),
    (
        VARIABLES,
        HOME.upper().replace("ARN:AWS:S3:::HOME", "arn:aws:s3:::home"),
        "arn:aws:s3:::home/al/a",
        AL,
        True,
    ),
    (VARIABLES, TEAM, "arn:aws:s3:::home/red/a", RED, True),
    (VARIABLES, TEAM, "arn:aws:s3:::home/shared/a", {}, True),
    (VARIABLES, TEAM, "arn:aws:s3:::home/shared/a", RED, False),
    (VARIABLES, BUCKET + "/${*}", BUCKET + "/*", {}, True),
    (VARIABLES, BUCKET + "/${*}", BUCKET + "/a", {}, False),
    (VARIABLES, BUCKET + "/${?}", BUCKET + "/?", {}, True),
    (VARIABLES, BUCKET + "/${?}", BUCKET + "/a", {}, False),
    (VARIABLES, BUCKET + "/${$}", BUCKET + "/$", {}, True),
    (VARIABLES, BUCKET + "/${$}{aws:username}", BUCKET + "/${aws:username}", AL, True),
]

LIKE_PREFIX = {"StringLike": {"s3:prefix": "${aws:username}/*"}}
SAME = {"StringEquals": {"aws:referer": "${aws:username}"}}
OTHER = {"StringNotEquals": {"aws:referer": "${aws:username}"}}
ANY_CASE = {"StringEqualsIgnoreCase": {"aws:referer": "${aws:username}"}}
OWN_USERS = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::${aws:PrincipalAccount}:user/*"}}
WHOLE_ARN = {"ArnLike": {"aws:SourceArn": "${aws:PrincipalArn}"}}
TWO_KEYS = {"StringEquals": {"aws:a": "1", "aws:b": "2"}}
TWO_OPERATORS = {"StringEquals": {"aws:a": "1"}, "Bool": {"aws:b": "true"}}
ME = {"aws:PrincipalArn": ALICE, "aws:PrincipalAccount": ACCOUNT}

# page, block, condition keys of the request, whether it holds
BLOCKS: list[tuple[str, Mapping[str, object], Mapping[str, str], bool]] = [
    (VARIABLES, LIKE_PREFIX, AL | {"s3:prefix": "al/x"}, True),
    (VARIABLES, LIKE_PREFIX, AL | {"s3:prefix": "bo/x"}, False),
    (VARIABLES, LIKE_PREFIX, STAR | {"s3:prefix": "bo/x"}, False),
    (VARIABLES, LIKE_PREFIX, {"s3:prefix": "bo/x"}, False),
    (VARIABLES, SAME, AL | {"aws:referer": "al"}, True),
    (VARIABLES, SAME, STAR | {"aws:referer": "al"}, False),
    (VARIABLES, SAME, {"aws:referer": "${aws:username}"}, False),
    (VARIABLES, OTHER, AL | {"aws:referer": "al"}, False),
    (VARIABLES, OTHER, {"aws:referer": "al"}, False),
    (VARIABLES, OTHER, AL | {"aws:referer": "bo"}, True),
    (VARIABLES, ANY_CASE, AL | {"aws:referer": "AL"}, True),
    (VARIABLES, OWN_USERS, ME, True),
    (VARIABLES, OWN_USERS, ME | {"aws:PrincipalArn": "arn:aws:iam::444455556666:user/eve"}, False),
    (VARIABLES, WHOLE_ARN, ME | {"aws:SourceArn": ALICE}, True),
    (VARIABLES, WHOLE_ARN, ME | {"aws:SourceArn": ALICE + "2"}, False),
    (CONDITION, TWO_KEYS, {"aws:a": "1", "aws:b": "2"}, True),
    (CONDITION, TWO_KEYS, {"aws:a": "1", "aws:b": "3"}, False),
    (CONDITION, TWO_KEYS, {"aws:a": "1"}, False),
    (CONDITION, TWO_OPERATORS, {"aws:a": "1", "aws:b": "true"}, True),
    (CONDITION, TWO_OPERATORS, {"aws:a": "1", "aws:b": "false"}, False),
    (CONDITION, {"StringEquals": {"AWS:A": "1"}}, {"aws:a": "1"}, True),
    (CONDITION, {"StringEquals": {"aws:PrincipalTag/Team": "red"}}, RED, True),
    (CONDITION, {}, {}, True),
    (CONDITION, {"StringEquals": {}}, {}, True),
]


def _about(
    statement: dict[str, object],
    *,
    action: str = "s3:GetObject",
    resource: str = BUCKET,
    conditions: Mapping[str, str] | None = None,
) -> bool:
    request = asks(action, resource, conditions=conditions)
    return judged(identity_policy(statement), request=request).effect is not Effect.NONE


@pytest.mark.parametrize(("page", "statement", "action", "about"), ACTIONS)
def test_a_statement_is_about_actions(
    page: str, statement: dict[str, object], action: str, *, about: bool
) -> None:
    assert page.startswith(GUIDE)
    assert _about(statement, action=action) is about


@pytest.mark.parametrize(("page", "listed", "resource", "about"), RESOURCES)
def test_a_statement_is_about_resources(page: str, listed: object, resource: str, *, about: bool) -> None:
    assert page.startswith(GUIDE)
    assert _about(allow(resource=listed), resource=resource) is about


@pytest.mark.parametrize(("page", "listed", "resource", "about"), NOT_RESOURCES)
def test_a_statement_is_about_all_but_some_resources(
    page: str, listed: object, resource: str, *, about: bool
) -> None:
    assert page.startswith(GUIDE)
    statement = {"Effect": "Deny", "Action": "*", "NotResource": listed}
    assert _about(statement, resource=resource) is about


@pytest.mark.parametrize(("page", "pattern", "resource", "conditions", "about"), IN_RESOURCES)
def test_variables_stand_for_text_in_resources(
    page: str, pattern: str, resource: str, conditions: Mapping[str, str], *, about: bool
) -> None:
    assert page.startswith(GUIDE)
    assert _about(allow(resource=pattern), resource=resource, conditions=conditions) is about


@pytest.mark.parametrize(("page", "block", "conditions", "holds"), BLOCKS)
def test_all_of_a_condition_block_must_hold(
    page: str, block: Mapping[str, object], conditions: Mapping[str, str], *, holds: bool
) -> None:
    assert page.startswith(GUIDE)
    assert _about(allow(Condition=block), conditions=conditions) is holds


def test_a_variable_has_no_meaning_where_its_key_has_several_values() -> None:
    """Reference of variables: only keys of one value can stand in them."""
    policy = identity_policy(allow(resource="arn:aws:s3:::${aws:TagKeys}"))
    request = asks(resource="arn:aws:s3:::x", conditions={"aws:TagKeys": ("x",)})

    assert judged(policy, request=request).effect is Effect.NONE


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_all_but_what_a_variable_stands_for(effect: str) -> None:
    """Where it stands for nothing an Allow holds nothing and a Deny everything."""
    policy = identity_policy({"Effect": effect, "Action": "*", "NotResource": HOME})
    there = asks(resource="arn:aws:s3:::home/bo/a", conditions=AL)
    known, unknown = (
        judged(policy, request=each).effect for each in (there, asks(resource="arn:aws:s3:::home/bo/a"))
    )

    assert known is Effect[effect.upper()]
    assert unknown is (Effect.NONE if effect == "Allow" else Effect.DENY)


def test_a_deny_for_what_is_unequal_holds_also_where_its_variable_stands_for_nothing() -> None:
    """An Allow does not: of the two the one that lets less through."""
    policy = identity_policy(allow(), deny(Condition=OTHER))

    request = asks(resource=BUCKET, conditions={"aws:referer": "al"})

    assert judged(policy, request=request).effect is Effect.DENY


def test_the_older_version_of_the_language_has_no_variables() -> None:
    """Reference of variables: without version 2012-10-17 they are texts like any other."""
    policy = identity_policy(allow(resource=HOME), version="2008-10-17")

    request = asks(resource="arn:aws:s3:::home/al/a", conditions=AL)
    as_written = asks(resource="arn:aws:s3:::home/${aws:username}/a")

    assert judged(policy, request=request).effect is Effect.NONE
    assert judged(policy, request=as_written).effect is Effect.ALLOW
