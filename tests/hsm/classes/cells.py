"""The table of the three classes of key: its rows and columns, and keys of the service's two classes.

A row is what one may want to know of a key, a column its class. Each cell is a test that is marked with it.
"""

from collections.abc import Callable
from typing import Any

from proxy.hsm.core.lifecycle import DAY_SECONDS, DEFAULT_ROTATION_DAYS
from tests.hsm.asking import Target
from tests.hsm.rig import Rig, proxy

COLUMNS = ("customer managed", "service managed", "service owned")
ROWS = (
    *("created by", "visible in the account", "key policy", "rotation", "other accounts"),
    *("disable, schedule deletion, alias, tag", "audit", "cost", "on the S3 side"),
)
YEAR = DEFAULT_ROTATION_DAYS * DAY_SECONDS
MANAGED, OWNED = "alias/aws/s3", "alias/sealgate/owned"
CELLS: set[tuple[str, str]] = set()
Test = Callable[..., Any]


def cell(row: str, column: str) -> Callable[[Test], Test]:
    """Marks the one test of a cell."""

    def marked(test: Test) -> Test:
        assert (row, column) not in CELLS
        CELLS.add((row, column))
        return test

    return marked


def managed(rig: Rig) -> Target:
    """The account's aws/s3, used once."""
    used = rig.outcome("GenerateDataKey", proxy(), KeyId=MANAGED, KeySpec="AES_256")
    return _target(used.key_arn, used.response["CiphertextBlob"])


def owned(rig: Rig) -> Target:
    used = rig.outcome("GenerateDataKey", proxy(), KeyId=OWNED, KeySpec="AES_256")
    return _target(used.key_arn, used.response["CiphertextBlob"])


def _target(arn: str, blob: bytes) -> Target:
    return Target(arn=arn, key_id=arn.rpartition("/")[2], blob=blob, grant_id="0" * 64)


def due(rig: Rig) -> list[str]:
    return [f"{happened.name} {happened.key.arn}" for happened in rig.engine.do_due()]
