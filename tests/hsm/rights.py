"""What callers of the tests may do."""

import json

from proxy.hsm.core.access import Rights
from proxy.policy.documents import Kind, Policy, parse


def statement(effect: str, action: object, **more: object) -> dict[str, object]:
    return {"Effect": effect, "Action": action, "Resource": "*", **more}


def document(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def identity_policy(*statements: object) -> Policy:
    return parse(document(*statements), kind=Kind.IDENTITY)


def rights(*statements: object, **tags: str) -> Rights:
    return Rights(policies=(identity_policy(*statements),) if statements else (), tags=tags)


EVERYTHING = rights(statement("Allow", "kms:*"))


def everything(_arn: str) -> Rights:
    return EVERYTHING
