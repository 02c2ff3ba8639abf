"""What policies can see of a call: its condition keys, in lower case.

From the pages "AWS KMS condition keys" and "AWS global condition keys" of AWS's developer guide. A member of
the request that has a default shows it where it is left out; a key that an action has not is absent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from proxy.hsm.core.access import Principal, Rights
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.grants import Grant
from proxy.hsm.core.lifecycle import DAY_SECONDS, DEFAULT_ROTATION_DAYS, LONGEST_WAIT_DAYS
from proxy.hsm.core.model import SYMMETRIC, Key
from proxy.hsm.core.names import reference
from proxy.policy.principals import principal_type, role_of
from proxy.policy.request import Value, named_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question to policies and grants."""

    principal: Principal
    rights: Rights
    action: str
    """IAM's name, without kms: before it; of ReEncrypt one of its two."""
    request: Mapping[str, Any]
    now_epoch: float
    key: Key | None = None
    unused_since_epoch: float = 0.0
    """When the key was used last, where UNUSED_MATTERS."""
    aliases: Sequence[str] = ()
    """Of the key."""
    named: str = ""
    """How the call names the key."""
    same_key: bool = False
    """Of ReEncrypt, whether it opens and seals under one key."""
    grant: Grant | None = None
    """That is to be made or retired."""

    @property
    def context(self) -> Mapping[str, str]:
        """The encryption context that the action is about."""
        if self.grant is not None:
            return self.grant.context
        member = _CONTEXTS.get(self.action, "EncryptionContext")
        return self.request.get(member) or {}


Row = tuple[str, tuple[str, ...], str | None]
"""Condition key, members that it may stand in, and what it is where none of them is there."""

# AWS's examples ask with Null whether this one and ExpirationModel were left out: their defaults do not show.
_BYPASS_ROW: Row = ("kms:bypasspolicylockoutsafetycheck", ("BypassPolicyLockoutSafetyCheck",), None)
_USE_ROWS: tuple[Row, ...] = (("kms:encryptionalgorithm", ("EncryptionAlgorithm",), SYMMETRIC),)
_REQUEST: dict[str, tuple[Row, ...]] = {
    "CreateKey": (
        ("kms:keyspec", ("KeySpec", "CustomerMasterKeySpec"), SYMMETRIC),
        ("kms:customermasterkeyspec", ("KeySpec", "CustomerMasterKeySpec"), SYMMETRIC),
        ("kms:keyusage", ("KeyUsage",), "ENCRYPT_DECRYPT"),
        ("kms:customermasterkeyusage", ("KeyUsage",), "ENCRYPT_DECRYPT"),
        ("kms:keyorigin", ("Origin",), "AWS_KMS"),
        ("kms:multiregion", ("MultiRegion",), "false"),
        _BYPASS_ROW,
    ),
    "Decrypt": _USE_ROWS,
    "DeriveSharedSecret": (("kms:keyagreementalgorithm", ("KeyAgreementAlgorithm",), None),),
    "EnableKeyRotation": (
        ("kms:rotationperiodindays", ("RotationPeriodInDays",), str(DEFAULT_ROTATION_DAYS)),
    ),
    "Encrypt": _USE_ROWS,
    "GenerateDataKey": _USE_ROWS,
    "GenerateDataKeyPair": (*_USE_ROWS, ("kms:datakeypairspec", ("KeyPairSpec",), None)),
    "GenerateDataKeyPairWithoutPlaintext": (*_USE_ROWS, ("kms:datakeypairspec", ("KeyPairSpec",), None)),
    "GenerateDataKeyWithoutPlaintext": _USE_ROWS,
    "GenerateMac": (("kms:macalgorithm", ("MacAlgorithm",), None),),
    "GetParametersForImport": (
        ("kms:wrappingalgorithm", ("WrappingAlgorithm",), None),
        ("kms:wrappingkeyspec", ("WrappingKeySpec",), None),
    ),
    "ImportKeyMaterial": (
        ("kms:expirationmodel", ("ExpirationModel",), None),
        ("kms:validto", ("ValidTo",), None),
    ),
    "PutKeyPolicy": (_BYPASS_ROW,),
    "ReEncryptFrom": (("kms:encryptionalgorithm", ("SourceEncryptionAlgorithm",), SYMMETRIC),),
    "ReEncryptTo": (("kms:encryptionalgorithm", ("DestinationEncryptionAlgorithm",), SYMMETRIC),),
    "ReplicateKey": (
        ("kms:replicaregion", ("ReplicaRegion",), None),
        _BYPASS_ROW,
    ),
    "ScheduleKeyDeletion": (
        ("kms:schedulekeydeletionpendingwindowindays", ("PendingWindowInDays",), str(LONGEST_WAIT_DAYS)),
    ),
    "Sign": (
        ("kms:signingalgorithm", ("SigningAlgorithm",), None),
        ("kms:messagetype", ("MessageType",), "RAW"),
    ),
    "UpdatePrimaryRegion": (("kms:primaryregion", ("PrimaryRegion",), None),),
    "Verify": (
        ("kms:signingalgorithm", ("SigningAlgorithm",), None),
        ("kms:messagetype", ("MessageType",), "RAW"),
    ),
    "VerifyMac": (("kms:macalgorithm", ("MacAlgorithm",), None),),
}
_CONTEXTS = {"ReEncryptFrom": "SourceEncryptionContext", "ReEncryptTo": "DestinationEncryptionContext"}
UNUSED_MATTERS = frozenset({"DisableKey", "ScheduleKeyDeletion"})
"""Actions that a policy may forbid on a key that was used lately."""
_OF_GRANTS = frozenset({"CreateGrant", "ListGrants", "RevokeGrant"})


