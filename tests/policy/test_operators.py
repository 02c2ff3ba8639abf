"""What each condition operator answers, row by row, with AWS's page that says so."""

import pytest

from proxy.policy.evaluate import Effect
from proxy.policy.request import Value
from tests.policy.judged import allow, asks, identity_policy, judged

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
OPERATORS = GUIDE + "reference_policies_elements_condition_operators.html"
STRINGS = OPERATORS + "#Conditions_String"
WILDCARDS = GUIDE + "reference_policies_condition-logic-multiple-context-keys-or-values.html"
NUMBERS = OPERATORS + "#Conditions_Numeric"
DATES = OPERATORS + "#Conditions_Date"
BOOLS = OPERATORS + "#Conditions_Boolean"
BINARY = OPERATORS + "#Conditions_BinaryEquals"
ADDRESSES = OPERATORS + "#Conditions_IPAddress"
ARNS = OPERATORS + "#Conditions_ARN"
IF_EXISTS = OPERATORS + "#Conditions_IfExists"
NULL = OPERATORS + "#Conditions_Null"
SETS = GUIDE + "reference_policies_condition-single-vs-multi-valued-context-keys.html"
LOGIC = GUIDE + "reference_policies_condition-logic-multiple-context-keys-or-values.html"

ABSENT = None
ARN = "arn:aws:sns:eu-west-1:111122223333:alarms"

