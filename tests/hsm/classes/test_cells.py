"""Each cell of the table of classes has its test."""

from pathlib import Path

from tests.hsm.classes import test_audit, test_being, test_cost, test_use
from tests.hsm.classes.cells import CELLS, COLUMNS, ROWS

ON_THE_S3_SIDE = {
    "customer managed": "test_a_customer_key_by_any_of_its_names",
    "service managed": "test_without_a_key_id_it_is_the_accounts_own_managed_key",
    "service owned": "test_the_service_owned_key",
}
"""The last row, in tests/e2e/test_encryption.py: SSE-KMS with a key id, without one, and SSE-S3."""


def test_no_cell_is_without_its_test() -> None:
    assert {test_audit, test_being, test_cost, test_use}, "they fill the table"
    text = Path(__file__).parents[2].joinpath("e2e/test_encryption.py").read_text("utf-8")
    there = {(ROWS[-1], column) for column, test in ON_THE_S3_SIDE.items() if f"def {test}(" in text}

    assert CELLS | there == {(row, column) for row in ROWS for column in COLUMNS}
