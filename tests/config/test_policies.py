"""Identities' policies: named or written out, checked at load, and told where they can mean nothing."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from proxy.config.check import warnings
from proxy.config.dump import dump_with_secrets
from proxy.config.load import parse
from proxy.config.policies import policies_of
from proxy.config.schema import Config
from proxy.policy.evaluate import Effect, judge
from proxy.policy.request import Request
from tests.config.conftest import edited, no_file

ANN = "arn:aws:iam::111122223333:user/ann"
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}
READERS = {"Version": "2012-10-17", "Statement": READ}
NEVER_DELETE = {"Statement": {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}}

Make = Callable[..., Config]


def effect(config: Config, action: str) -> Effect:
    request = Request(
        principal_arn=ANN,
        principal_account="111122223333",
        action=action,
        resource="arn:aws:s3:::reports/a",
        conditions={},
    )
    return judge(policies_of(config)[ANN], request).effect


def test_policies_are_named_or_written_out(make: Make) -> None:
    config = make({"policies": {"readers": READERS}, "identities.0.policies": ["readers", NEVER_DELETE]})

    assert effect(config, "s3:GetObject") is Effect.ALLOW
    assert effect(config, "s3:PutObject") is Effect.NONE
    assert effect(config, "s3:DeleteObject") is Effect.DENY


def test_policies_cross_the_pipe_to_a_child_unchanged(make: Make) -> None:
    config = make({"policies": {"readers": READERS}, "identities.0.policies": ["readers", NEVER_DELETE]})

    assert parse(dump_with_secrets(config), {}, no_file) == config


def test_a_policy_that_two_name_is_compiled_once(make: Make) -> None:
    bob: dict[str, Any] = {"name": "bob", "account": "111122223333"}
    bob |= {"access_keys": [{"access_key_id": "AKIDBOB", "secret_access_key": "x"}], "policies": ["readers"]}
    config = make(
        {"policies": {"readers": READERS}, "identities.0.policies": ["readers"], "identities.1": bob}
    )

    (one,), (other,) = policies_of(config).values()
    assert one is other


def test_a_policy_as_people_write_it_in_yaml() -> None:
    """An unquoted version is no date here, and an unquoted Null no missing name."""
    whole = yaml.safe_dump(edited({"identities.0.policies": ["written"]}))

    config = parse(whole + WRITTEN, {}, no_file)

    assert effect(config, "s3:GetObject") is Effect.NONE
    assert policies_of(config)[ANN][0].names == {"aws:tokenissuetime", "aws:currenttime"}


WRITTEN = """
policies:
  written:
    Version: 2012-10-17
    Statement:
      - Effect: Allow
        Action: [s3:GetObject, s3:PutObject]
        Resource: "*"
        Condition:
          Null: {aws:TokenIssueTime: true}
          DateLessThan: {aws:CurrentTime: 2026-05-01T00:00:00Z}
"""


def _statement(**changes: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [READ, READ | changes]}


@pytest.mark.parametrize(
    ("edits", "path", "message"),
    [
        ({"identities.0.policies": ["readers"]}, "identities[0].policies[0]", "there are none"),
        (
            {"policies": {"readers": READERS}, "identities.0.policies": ["reader"]},
            "identities[0].policies[0]",
            "reader is not in policies: there are readers",
        ),
        (
            {"identities.0.policies": [_statement(Effect="Permit")]},
            "identities[0].policies[0].Statement[1].Effect",
            "must be Allow or Deny",
        ),
        (
            {"policies": {"readers": _statement(Principal="*")}},
            "policies.readers.Statement[1]",
            "names no principal",
        ),
        ({"policies": {"readers": "all"}}, "policies.readers", "a policy is an object"),
        ({"policies": {"readers": None}}, "policies.readers", "is empty"),
        ({"policies": ["readers"]}, "policies", "must be a section"),
        ({"identities.0.policies": READERS}, "identities[0].policies", "must be a list"),
        (
            {"identities.0.policies": [_statement(Condition={"StringEqual": {"aws:x": "y"}})]},
            "identities[0].policies[0].Statement[1].Condition.StringEqual",
            "is not known",
        ),
        (
            {
                "identities.0.policies": [
                    _statement(Condition={"StringEquals": {"s3:ExistingObjectTag/secret": "yes"}})
                ]
            },
            "identities[0].policies[0]",
            "s3:existingobjecttag/secret is known to the store alone",
        ),
        (
            {"identities.0.policies": [{"Statement": READ | {"Resource": "arn:aws:s3:::${aws:username}"}}]},
            "identities[0].policies[0].Version",
            'must be "2012-10-17"',
        ),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(
    refused: Callable[..., list[str]], edits: dict[str, Any], path: str, message: str
) -> None:
    [found] = refused(edits)

    assert found.startswith(f"{path}: ")
    assert message in found


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"identities.0.policies": []}, "identities[0].policies: are missing: this identity may do nothing"),
        (
            {"policies": {"a": _statement(Condition={"Bool": {"aws:SecureTransports": True}})}},
            "policies.a: aws:securetransports is no condition key that is known: no request has it",
        ),
        (
            {"policies": {"a": _statement(Condition={"Bool": {"AWS:multifactorauthpresent": True}})}},
            "policies.a: aws:MultiFactorAuthPresent is a condition key that no request here has",
        ),
    ],
)
def test_what_is_seldom_meant_is_told(make: Make, edits: dict[str, Any], message: str) -> None:
    assert message in map(str, warnings(make(edits)))
    assert not any("polic" in str(problem) for problem in warnings(make({})))
