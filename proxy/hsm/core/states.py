"""Key states, and what each action meets in each: data, with one small reader.

The rows follow the table "Key states of AWS KMS keys" of AWS's developer guide (key-state.html). A row
names only the states that refuse; every other state lets the action through. An action without a row cannot
be judged, which is a mistake in this program.
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

REFUSED: dict[str, dict[KeyState, Refusal]] = {
    "CreateAlias": {**_GOING, **_NOT_YET},
    "Decrypt": _USE,
    "DeleteAlias": {},
    "DescribeKey": {},
    "DisableKey": _SWITCH,
    "EnableKey": _SWITCH,
    "Encrypt": _USE,
    "GenerateDataKey": _USE,
    "GenerateDataKeyWithoutPlaintext": _USE,
    "ListAliases": {},
    "ReEncrypt": _USE,
    # For the key that the alias goes to; one that is pending deletion may lose its alias.
    "UpdateAlias": {**_GOING, **_NOT_YET},
    "UpdateKeyDescription": {**_GOING, **_NOT_YET, KeyState.UPDATING: UPDATING},
}


def check_state(action: str, state: KeyState, key_arn: str) -> None:
    """Raises the KmsError that AWS answers this action with on a key in this state."""
    refusal = REFUSED[action].get(state)
    if refusal is not None:
        code, says = refusal
        raise KmsError(code, f"{key_arn} {says}")