def conditions_of(asked: Asked) -> dict[str, Value]:
    """Every condition key that the call has."""
    found: dict[str, Value] = {
        **_of_caller(asked.principal, asked.rights),
        **_of_time(asked.now_epoch),
        **_of_request(asked),
        **_of_context(asked.context),
        **_of_tags(asked.request),
    }
    if asked.key is not None:
        found |= _of_key(asked.key, asked.aliases, asked.named)
    if asked.grant is not None:
        found |= _of_grant(asked.grant, asked.action)
    if asked.action in _OF_GRANTS:
        found["kms:grantisforawsresource"] = _truth(value=bool(asked.principal.via_service))
    if asked.action in UNUSED_MATTERS:
        days = int((asked.now_epoch - asked.unused_since_epoch) // DAY_SECONDS)
        found["kms:trailingdayswithoutkeyusage"] = str(max(0, days))
    if asked.action in _CONTEXTS:
        found["kms:reencryptonsamekey"] = _truth(value=asked.same_key)
    return found


def _of_caller(who: Principal, rights: Rights) -> dict[str, Value]:
    kind, _, name = who.client_arn.partition("/")
    found: dict[str, Value] = {
        "aws:principalarn": role_of(who.client_arn),
        "aws:principalaccount": who.client_account,
        "aws:principaltype": principal_type(who.client_arn),
        "aws:principalisawsservice": "false",
        "aws:requestedregion": who.region,
        "aws:securetransport": _truth(value=who.secure_transport),
        "aws:viaawsservice": _truth(value=bool(who.via_service)),
        "kms:calleraccount": who.client_account,
    }
    if kind.endswith(":user"):
        found["aws:username"] = name.rpartition("/")[2]
    optional = {
        "aws:sourceip": who.source_ip,
        "aws:userid": rights.name,
        "aws:useragent": who.user_agent,
        "kms:viaservice": who.via_service,
    }
    found |= {name: value for name, value in optional.items() if value}
    return found | named_values("aws:principaltag/", rights.tags.items())


def _of_time(now_epoch: float) -> dict[str, Value]:
    now = datetime.fromtimestamp(int(now_epoch), UTC)
    return {"aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "aws:epochtime": str(int(now_epoch))}


def _of_key(key: Key, aliases: Sequence[str], named: str) -> dict[str, Value]:
    found: dict[str, Value] = {
        "aws:resourceaccount": key.account,
        "kms:keyspec": key.spec,
        "kms:customermasterkeyspec": key.spec,
        "kms:keyusage": key.usage,
        "kms:customermasterkeyusage": key.usage,
        "kms:keyorigin": key.origin,
        "kms:multiregion": "false",
        **named_values("aws:resourcetag/", key.tags),
    }
    if aliases:
        found["kms:resourcealiases"] = tuple(aliases)
    alias = _maybe_alias(named)
    if alias:
        found["kms:requestalias"] = alias
    return found


def _maybe_alias(named: str) -> str:
    try:
        return reference(named).alias if named else ""
    except KmsError:
        return ""


def _of_request(asked: Asked) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, members, default in _REQUEST.get(asked.action, ()):
        given = next((value for m in members if (value := asked.request.get(m)) is not None), default)
        if given is not None:
            found[name] = _truth(value=given) if isinstance(given, bool) else str(given)
    return found


def _of_context(context: Mapping[str, str]) -> dict[str, Value]:
    if not context:
        return {}
    return {
        "kms:encryptioncontextkeys": tuple(context),
        **named_values("kms:encryptioncontext:", context.items()),
    }


def _of_tags(request: Mapping[str, Any]) -> dict[str, Value]:
    tags = {tag["TagKey"]: tag["TagValue"] for tag in request.get("Tags") or ()}
    names = tuple(tags) or tuple(request.get("TagKeys") or ())
    return {**named_values("aws:requesttag/", tags.items()), "aws:tagkeys": names} if names else {}


def _of_grant(grant: Grant, action: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    types = grant.constraint_types
    if types:
        found["kms:grantconstrainttype"] = types[0] if len(types) == 1 else types
    if grant.source_arn:
        found["kms:grantconstraintsourcearn"] = grant.source_arn
    if action != "CreateGrant":
        return found
    named = {
        "kms:granteeprincipal": grant.grantee,
        "kms:granteeserviceprincipal": grant.grantee_service,
        "kms:retiringprincipal": grant.retiring,
        "kms:retiringserviceprincipal": grant.retiring_service,
    }
    found |= {name: value for name, value in named.items() if value}
    return found | {"kms:grantoperations": grant.operations}


def _truth(*, value: bool) -> str:
    return "true" if value else "false"
