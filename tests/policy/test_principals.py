"""Whom a statement of a resource policy is about, row by row, with AWS's page that says so."""

import itertools

import pytest

from proxy.policy.evaluate import Effect
from proxy.policy.principals import principal_type, role_of
from tests.policy.judged import ACCOUNT, ALICE, allow, asks, judged, resource_policy

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
PRINCIPAL = GUIDE + "reference_policies_elements_principal.html"
NOT_PRINCIPAL = GUIDE + "reference_policies_elements_notprincipal.html"
ALLOW, DENY, NONE = Effect.ALLOW, Effect.DENY, Effect.NONE
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"
OTHER = "arn:aws:iam::444455556666:user/eve"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
READER = f"arn:aws:iam::{ACCOUNT}:role/Reader"
READER_TODAY = f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/today"

# page, effect of the statement, element, who, what comes of it, whether only the account was named
WHO: list[tuple[str, str, dict[str, object], str, Effect, bool]] = [
    (PRINCIPAL, "Allow", {"Principal": "*"}, ALICE, ALLOW, False),
    (PRINCIPAL, "Allow", {"Principal": "*"}, "", ALLOW, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": "*"}}, OTHER, ALLOW, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": "*"}}, "", ALLOW, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": ALICE}}, ALICE, ALLOW, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": ALICE}}, BOB, NONE, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": ALICE}}, "", NONE, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": [BOB, ALICE]}}, ALICE, ALLOW, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": ROOT}}, ALICE, ALLOW, True),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": ACCOUNT}}, ALICE, ALLOW, True),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": ROOT}}, OTHER, NONE, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": ROOT}}, "", NONE, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": [ROOT, ALICE]}}, ALICE, ALLOW, False),
    (PRINCIPAL, "Allow", {"Principal": {"Service": "logs.amazonaws.com"}}, ALICE, NONE, False),
    (
        PRINCIPAL,
        "Allow",
        {"Principal": {"Service": "logs.amazonaws.com"}},
        "logs.amazonaws.com",
        ALLOW,
        False,
    ),
    (PRINCIPAL, "Allow", {"Principal": {"Federated": "www.amazon.com"}}, ALICE, NONE, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": ROOT, "Service": "s3.amazonaws.com"}}, ALICE, ALLOW, True),
    (PRINCIPAL, "Deny", {"Principal": {"AWS": ROOT}}, ALICE, DENY, False),
    (PRINCIPAL, "Deny", {"Principal": {"AWS": ROOT}}, OTHER, NONE, False),
    (PRINCIPAL, "Deny", {"Principal": "*"}, "", DENY, False),
    (NOT_PRINCIPAL, "Deny", {"NotPrincipal": {"AWS": [ALICE, ROOT]}}, ALICE, NONE, False),
    (NOT_PRINCIPAL, "Deny", {"NotPrincipal": {"AWS": [ALICE, ROOT]}}, BOB, DENY, False),
    (NOT_PRINCIPAL, "Deny", {"NotPrincipal": {"AWS": [ALICE, ROOT]}}, OTHER, DENY, False),
    (NOT_PRINCIPAL, "Deny", {"NotPrincipal": {"AWS": [ALICE, ROOT]}}, "", DENY, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": READER}}, READER_TODAY, ALLOW, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": [ROOT, READER]}}, READER_TODAY, ALLOW, False),
    (PRINCIPAL, "Allow", {"Principal": {"AWS": [ROOT, READER_TODAY]}}, READER_TODAY, ALLOW, False),
    (PRINCIPAL, "Deny", {"Principal": {"AWS": READER}}, READER_TODAY, DENY, False),
    (NOT_PRINCIPAL, "Deny", {"NotPrincipal": {"AWS": [READER, ROOT]}}, READER_TODAY, NONE, False),
    (NOT_PRINCIPAL, "Deny", {"NotPrincipal": {"AWS": [ALICE, ROOT]}}, READER_TODAY, DENY, False),
    (
        PRINCIPAL,
        "Allow",
        {"Principal": {"AWS": READER_TODAY}},
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/tomorrow",
        NONE,
        False,
    ),
]


@pytest.mark.parametrize(("page", "effect", "element", "who", "expected", "delegated"), WHO)
def test_a_statement_is_about_whom_its_page_says(
    *, page: str, effect: str, element: dict[str, object], who: str, expected: Effect, delegated: bool
) -> None:
    assert page.startswith(GUIDE)
    policy = resource_policy({"Effect": effect, "Action": "s3:*", "Resource": "*", **element})
    account = who.split(":")[4] if who.startswith("arn:") else ""

    judgement = judged(policy, request=asks(arn=who, account=account))

    assert (judgement.effect, judgement.delegated) == (expected, delegated)


def test_an_allow_by_name_counts_more_than_one_by_account_whatever_the_order() -> None:
    by_account = {**allow("s3:*", Principal={"AWS": ROOT}), "Sid": "account"}
    by_name = {**allow("s3:*", Principal={"AWS": ALICE}), "Sid": "name"}

    for order in itertools.permutations((by_account, by_name)):
        judgement = judged(resource_policy(*order))
        assert (judgement.statement, judgement.delegated) == ("name", False)


@pytest.mark.parametrize(
    ("arn", "role", "type_"),
    [
        (ALICE, ALICE, "User"),
        (f"arn:aws:iam::{ACCOUNT}:role/path/R", f"arn:aws:iam::{ACCOUNT}:role/path/R", "AssumedRole"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s", f"arn:aws:iam::{ACCOUNT}:role/R", "AssumedRole"),
        (f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/R/s/t", f"arn:aws-cn:iam::{ACCOUNT}:role/R", "AssumedRole"),
        (
            f"arn:aws:sts::{ACCOUNT}:federated-user/f",
            f"arn:aws:sts::{ACCOUNT}:federated-user/f",
            "FederatedUser",
        ),
    ],
)
def test_conditions_see_the_role_of_a_session(arn: str, role: str, type_: str) -> None:
    """Of aws:PrincipalArn: "the ARN of the role, not the ARN of the user that assumed the role"."""
    assert (role_of(arn), principal_type(arn)) == (role, type_)
