"""Policies and requests for tests, short to write."""

import json
from collections.abc import Mapping

from proxy.policy.documents import Kind, Policy, parse
from proxy.policy.evaluate import Judgement, judge
from proxy.policy.request import Request, Value

ACCOUNT = "111122223333"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
OBJECT = "arn:aws:s3:::reports/2026/may.csv"


def document(*statements: object, version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def identity_policy(*statements: object, version: str = "2012-10-17") -> Policy:
    return parse(document(*statements, version=version), kind=Kind.IDENTITY)


def resource_policy(*statements: object) -> Policy:
    return parse(document(*statements), kind=Kind.RESOURCE)


def allow(action: object = "s3:GetObject", resource: object = "*", **more: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: object = "*", resource: object = "*", **more: object) -> dict[str, object]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def asks(
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    *,
    arn: str = ALICE,
    account: str = ACCOUNT,
    conditions: Mapping[str, Value] | None = None,
) -> Request:
    lower = {name.lower(): value for name, value in (conditions or {}).items()}
    return Request(
        principal_arn=arn, principal_account=account, action=action, resource=resource, conditions=lower
    )


def judged(*policies: Policy, request: Request | None = None) -> Judgement:
    return judge(policies, asks() if request is None else request)
