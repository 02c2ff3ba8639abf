"""Documents that cannot be understood are refused with the place, and others are taken."""

import json

import pytest

from proxy.policy.documents import Kind, parse
from proxy.policy.malformed import MalformedPolicy
from tests.policy.judged import allow, document


def test_the_names_of_a_policy_are_all_the_condition_keys_that_it_looks_at() -> None:
    conditions = {"StringLike": {"s3:Prefix": "${aws:PrincipalTag/Team}/*"}, "Null": {"aws:TagKeys": "false"}}
    policy = parse(
        document(allow(resource="arn:aws:s3:::${aws:username}", Condition=conditions)), kind=Kind.IDENTITY
    )

    assert policy.names == {"s3:prefix", "aws:principaltag/team", "aws:tagkeys", "aws:username"}


GOOD = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
GOOD_FOR_ALL = {**GOOD, "Principal": "*"}

# kind, document, what the refusal begins with
MALFORMED: list[tuple[Kind, object, str]] = [
    (Kind.IDENTITY, "{", "this is no JSON"),
    (Kind.IDENTITY, "[" * 100_000, "this is no JSON"),
    (Kind.IDENTITY, '{"Version": NaN}', "NaN is no JSON"),
    (Kind.IDENTITY, '{"Statement": [], "Statement": []}', "the name Statement stands twice"),
    (Kind.IDENTITY, [], "a policy is an object"),
    (Kind.IDENTITY, {}, "Statement: "),
    (Kind.IDENTITY, {"Statement": []}, "Statement: "),
    (Kind.IDENTITY, {"Statement": "x"}, "Statement: "),
    (Kind.IDENTITY, {"Version": "2012-10-18", "Statement": GOOD}, "Version: "),
    (Kind.IDENTITY, {"Version": ["2012-10-17"], "Statement": GOOD}, "Version: "),
    (Kind.IDENTITY, {"Id": 7, "Statement": GOOD}, "Id: "),
    (Kind.IDENTITY, {"Statment": GOOD}, "the element Statment"),
    (Kind.IDENTITY, {"Statement": [GOOD, "x"]}, "Statement[1]: a statement is an object"),
    (Kind.IDENTITY, {"Statement": {**GOOD, "Actions": "s3:*"}}, "Statement[0]: the element Actions"),
    (Kind.IDENTITY, {"Statement": {**GOOD, "effect": "Deny"}}, "Statement[0]: the element effect"),
    (Kind.IDENTITY, {"Statement": {**GOOD, "Effect": "allow"}}, "Statement[0].Effect: "),
    (Kind.IDENTITY, {"Statement": {"Action": "s3:*", "Resource": "*"}}, "Statement[0].Effect: "),
    (Kind.IDENTITY, {"Statement": {**GOOD, "Sid": "a b"}}, "Statement[0].Sid: "),
    (Kind.IDENTITY, {"Statement": {**GOOD, "Sid": 3}}, "Statement[0].Sid: "),
    (Kind.IDENTITY, {"Statement": [{**GOOD, "Sid": "a"}, {**GOOD, "Sid": "a"}]}, "Statement: two statements"),
    (Kind.IDENTITY, {"Statement": {"Effect": "Allow", "Resource": "*"}}, "Statement[0]: it must have one of"),
    (Kind.IDENTITY, {"Statement": {**GOOD, "NotAction": "s3:*"}}, "Statement[0]: it must have one of Action"),
    (Kind.IDENTITY, {"Statement": {**GOOD, "Action": "GetObject"}}, "Statement[0].Action: "),
    (Kind.IDENTITY, {"Statement": {**GOOD, "Action": "*:Get*"}}, "Statement[0].Action: "),
    (Kind.IDENTITY, {"Statement": {**GOOD, "Action": []}}, "Statement[0].Action: "),
    (Kind.IDENTITY, {"Statement": {**GOOD, "Action": [1]}}, "Statement[0].Action: "),
    (
        Kind.IDENTITY,
        {"Statement": {"Effect": "Allow", "Action": "s3:*"}},
        "Statement[0]: it must have one of",
    ),
    (
        Kind.IDENTITY,
        {"Statement": {**GOOD, "NotResource": "*"}},
        "Statement[0]: it must have one of Resource",
    ),
    (Kind.IDENTITY, {"Statement": {**GOOD, "Resource": "bucket/*"}}, "Statement[0].Resource: "),
    (Kind.IDENTITY, {"Statement": {**GOOD, "Resource": "arn:aws:s3:bucket"}}, "Statement[0].Resource: "),
    (Kind.IDENTITY, {"Statement": GOOD_FOR_ALL}, "Statement[0]: a policy of an identity"),
    (Kind.IDENTITY, {"Statement": {**GOOD, "Condition": []}}, "Statement[0].Condition: "),
    (Kind.RESOURCE, {"Statement": GOOD}, "Statement[0]: it must have one of Principal"),
    (Kind.RESOURCE, {"Statement": {**GOOD, "Principal": "x"}}, "Statement[0].Principal: "),
    (Kind.RESOURCE, {"Statement": {**GOOD, "Principal": {}}}, "Statement[0].Principal: "),
    (Kind.RESOURCE, {"Statement": {**GOOD, "Principal": {"User": "x"}}}, "Statement[0].Principal.User: "),
    (Kind.RESOURCE, {"Statement": {**GOOD, "Principal": {"AWS": "alice"}}}, "Statement[0].Principal.AWS: "),
    (
        Kind.RESOURCE,
        {"Statement": {**GOOD, "Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}}},
        "Statement[0].Principal.AWS: this is no valid principal",
    ),
    (Kind.RESOURCE, {"Statement": {**GOOD, "Principal": {"AWS": []}}}, "Statement[0].Principal.AWS: "),
    (
        Kind.RESOURCE,
        {"Statement": {**GOOD, "Principal": {"Service": "s3"}}},
        "Statement[0].Principal.Service",
    ),
    (
        Kind.RESOURCE,
        {"Statement": {**GOOD, "Principal": {"CanonicalUser": "x"}}},
        "Statement[0].Principal.CanonicalUser",
    ),
    (
        Kind.RESOURCE,
        {"Statement": {**GOOD, "NotPrincipal": {"AWS": "111122223333"}}},
        "Statement[0]: NotPrin",
    ),
    (
        Kind.RESOURCE,
        {"Statement": {**GOOD, "Effect": "Deny", "NotPrincipal": "*"}},
        "Statement[0].NotPrincipal: everyone but everyone",
    ),
    (
        Kind.RESOURCE,
        {"Statement": {**GOOD, "Effect": "Deny", "NotPrincipal": {"AWS": ["*", "111122223333"]}}},
        "Statement[0].NotPrincipal: everyone but everyone",
    ),
]

# operator, key, value, where the refusal is
CONDITIONS: list[tuple[str, str, object, str]] = [
    ("StringEqual", "aws:x", "a", "StringEqual"),
    ("stringEquals", "aws:x", "a", "stringEquals"),
    ("NullIfExists", "aws:x", "true", "NullIfExists"),
    ("ForSomeValues:StringEquals", "aws:x", "a", "ForSomeValues:StringEquals"),
    ("ForAnyValue:ForAnyValue:StringEquals", "aws:x", "a", "ForAnyValue:ForAnyValue:StringEquals"),
    ("StringEqualsIfExistsIfExists", "aws:x", "a", "StringEqualsIfExistsIfExists"),
    ("StringEquals", "x", "a", "StringEquals.x"),
    ("StringEquals", "aws:x", [], "StringEquals.aws:x"),
    ("StringEquals", "aws:x", None, "StringEquals.aws:x"),
    ("StringEquals", "aws:x", {"a": "b"}, "StringEquals.aws:x"),
    ("StringEquals", "aws:x", "${aws:y", "StringEquals.aws:x"),
    ("StringEquals", "aws:x", "${username}", "StringEquals.aws:x"),
    ("StringEquals", "aws:x", "${}", "StringEquals.aws:x"),
    ("Null", "aws:x", "maybe", "Null.aws:x"),
    ("NumericEquals", "aws:x", "ten", "NumericEquals.aws:x"),
    ("NumericEquals", "aws:x", "NaN", "NumericEquals.aws:x"),
    ("NumericEquals", "aws:x", "${aws:y}", "NumericEquals.aws:x"),
    ("DateEquals", "aws:x", "yesterday", "DateEquals.aws:x"),
    ("DateEquals", "aws:x", "2026-13-01", "DateEquals.aws:x"),
    ("Bool", "aws:x", "yes", "Bool.aws:x"),
    ("BinaryEquals", "aws:x", "!", "BinaryEquals.aws:x"),
    ("IpAddress", "aws:x", "203.0.113.0/33", "IpAddress.aws:x"),
    ("IpAddress", "aws:x", "203.0.113.*", "IpAddress.aws:x"),
    ("ArnLike", "aws:x", "arn:aws:sns", "ArnLike.aws:x"),
]


@pytest.mark.parametrize(("kind", "given", "beginning"), MALFORMED)
def test_what_cannot_be_understood_is_refused_with_its_place(
    kind: Kind, given: object, beginning: str
) -> None:
    text = given if isinstance(given, str) else json.dumps(given)

    with pytest.raises(MalformedPolicy) as refused:
        parse(text, kind=kind)

    assert str(refused.value).startswith(beginning)


@pytest.mark.parametrize(("operator", "key", "value", "where"), CONDITIONS)
def test_a_condition_that_cannot_be_understood_is_refused_with_its_place(
    operator: str, key: str, value: object, where: str
) -> None:
    with pytest.raises(MalformedPolicy) as refused:
        parse(document(allow(Condition={operator: {key: value}})), kind=Kind.IDENTITY)

    assert refused.value.where == f"Statement[0].Condition.{where}"


@pytest.mark.parametrize("block", [["a"], "a", 3])
def test_an_operator_takes_an_object_of_keys(block: object) -> None:
    with pytest.raises(MalformedPolicy, match=r"Statement\[0\]\.Condition\.StringEquals: "):
        parse(document(allow(Condition={"StringEquals": block})), kind=Kind.IDENTITY)


@pytest.mark.parametrize(
    "statement",
    [
        {
            **GOOD,
            "Sid": "Enable IAM User Permissions",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        },
        {**GOOD, "Principal": {"AWS": ["111122223333", "arn:aws-cn:iam::444455556666:role/path/x"]}},
        {**GOOD, "Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/Reader/session"}},
        {**GOOD, "Principal": {"AWS": "AIDACKCEVSQ6C2EXAMPLE"}},
        {**GOOD, "Principal": {"Service": ["logs.amazonaws.com", "ec2.amazonaws.com.cn"]}},
        {**GOOD, "Principal": {"Federated": "cognito-identity.amazonaws.com"}},
        {
            **GOOD,
            "Principal": {
                "CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
            },
        },
        {**GOOD, "Principal": "*", "Condition": {}},
        {**GOOD, "Principal": "*", "Condition": {"StringEquals": {}}},
        {
            **GOOD,
            "Principal": "*",
            "Action": ["*", "kms:Decrypt", "s3:Get*"],
            "Resource": ["*", "arn:aws:s3:::a"],
        },
    ],
)
def test_what_the_reference_shows_is_taken(statement: dict[str, object]) -> None:
    parse(document(statement), kind=Kind.RESOURCE)


@pytest.mark.parametrize(
    "statements",
    [[{**GOOD, "Sid": "1"}, GOOD], [GOOD, {**GOOD, "Sid": "0"}], [{**GOOD, "Sid": ""}, {**GOOD, "Sid": ""}]],
)
def test_a_statement_without_a_sid_has_nobodys(statements: list[object]) -> None:
    """What it is called by here, its place, is no name that another one could have."""
    policy = parse(document(*statements), kind=Kind.IDENTITY)

    assert len(policy.statements) == 2