# page, operator, values of the policy, value of the request, whether it holds
ROWS: list[tuple[str, str, object, Value | None, bool]] = [
    (STRINGS, "StringEquals", "iamuser-admin", "iamuser-admin", True),
    (STRINGS, "StringEquals", "iamuser-admin", "IAMUser-admin", False),
    (STRINGS, "StringEquals", "a*", "abc", False),
    (STRINGS, "StringEquals", "a*", "a*", True),
    (STRINGS, "StringEquals", "", "", True),
    (STRINGS, "StringEquals", ["a", "b"], "b", True),
    (STRINGS, "StringEquals", ["a", "b"], "c", False),
    (STRINGS, "StringEquals", "a", ABSENT, False),
    (STRINGS, "StringNotEquals", "a", "b", True),
    (STRINGS, "StringNotEquals", "a", "a", False),
    (LOGIC, "StringNotEquals", ["a", "b"], "b", False),
    (LOGIC, "StringNotEquals", ["a", "b"], "c", True),
    (OPERATORS, "StringNotEquals", "a", ABSENT, True),
    (STRINGS, "StringEqualsIgnoreCase", "iamuser-admin", "IAMUser-admin", True),
    (STRINGS, "StringEqualsIgnoreCase", "ab", "abc", False),
    (STRINGS, "StringEqualsIgnoreCase", "a", ABSENT, False),
    (STRINGS, "StringNotEqualsIgnoreCase", "A", "a", False),
    (STRINGS, "StringNotEqualsIgnoreCase", "A", "b", True),
    (OPERATORS, "StringNotEqualsIgnoreCase", "A", ABSENT, True),
    (STRINGS, "StringLike", "forgetful*", "forgetful-user", True),
    (STRINGS, "StringLike", "forgetful*", "Forgetful-user", False),
    (STRINGS, "StringLike", "forgetful*", "forgetful", True),
    (STRINGS, "StringLike", "a?c", "abc", True),
    (STRINGS, "StringLike", "a?c", "ac", False),
    (STRINGS, "StringLike", "a?c", "abbc", False),
    (STRINGS, "StringLike", "*a?c*", "xxabcxx", True),
    (STRINGS, "StringLike", "*a?c*d", "acabcd", True),
    (STRINGS, "StringLike", "a*a", "a", False),
    (STRINGS, "StringLike", "*", "", True),
    (STRINGS, "StringLike", "?", "", False),
    (STRINGS, "StringLike", "a*b*c", "a-b-b-c", True),
    (STRINGS, "StringLike", "a*b*c", "a-c-b", False),
    (STRINGS, "StringLike", ["x", "home/*"], "home/alice", True),
    (STRINGS, "StringLike", "a", ABSENT, False),
    (STRINGS, "StringLike", "a.c", "abc", False),
    (STRINGS, "StringLike", "a\nb*", "a\nbc", True),
    (STRINGS, "StringNotLike", "forgetful*", "forgetful-user", False),
    (STRINGS, "StringNotLike", "forgetful*", "other", True),
    (STRINGS, "StringNotLike", ["a*", "b*"], "bc", False),
    (OPERATORS, "StringNotLike", "a*", ABSENT, True),
    (NUMBERS, "NumericEquals", "10", "10", True),
    (NUMBERS, "NumericEquals", 10, "10", True),
    (NUMBERS, "NumericEquals", "10", "10.0", True),
    (NUMBERS, "NumericEquals", "10", "9", False),
    (NUMBERS, "NumericEquals", ["9", "10"], "9", True),
    (NUMBERS, "NumericEquals", "10", "ten", False),
    (NUMBERS, "NumericEquals", "10", ABSENT, False),
    (NUMBERS, "NumericNotEquals", "10", "9", True),
    (NUMBERS, "NumericNotEquals", "10", "10", False),
    (OPERATORS, "NumericNotEquals", "10", ABSENT, True),
    (NUMBERS, "NumericLessThan", "10", "9", True),
    (NUMBERS, "NumericLessThan", "10", "10", False),
    (NUMBERS, "NumericLessThan", "-1", "-2", True),
    (NUMBERS, "NumericLessThanEquals", "10", "10", True),
    (NUMBERS, "NumericLessThanEquals", "10", "11", False),
    (NUMBERS, "NumericLessThanEquals", "10", "10.01", False),
    (NUMBERS, "NumericGreaterThan", "10", "11", True),
    (NUMBERS, "NumericGreaterThan", "10", "10", False),
    (NUMBERS, "NumericGreaterThanEquals", "1.2", "1.3", True),
    (NUMBERS, "NumericGreaterThanEquals", "1.2", "1.2", True),
    (NUMBERS, "NumericGreaterThanEquals", "1.2", "1.1", False),
    (DATES, "DateEquals", "2026-05-01T00:00:00Z", "2026-05-01", True),
    (DATES, "DateEquals", "2026-05-01T00:00:00Z", "1777593600", True),
    (DATES, "DateEquals", "2026-05-01T02:00:00+02:00", "2026-05-01T00:00:00Z", True),
    (DATES, "DateEquals", "2026", "2026-01-01T00:00:00Z", True),
    (DATES, "DateEquals", "2026-05-01T00:00:00Z", "2026-05-02", False),
    (DATES, "DateEquals", "2026-05-01T00:00:00Z", ABSENT, False),
    (DATES, "DateNotEquals", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z", True),
    (OPERATORS, "DateNotEquals", "2026-05-01T00:00:00Z", ABSENT, True),
    (DATES, "DateLessThan", "2026-05-01T00:00:00Z", "2026-04-30T23:59:59Z", True),
    (DATES, "DateLessThan", "2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z", False),
    (DATES, "DateLessThanEquals", "2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z", True),
    (DATES, "DateGreaterThan", "2026-05-01T00:00:00Z", "2026-05-01T00:00:00.5Z", True),
    (DATES, "DateGreaterThan", "2026-05-01T00:00:00Z", "2026-05-01T00:00:00Z", False),
    (DATES, "DateGreaterThanEquals", "1777593600", "2026-05-01T00:00:00Z", True),
    (DATES, "DateGreaterThanEquals", "1777593600", "no date", False),
    (BOOLS, "Bool", "true", "true", True),
    (BOOLS, "Bool", True, "true", True),
    (BOOLS, "Bool", "true", "false", False),
    (BOOLS, "Bool", "false", "false", True),
    (BOOLS, "Bool", "true", "TRUE", True),
    (BOOLS, "Bool", "false", ABSENT, False),
    (BINARY, "BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
    (BINARY, "BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QUJD", False),
    (BINARY, "BinaryEquals", "QUJD", "no base64", False),
    (ADDRESSES, "IpAddress", "203.0.113.0/24", "203.0.113.9", True),
    (ADDRESSES, "IpAddress", "203.0.113.0/24", "203.0.114.9", False),
    (ADDRESSES, "IpAddress", "203.0.113.9", "203.0.113.9", True),
    (ADDRESSES, "IpAddress", ["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
    (ADDRESSES, "IpAddress", "2001:DB8:1234:5678::/64", "2001:db8:1234:5679::1", False),
    (ADDRESSES, "IpAddress", "203.0.113.0/24", "::ffff:203.0.113.9", True),
    (ADDRESSES, "IpAddress", "0.0.0.0/0", "2001:db8::1", False),
    (ADDRESSES, "IpAddress", "0.0.0.0/0", "nowhere", False),
    (ADDRESSES, "IpAddress", "0.0.0.0/0", ABSENT, False),
    (ADDRESSES, "NotIpAddress", "203.0.113.0/24", "203.0.114.9", True),
    (ADDRESSES, "NotIpAddress", "203.0.113.0/24", "203.0.113.9", False),
    (ADDRESSES, "NotIpAddress", ["10.0.0.0/8", "203.0.113.0/24"], "203.0.113.9", False),
    (OPERATORS, "NotIpAddress", "203.0.113.0/24", ABSENT, True),
    (ARNS, "ArnEquals", ARN, ARN, True),
    (ARNS, "ArnEquals", "arn:aws:sns:*:111122223333:*", ARN, True),
    (ARNS, "ArnLike", "arn:aws:sns:eu-west-1:111122223333:alarm?", ARN, True),
    (ARNS, "ArnLike", "arn:aws:sns:*:*:alarms", ARN.replace(":sns", ""), False),
    (ARNS, "ArnLike", "arn:aws:sns:*:*:*", "arn:aws:sqs:eu-west-1:111122223333:alarms", False),
    (ARNS, "ArnLike", "arn:aws:sns:eu*:*:*", "arn:aws:sns:eu-west-1:111122223333:a:b:c", True),
    (ARNS, "ArnLike", "arn:*:*:*:*:alarms", "arn:aws:sns:eu-west-1:x:y:alarms", False),
    (ARNS, "ArnLike", ARN, "alarms", False),
    (ARNS, "ArnLike", ARN, ABSENT, False),
    (ARNS, "ArnNotEquals", ARN, ARN, False),
    (ARNS, "ArnNotEquals", ARN, ARN + "2", True),
    (ARNS, "ArnNotLike", "arn:aws:sns:*:111122223333:*", ARN, False),
    (ARNS, "ArnNotLike", "arn:aws:sqs:*:111122223333:*", ARN, True),
    (OPERATORS, "ArnNotLike", ARN, ABSENT, True),
    (IF_EXISTS, "StringEqualsIfExists", "a", ABSENT, True),
    (IF_EXISTS, "StringEqualsIfExists", "a", "a", True),
    (IF_EXISTS, "StringEqualsIfExists", "a", "b", False),
    (IF_EXISTS, "StringLikeIfExists", ["t1.*", "m3.*"], "m3.large", True),
    (IF_EXISTS, "StringLikeIfExists", ["t1.*", "m3.*"], "x1.large", False),
    (IF_EXISTS, "StringLikeIfExists", "t1.*", ABSENT, True),
    (IF_EXISTS, "NumericLessThanIfExists", "10", ABSENT, True),
    (IF_EXISTS, "DateLessThanIfExists", "2026-05-01", ABSENT, True),
    (IF_EXISTS, "BoolIfExists", "true", ABSENT, True),
    (IF_EXISTS, "BoolIfExists", "true", "false", False),
    (IF_EXISTS, "IpAddressIfExists", "10.0.0.0/8", ABSENT, True),
    (IF_EXISTS, "ArnLikeIfExists", ARN, ABSENT, True),
    (IF_EXISTS, "ForAnyValue:StringEqualsIfExists", "a", ABSENT, True),
    (IF_EXISTS, "ForAnyValue:StringEqualsIfExists", "a", ("b",), False),
    (NULL, "Null", "true", ABSENT, True),
    (NULL, "Null", "true", "a", False),
    (NULL, "Null", "false", ABSENT, False),
    (NULL, "Null", "false", "a", True),
    (NULL, "Null", True, ABSENT, True),
    (SETS, "Null", "true", (), True),
    (SETS, "ForAllValues:StringEquals", ["a", "b"], ("a",), True),
    (SETS, "ForAllValues:StringEquals", ["a", "b"], ("a", "b"), True),
    (SETS, "ForAllValues:StringEquals", ["a", "b"], ("a", "c"), False),
    (SETS, "ForAllValues:StringEquals", ["a", "b"], ABSENT, True),
    (SETS, "ForAllValues:StringEquals", ["a", "b"], (), True),
    (SETS, "ForAllValues:StringEquals", "a", "", True),
    (SETS, "ForAllValues:StringLike", "cost*", ("cost-a", "cost-b"), True),
    (SETS, "ForAllValues:StringNotEquals", ["a", "b"], ("c", "d"), True),
    (SETS, "ForAllValues:StringNotEquals", ["a", "b"], ("c", "a"), False),
    (SETS, "ForAnyValue:StringEquals", ["a", "b"], ("a", "c"), True),
    (SETS, "ForAnyValue:StringEquals", ["a", "b"], ("c", "d"), False),
    (SETS, "ForAnyValue:StringEquals", ["a", "b"], ABSENT, False),
    (SETS, "ForAnyValue:StringEquals", ["a", "b"], (), False),
    (SETS, "ForAnyValue:StringEquals", ["a", ""], "", False),
    (SETS, "ForAnyValue:StringNotEquals", ["a", "b"], ("a", "c"), True),
    (SETS, "ForAnyValue:StringNotEquals", ["a", "b"], ("a", "b"), False),
    (SETS, "ForAnyValue:StringLike", "cost*", ("x", "cost-b"), True),
    (SETS, "ForAnyValue:NumericLessThan", "10", ("11", "9"), True),
    (SETS, "ForAnyValue:ArnLike", "arn:aws:sns:*:*:*", (ARN,), True),
    (SETS, "ForAnyValue:StringEquals", "a", "a", True),
]


@pytest.mark.parametrize(("page", "operator", "values", "value", "holds"), ROWS)
def test_an_operator_answers_as_its_page_says(
    page: str,
    operator: str,
    values: object,
    value: Value | None,
    *,
    holds: bool,
) -> None:
    assert page.startswith(GUIDE)
    policy = identity_policy(allow(Condition={operator: {"aws:Thing": values}}))
    conditions = {} if value is None else {"aws:thing": value}

    judgement = judged(policy, request=asks(conditions=conditions))

    assert judgement.effect is (Effect.ALLOW if holds else Effect.NONE)
