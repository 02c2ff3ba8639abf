"""The key-state table, cell by cell, as AWS's developer guide prints it (page "Key states")."""

import pytest

from proxy.hsm.core.errors import STATUS, KmsError
from proxy.hsm.core.states import REFUSED, KeyState, check_state

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f1e2d3c-4b5a-4697-8877-665544332211"
DISABLED = "DisabledException: is disabled."
CREATING = "KMSInvalidStateException: is creating."
IMPORT = "KMSInvalidStateException: is pending import."
DELETION = "KMSInvalidStateException: is pending deletion."
REPLICA = "KMSInvalidStateException: is pending replica deletion."
UNAVAILABLE = "KMSInvalidStateException: is unavailable."
UPDATING = "KMSInvalidStateException: is updating."
NOT_PENDING = "KMSInvalidStateException: is not pending deletion."

# One row an action; columns as in KeyState: Creating, Enabled, Disabled, PendingImport, PendingDeletion,
# PendingReplicaDeletion, Unavailable, Updating.
USE = [CREATING, "", DISABLED, IMPORT, DELETION, REPLICA, UNAVAILABLE, ""]
SWITCH = [CREATING, "", "", IMPORT, DELETION, REPLICA, UNAVAILABLE, UPDATING]
NAME = [CREATING, "", "", "", DELETION, REPLICA, "", ""]
CHANGE = [CREATING, "", "", "", DELETION, REPLICA, "", UPDATING]
ROTATE = [CREATING, "", DISABLED, IMPORT, DELETION, REPLICA, UNAVAILABLE, UPDATING]
IMPORTING = [CREATING, "", "", "", DELETION, REPLICA, UNAVAILABLE, UPDATING]
ANY = [""] * 8
TABLE = {
    "CancelKeyDeletion": [NOT_PENDING] * 4 + ["", ""] + [NOT_PENDING] * 2,
    "CreateAlias": NAME,
    "CreateGrant": [CREATING, "", DISABLED, IMPORT, DELETION, REPLICA, "", ""],
    "Decrypt": USE,
    "DeleteAlias": ANY,
    "DeleteImportedKeyMaterial": IMPORTING,
    "DeriveSharedSecret": USE,
    "DescribeKey": ANY,
    "DisableKey": SWITCH,
    "DisableKeyRotation": ROTATE,
    "EnableKey": SWITCH,
    "EnableKeyRotation": ROTATE,
    "Encrypt": USE,
    "GenerateDataKey": USE,
    "GenerateDataKeyPair": USE,
    "GenerateDataKeyPairWithoutPlaintext": USE,
    "GenerateDataKeyWithoutPlaintext": USE,
    "GenerateMac": USE,
    "GetKeyLastUsage": ANY,
    "GetKeyPolicy": ANY,
    "GetKeyRotationStatus": [CREATING] + [""] * 7,
    "GetParametersForImport": IMPORTING,
    "GetPublicKey": USE,
    "ImportKeyMaterial": IMPORTING,
    "ListAliases": ANY,
    "ListGrants": ANY,
    "ListKeyPolicies": ANY,
    "ListKeyRotations": ANY,
    "ListResourceTags": ANY,
    "PutKeyPolicy": ANY,
    "ReEncrypt": USE,
    "ReplicateKey": [CREATING, "", DISABLED, IMPORT, DELETION, REPLICA, UNAVAILABLE, UPDATING],
    "RetireGrant": ANY,
    "RevokeGrant": ANY,
    "RotateKeyOnDemand": ROTATE,
    "ScheduleKeyDeletion": CHANGE,
    "Sign": USE,
    "TagResource": CHANGE,
    "UntagResource": CHANGE,
    "UpdateAlias": NAME,
    "UpdateKeyDescription": CHANGE,
    "UpdatePrimaryRegion": [CREATING, "", DISABLED, IMPORT, DELETION, REPLICA, UNAVAILABLE, UPDATING],
    "Verify": USE,
    "VerifyMac": USE,
}


def test_every_action_on_a_key_has_its_row() -> None:
    assert REFUSED.keys() == TABLE.keys()


@pytest.mark.parametrize("action", TABLE)
@pytest.mark.parametrize("column", range(8))
def test_each_action_answers_in_each_state_as_the_table_says(action: str, column: int) -> None:
    answer = ""
    try:
        check_state(action, list(KeyState)[column], ARN)
    except KmsError as exc:
        answer = f"{exc.code}: {exc.message.removeprefix(ARN + ' ')}"

    assert answer == TABLE[action][column]


def test_every_refusal_of_the_table_has_an_http_status() -> None:
    assert {code for row in REFUSED.values() for code, _ in row.values()} <= STATUS.keys()
