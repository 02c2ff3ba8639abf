"""One well-formed call of each operation of the key service that is about a key."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.hsm.rig import ACCOUNT, Rig
from tests.hsm.rights import document, statement

NO_KEY = {"CreateKey", "GenerateRandom", "ListKeys", "ListRetirableGrants"}
ALIAS, OTHER_ALIAS = "alias/of-it", "alias/of-another"
OPEN_POLICY = document(statement("Allow", "kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A key, with what the calls name of it."""

    arn: str
    key_id: str
    blob: bytes
    """That the key sealed."""
    grant_id: str


Request = dict[str, Any]
CALLS: dict[str, Callable[[Target], Request]] = {
    "CancelKeyDeletion": lambda on: {"KeyId": on.key_id},
    "CreateAlias": lambda on: {"AliasName": "alias/new", "TargetKeyId": on.key_id},
    "CreateGrant": lambda on: {
        "KeyId": on.arn,
        "GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:user/ben",
        "Operations": ["Decrypt"],
    },
    "Decrypt": lambda on: {"CiphertextBlob": on.blob},
    "DeleteAlias": lambda _: {"AliasName": ALIAS},
    "DescribeKey": lambda on: {"KeyId": on.arn},
    "DisableKey": lambda on: {"KeyId": on.arn},
    "DisableKeyRotation": lambda on: {"KeyId": on.arn},
    "EnableKey": lambda on: {"KeyId": on.arn},
    "EnableKeyRotation": lambda on: {"KeyId": on.arn, "RotationPeriodInDays": 90},
    "Encrypt": lambda on: {"KeyId": on.arn, "Plaintext": b"x"},
    "GenerateDataKey": lambda on: {"KeyId": on.arn, "KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": lambda on: {"KeyId": on.arn, "KeySpec": "AES_256"},
    "GetKeyLastUsage": lambda on: {"KeyId": on.arn},
    "GetKeyPolicy": lambda on: {"KeyId": on.arn},
    "GetKeyRotationStatus": lambda on: {"KeyId": on.arn},
    "ListAliases": lambda on: {"KeyId": on.arn},
    "ListGrants": lambda on: {"KeyId": on.arn},
    "ListKeyPolicies": lambda on: {"KeyId": on.arn},
    "ListKeyRotations": lambda on: {"KeyId": on.arn},
    "ListResourceTags": lambda on: {"KeyId": on.arn},
    "PutKeyPolicy": lambda on: {"KeyId": on.arn, "Policy": OPEN_POLICY},
    "ReEncrypt": lambda on: {"CiphertextBlob": on.blob, "DestinationKeyId": on.arn},
    "RetireGrant": lambda on: {"KeyId": on.arn, "GrantId": on.grant_id},
    "RevokeGrant": lambda on: {"KeyId": on.arn, "GrantId": on.grant_id},
    "RotateKeyOnDemand": lambda on: {"KeyId": on.arn},
    "ScheduleKeyDeletion": lambda on: {"KeyId": on.arn, "PendingWindowInDays": 7},
    "TagResource": lambda on: {"KeyId": on.arn, "Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "UntagResource": lambda on: {"KeyId": on.arn, "TagKeys": ["a"]},
    "UpdateAlias": lambda on: {"AliasName": OTHER_ALIAS, "TargetKeyId": on.arn},
    "UpdateKeyDescription": lambda on: {"KeyId": on.arn, "Description": "another"},
}
LOOKS = {
    *("DescribeKey", "GetKeyLastUsage", "GetKeyPolicy", "GetKeyRotationStatus", "ListAliases", "ListGrants"),
    *("ListKeyPolicies", "ListKeyRotations", "ListResourceTags"),
}
"""Operations that only tell."""
USES = {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt"}
EDITS = CALLS.keys() - LOOKS - USES


def new_target(rig: Rig) -> Target:
    """A customer's key that has an alias and a grant, beside another one that has an alias as well."""
    for name in (ALIAS, OTHER_ALIAS):
        made = rig.key()
        rig.ask("CreateAlias", AliasName=name, TargetKeyId=made["KeyId"])
        if name == ALIAS:
            arn = made["Arn"]
    grant = rig.ask("CreateGrant", **CALLS["CreateGrant"](Target(arn=arn, key_id="", blob=b"", grant_id="")))
    blob = rig.ask("Encrypt", KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    return Target(arn=arn, key_id=arn.rpartition("/")[2], blob=blob, grant_id=grant["GrantId"])
