"""Every condition key of calls to the key service: a question for which it holds, and one for which not.

The rows are those of the program's own table, so that a key without a row here is noticed. The operator
follows from the key's type there.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from proxy.policy.condition_keys import KEYS, ConditionKey
from tests.hsm.judged.table import PEOPLE, judged, row_of

S3 = "s3.eu-central-1.amazonaws.com"
CREATE = {"asks": "CreateKey"}
SIGN, MAC = {"asks": "Sign"}, {"asks": "GenerateMac"}
IMPORT = {"asks": "ImportKeyMaterial"}
PAIR = {"asks": "GenerateDataKeyPair"}
GRANT = {"asks": "CreateGrant"}


def asks(member: str, value: Any) -> dict[str, Any]:
    return {"request": {member: value}}


def creates(**more: Any) -> dict[str, Any]:
    return {"creates": {"to": "bob", "operations": ["Encrypt"], **more}}


def tagged(value: str) -> dict[str, Any]:
    return asks("Tags", [{"TagKey": "team", "TagValue": value}])


# What the policy names; what all questions have; one for which it holds; one for which it does not.
HOLDS: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "aws:CurrentTime": ("2026-04-15T10:00:00Z", {}, {"at": "2026-04-15T10:00:00+00:00"}, {}),
    "aws:EpochTime": ("1776247200", {}, {"at": "2026-04-15T10:00:00+00:00"}, {}),
    "aws:PrincipalAccount": ("111122223333", {}, {"who": "alice"}, {"who": "eve"}),
    "aws:PrincipalArn": (PEOPLE["role"], {}, {"who": "session"}, {"who": "alice"}),
    "aws:PrincipalTag/": ("crew", {}, {"caller tags": {"team": "crew"}}, {"caller tags": {"team": "else"}}),
    "aws:PrincipalType": ("User", {}, {"who": "alice"}, {"who": "session"}),
    "aws:RequestedRegion": ("us-east-1", {}, {"region": "us-east-1"}, {}),
    "aws:RequestTag/": ("crew", CREATE, tagged("crew"), tagged("else")),
    "aws:ResourceAccount": ("111122223333", {}, {}, CREATE),
    "aws:ResourceTag/": ("crew", {}, {"key tags": {"team": "crew"}}, {"key tags": {"team": "else"}}),
    "aws:SecureTransport": ("true", {}, {"secure": True}, {"secure": False}),
    "aws:SourceIp": ("192.0.2.0/24", {}, {"ip": "192.0.2.9"}, {"ip": "192.0.3.9"}),
    "aws:TagKeys": ("team", {"asks": "UntagResource"}, asks("TagKeys", ["team"]), asks("TagKeys", ["cost"])),
    "aws:UserAgent": ("curl/8", {}, {"agent": "curl/8"}, {"agent": "curl/9"}),
    "aws:userid": ("ann", {}, {"caller name": "ann"}, {"caller name": "bob"}),
    "aws:username": ("bob", {}, {"who": "bob"}, {"who": "session"}),
    "aws:ViaAWSService": ("true", {}, {"via": S3}, {}),
    "kms:BypassPolicyLockoutSafetyCheck": (
        "true",
        {"asks": "PutKeyPolicy"},
        asks("BypassPolicyLockoutSafetyCheck", True),
        {},
    ),
    "kms:CallerAccount": ("111122223333", {}, {"who": "session"}, {"who": "eve"}),
    "kms:CustomerMasterKeySpec": (
        "RSA_2048",
        CREATE,
        asks("CustomerMasterKeySpec", "RSA_2048"),
        asks("KeySpec", "RSA_3072"),
    ),
    "kms:CustomerMasterKeyUsage": ("SIGN_VERIFY", CREATE, asks("KeyUsage", "SIGN_VERIFY"), {}),
    "kms:DataKeyPairSpec": (
        "RSA_2048",
        PAIR,
        asks("KeyPairSpec", "RSA_2048"),
        asks("KeyPairSpec", "RSA_3072"),
    ),
    "kms:EncryptionAlgorithm": (
        "SYMMETRIC_DEFAULT",
        {},
        {},
        asks("EncryptionAlgorithm", "RSAES_OAEP_SHA_256"),
    ),
    "kms:EncryptionContext:": ("crew", {}, {"context": {"Team": "crew"}}, {"context": {"team": "else"}}),
    "kms:EncryptionContextKeys": ("team", {}, {"context": {"team": "x"}}, {"context": {"Team": "x"}}),
    "kms:ExpirationModel": (
        "KEY_MATERIAL_DOES_NOT_EXPIRE",
        IMPORT,
        asks("ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE"),
        asks("ExpirationModel", "KEY_MATERIAL_EXPIRES"),
    ),
    "kms:GrantConstraintSourceArn": (
        "arn:aws:s3:::b",
        GRANT,
        creates(source="arn:aws:s3:::b"),
        creates(source="arn:aws:s3:::c"),
    ),
    "kms:GrantConstraintType": (
        "EncryptionContextSubset",
        GRANT,
        creates(subset={"a": "1"}),
        creates(equals={"a": "1"}),
    ),
    "kms:GranteePrincipal": (PEOPLE["bob"], GRANT, creates(to="bob"), creates(to="role")),
    "kms:GranteeServicePrincipal": (
        "backup.amazonaws.com",
        GRANT,
        {"creates": {"to service": "backup.amazonaws.com", "operations": ["Encrypt"]}},
        creates(),
    ),
    # No service makes a grant here: a proxy manages nothing, not even for a client.
    "kms:GrantIsForAWSResource": ("false", GRANT, creates(), {"via": S3, **creates()}),
    "kms:GrantOperations": ("Encrypt", GRANT, creates(), creates(operations=["Decrypt"])),
    "kms:KeyAgreementAlgorithm": (
        "ECDH",
        {"asks": "DeriveSharedSecret"},
        asks("KeyAgreementAlgorithm", "ECDH"),
        {},
    ),
    "kms:KeyOrigin": ("EXTERNAL", CREATE, asks("Origin", "EXTERNAL"), {}),
    "kms:KeySpec": ("RSA_2048", CREATE, asks("KeySpec", "RSA_2048"), asks("KeySpec", "ECC_NIST_P256")),
    "kms:KeyUsage": ("SIGN_VERIFY", CREATE, asks("KeyUsage", "SIGN_VERIFY"), {}),
    "kms:MacAlgorithm": (
        "HMAC_SHA_384",
        MAC,
        asks("MacAlgorithm", "HMAC_SHA_384"),
        asks("MacAlgorithm", "HMAC_SHA_256"),
    ),
    "kms:MessageType": ("RAW", SIGN, {}, asks("MessageType", "DIGEST")),
    "kms:MultiRegion": ("true", CREATE, asks("MultiRegion", True), {}),
    "kms:PrimaryRegion": (
        "us-east-1",
        {"asks": "UpdatePrimaryRegion"},
        asks("PrimaryRegion", "us-east-1"),
        asks("PrimaryRegion", "eu-west-1"),
    ),
    "kms:ReEncryptOnSameKey": ("true", {"asks": "ReEncryptTo"}, {"same key": True}, {"same key": False}),
    "kms:ReplicaRegion": (
        "us-east-1",
        {"asks": "ReplicateKey"},
        asks("ReplicaRegion", "us-east-1"),
        asks("ReplicaRegion", "eu-west-1"),
    ),
    "kms:RequestAlias": ("alias/a", {"key aliases": ["alias/a"]}, {"named": "alias/a"}, {}),
    "kms:ResourceAliases": (
        "alias/a",
        {},
        {"key aliases": ["alias/a", "alias/b"]},
        {"key aliases": ["alias/b"]},
    ),
    "kms:RetiringPrincipal": (PEOPLE["alice"], GRANT, creates(retiring="alice"), creates(retiring="bob")),
    "kms:RetiringServicePrincipal": (
        "backup.amazonaws.com",
        GRANT,
        creates(**{"retiring service": "backup.amazonaws.com"}),
        creates(),
    ),
    "kms:RotationPeriodInDays": (
        "365",
        {"asks": "EnableKeyRotation"},
        {},
        asks("RotationPeriodInDays", 90),
    ),
    "kms:ScheduleKeyDeletionPendingWindowInDays": (
        "30",
        {"asks": "ScheduleKeyDeletion"},
        {},
        asks("PendingWindowInDays", 7),
    ),
    "kms:SigningAlgorithm": ("ECDSA_SHA_256", SIGN, asks("SigningAlgorithm", "ECDSA_SHA_256"), {}),
    "kms:TrailingDaysWithoutKeyUsage": (
        "30",
        {"asks": "DisableKey"},
        {"unused days": 30.9},
        {"unused days": 29.9},
    ),
    "kms:ValidTo": (
        "2026-12-31T00:00:00Z",
        IMPORT,
        asks("ValidTo", 1_798_675_200.0),
        asks("ValidTo", 1_798_675_201),
    ),
    "kms:ViaService": (S3, {}, {"via": S3}, {"via": "s3.us-east-1.amazonaws.com"}),
    "kms:WrappingAlgorithm": (
        "RSAES_OAEP_SHA_256",
        {"asks": "GetParametersForImport"},
        asks("WrappingAlgorithm", "RSAES_OAEP_SHA_256"),
        asks("WrappingAlgorithm", "RSAES_OAEP_SHA_1"),
    ),
    "kms:WrappingKeySpec": (
        "RSA_4096",
        {"asks": "GetParametersForImport"},
        asks("WrappingKeySpec", "RSA_4096"),
        asks("WrappingKeySpec", "RSA_2048"),
    ),
}
ONE_VALUE = {"aws:PrincipalIsAWSService": "false"}
"""The same for each request here."""
ABSENT = {
    "aws:referer": "HTTP's header; S3's clients have it",
    "kms:MultiRegionKeyType": "only multi-Region keys have it, and there are none yet",
}
"""Known keys that no call to the key service has, and why."""
_OPERATORS = {
    "ARN": "ArnEquals",
    "Bool": "Bool",
    "Date": "DateEquals",
    "IpAddress": "IpAddress",
    "Numeric": "NumericEquals",
    "String": "StringEquals",
}


def answer(key: ConditionKey, value: str, *given: dict[str, Any], operator: str = "") -> str:
    """To a question whose only Allow has this one condition."""
    named = key.name + ("team" if key.name.endswith((":", "/")) else "")
    chosen = operator or ("ForAnyValue:" if key.several else "") + _OPERATORS[key.type]
    statement = {"Allow": "kms:*", "when": {chosen: {named: value}}}
    case: dict[str, Any] = {"who": "alice", "asks": "Encrypt", "answer": "allow"}
    for more in given:
        case |= more
    identity = [statement] if case["asks"] == "CreateKey" else [{"Allow": "kms:*"}]
    return judged(row_of(key.name, "", {**case, "key": [{**statement, "to": "*"}], "identity": identity}))


def keys_of_calls() -> list[ConditionKey]:
    return [key for key in KEYS.values() if key.name.startswith(("aws:", "kms:")) and not key.never]


def test_each_key_of_the_programs_table_has_its_row() -> None:
    assert {key.name for key in keys_of_calls()} == {*HOLDS, *ONE_VALUE, *ABSENT}


@pytest.mark.parametrize("name", HOLDS)
def test_a_condition_holds_for_one_question_and_not_for_another(name: str) -> None:
    value, always, holding, other = HOLDS[name]
    key = KEYS[name.lower()]

    assert answer(key, value, always, holding) == "allow"
    assert answer(key, value, always, other) in {"implicit deny", "deny"}


@pytest.mark.parametrize("name", ONE_VALUE)
def test_what_is_the_same_for_every_request_is_known(name: str) -> None:
    key = KEYS[name.lower()]

    assert answer(key, ONE_VALUE[name]) == "allow"
    assert answer(key, {"true": "false", "false": "true"}[ONE_VALUE[name]]) == "implicit deny"


@pytest.mark.parametrize("name", [*ABSENT, *(key.name for key in KEYS.values() if key.never)])
def test_what_no_call_has_is_absent_whatever_is_asked(name: str) -> None:
    key = KEYS[name.lower()]

    assert answer(key, "true", operator="Null") == "allow"
    assert answer(key, "*", operator="StringLike") == "implicit deny"


def test_the_page_on_keys_names_what_calls_have() -> None:
    """The global ones; for KMS's own it names AWS's page."""
    page = (Path(__file__).parents[3] / "docs/key-management.md").read_text("utf-8")
    [line] = [line for line in page.splitlines() if line.startswith("Condition keys are those")]
    global_names = {name.removeprefix("aws:") for name in (*HOLDS, *ONE_VALUE) if name.startswith("aws:")}

    told = {name.removeprefix("aws:").replace("/…", "/") for name in re.findall(r"`([^`]+)`", line)}
    assert told == global_names
