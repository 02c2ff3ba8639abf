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

# One row an action; columns as in KeyState: Creating, Enabled, Disabled, PendingImport, PendingDeletion,
# PendingReplicaDeletion, Unavailable, Updating.
USE = [CREATING, "", DISABLED, IMPORT, DELETION, REPLICA, UNAVAILABLE, ""]
SWITCH = [CREATING, "", "", IMPORT, DELETION, REPLICA, UNAVAILABLE, UPDATING]
NAME = [CREATING, "", "", "", DELETION, REPLICA, "", ""]
ANY = [""] * 8
TABLE = {
    "CreateAlias": NAME,
    "Decrypt": USE,
    "DeleteAlias": ANY,
    "DescribeKey": ANY,
    "DisableKey": SWITCH,
    "EnableKey": SWITCH,
    "Encrypt": USE,
    "GenerateDataKey": USE,
    "GenerateDataKeyWithoutPlaintext": USE,
    "ListAliases": ANY,
    "ReEncrypt": USE,
    "UpdateAlias": NAME,
    "UpdateKeyDescription": [CREATING, "", "", "", DELETION, REPLICA, "", UPDATING],
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
