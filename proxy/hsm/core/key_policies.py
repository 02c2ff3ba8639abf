"""Key policies: the one that a key gets by itself, the fixed ones of the service's keys, and reading them.

The default is AWS's for keys made through the API ("Default key policy"): the account, through its identity
policies. That of `aws/s3` is AWS's own for its managed key, so that policies and habits carry over.
"""

import json
from functools import lru_cache

from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.model import Key, Manager
from proxy.policy.documents import Kind, Policy, parse
from proxy.policy.malformed import MalformedPolicy

POLICY_LIMIT_BYTES = 32_768
"""AWS's quota page: "Key policy document size: 32 KB (32,768 bytes)"."""
NAME = "default"
"""The one name that a key policy has."""

_SINGLE = ("kms:encryptioncontext:", "aws:requesttag/")
_OVERLY_PERMISSIVE = (
    "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key"
    " matches requests without the specified encryption context or tag or with an unspecified encryption"
    " context or tag. To fix, remove ForAllValues."
)
"""AWS's page "AWS KMS condition keys", "Using set operators with condition keys"."""
_USES = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]


def policy_text(key: Key) -> str:
    """The key's policy as GetKeyPolicy shows it."""
    if key.manager is Manager.AWS:
        return _managed(key.region, key.account)
    return key.policy or default_policy(key.account)


@lru_cache(maxsize=1024)
def default_policy(account: str) -> str:
    return _written(
        "key-default-1",
        {
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
    )


@lru_cache(maxsize=1024)
def _managed(region: str, account: str) -> str:
    return _written(
        "auto-s3-2",
        {
            "Sid": "Allow access through S3 for all principals in the account that are authorized to use S3",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": _USES,
            "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "kms:CallerAccount": account,
                    "kms:ViaService": f"s3.{region}.amazonaws.com",
                }
            },
        },
        {
            "Sid": "Allow direct access to key metadata to the account",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": ["kms:Describe*", "kms:Get*", "kms:List*"],
            "Resource": "*",
        },
    )


def checked_policy(text: str) -> Policy:
    """Of a policy that somebody wants to put. Raises LimitExceededException and
    MalformedPolicyDocumentException.
    """
    if len(text.encode()) > POLICY_LIMIT_BYTES:
        raise KmsError("LimitExceededException", f"A key policy has at most {POLICY_LIMIT_BYTES} bytes")
    try:
        policy = _compiled(text)
    except MalformedPolicy as exc:
        raise KmsError("MalformedPolicyDocumentException", str(exc)) from exc
    _check_sets(policy)
    return policy


def _check_sets(policy: Policy) -> None:
    """ForAllValues also holds where there is no value: of what is single, it says nothing at all."""
    for statement in policy.statements:
        for condition in statement.conditions:
            if condition.set_operator == "ForAllValues" and condition.key.startswith(_SINGLE):
                raise KmsError("MalformedPolicyDocumentException", _OVERLY_PERMISSIVE)


def maybe_policy(key: Key) -> Policy | None:
    """The key's policy. None where this version of the program does not understand it: then it allows
    nothing, until a program that does replaces it.
    """
    try:
        return _compiled(policy_text(key))
    except MalformedPolicy:
        return None


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Policy:
    return parse(text, kind=Kind.RESOURCE)


def _written(name: str, *statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Id": name, "Statement": statements}, indent=2)
