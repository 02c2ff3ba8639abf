"""Key states, and what each action meets in each: data, with one small reader.

The rows follow the table "Key states of AWS KMS keys" of AWS's developer guide (key-state.html). A row
names only the states that refuse; every other state lets the action through. An action without a row cannot
be judged, which is a mistake in this program. Actions that are still to come have their rows already.
"""

from enum import StrEnum

from proxy.hsm.core.errors import KmsError


class KeyState(StrEnum):
    CREATING = "Creating"
    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_IMPORT = "PendingImport"
    PENDING_DELETION = "PendingDeletion"
    PENDING_REPLICA_DELETION = "PendingReplicaDeletion"
    UNAVAILABLE = "Unavailable"
    UPDATING = "Updating"


Refusal = tuple[str, str]
"""AWS's error name, and what its message says after the key's ARN."""

DISABLED: Refusal = ("DisabledException", "is disabled.")
CREATING: Refusal = ("KMSInvalidStateException", "is creating.")
PENDING_IMPORT: Refusal = ("KMSInvalidStateException", "is pending import.")
PENDING_DELETION: Refusal = ("KMSInvalidStateException", "is pending deletion.")
NOT_PENDING_DELETION: Refusal = ("KMSInvalidStateException", "is not pending deletion.")
PENDING_REPLICA_DELETION: Refusal = ("KMSInvalidStateException", "is pending replica deletion.")
UNAVAILABLE: Refusal = ("KMSInvalidStateException", "is unavailable.")
UPDATING: Refusal = ("KMSInvalidStateException", "is updating.")

_GOING: dict[KeyState, Refusal] = {
    KeyState.PENDING_DELETION: PENDING_DELETION,
    KeyState.PENDING_REPLICA_DELETION: PENDING_REPLICA_DELETION,
}
_NOT_YET: dict[KeyState, Refusal] = {KeyState.CREATING: CREATING}
_USE: dict[KeyState, Refusal] = {
    **_GOING,
    **_NOT_YET,
    KeyState.DISABLED: DISABLED,
    KeyState.PENDING_IMPORT: PENDING_IMPORT,
    KeyState.UNAVAILABLE: UNAVAILABLE,
}
_SWITCH: dict[KeyState, Refusal] = {
    **_GOING,
    **_NOT_YET,
    KeyState.PENDING_IMPORT: PENDING_IMPORT,
    KeyState.UNAVAILABLE: UNAVAILABLE,
    KeyState.UPDATING: UPDATING,
}

_CHANGE: dict[KeyState, Refusal] = {**_GOING, **_NOT_YET, KeyState.UPDATING: UPDATING}
_ROTATE: dict[KeyState, Refusal] = {
    **_CHANGE,
    KeyState.DISABLED: DISABLED,
    KeyState.PENDING_IMPORT: PENDING_IMPORT,
    KeyState.UNAVAILABLE: UNAVAILABLE,
}
_IMPORT: dict[KeyState, Refusal] = {**_CHANGE, KeyState.UNAVAILABLE: UNAVAILABLE}

REFUSED: dict[str, dict[KeyState, Refusal]] = {
    "CancelKeyDeletion": dict.fromkeys(set(KeyState) - set(_GOING), NOT_PENDING_DELETION),
    "CreateAlias": {**_GOING, **_NOT_YET},
    # Unlike the uses that it gives a right to, it does not need the key's store to be connected.
    "CreateGrant": {state: refusal for state, refusal in _USE.items() if state is not KeyState.UNAVAILABLE},
    "Decrypt": _USE,
    "DeleteAlias": {},
    "DeleteImportedKeyMaterial": _IMPORT,
    "DeriveSharedSecret": _USE,
    "DescribeKey": {},
    "DisableKey": _SWITCH,
    "DisableKeyRotation": _ROTATE,
    "EnableKey": _SWITCH,
    "EnableKeyRotation": _ROTATE,
    "Encrypt": _USE,
    "GenerateDataKey": _USE,
    "GenerateDataKeyPair": _USE,
    "GenerateDataKeyPairWithoutPlaintext": _USE,
    "GenerateDataKeyWithoutPlaintext": _USE,
    "GenerateMac": _USE,
    "GetKeyLastUsage": {},
    "GetKeyPolicy": {},
    "GetKeyRotationStatus": _NOT_YET,
    "GetParametersForImport": _IMPORT,
    "GetPublicKey": _USE,
    "ImportKeyMaterial": _IMPORT,
    "ListAliases": {},
    "ListGrants": {},
    "ListKeyPolicies": {},
    "ListKeyRotations": {},
    "ListResourceTags": {},
    "PutKeyPolicy": {},
    "ReEncrypt": _USE,
    "ReplicateKey": {**_USE, KeyState.UPDATING: UPDATING},
    "RetireGrant": {},
    "RevokeGrant": {},
    "RotateKeyOnDemand": _ROTATE,
    "ScheduleKeyDeletion": _CHANGE,
    "Sign": _USE,
    "TagResource": _CHANGE,
    "UntagResource": _CHANGE,
    # For the key that the alias goes to; one that is pending deletion may lose its alias.
    "UpdateAlias": {**_GOING, **_NOT_YET},
    "UpdateKeyDescription": _CHANGE,
    "UpdatePrimaryRegion": {**_USE, KeyState.UPDATING: UPDATING},
    "Verify": _USE,
    "VerifyMac": _USE,
}


def check_state(action: str, state: KeyState, key_arn: str) -> None:
    """Raises the KmsError that AWS answers this action with on a key in this state."""
    refusal = REFUSED[action].get(state)
    if refusal is not None:
        code, says = refusal
        raise KmsError(code, f"{key_arn} {says}")
