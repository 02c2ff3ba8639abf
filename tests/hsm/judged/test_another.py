"""Another evaluator, which shares no code with this one, answers the tables' policies alike."""

import json

from tests.hsm.judged.another import ANSWERS, fingerprint
from tests.hsm.judged.table import Row, rows

SAYS = {"Allowed": "allow", "ImplicitlyDenied": "implicit deny", "ExplicitlyDenied": "explicit deny"}
DIFFERS = {
    # Which actions work across accounts is KMS's own rule, and not modelled there.
    "other_accounts: actions that do not, whatever the policies say": 11,
    # There an account in NotPrincipal leaves out all its users; by AWS's page one must be named oneself.
    "not_elements: NotPrincipal with Deny is all but those who are named, their account among them": 2,
    # There CreateKey alone has kms:CustomerMasterKeySpec, which AWS's page calls the same as kms:KeySpec.
    "key_properties: what kind of key it is": 1,
}
"""Groups in which it answers otherwise, how often, and why that is right."""


def test_another_evaluator_answers_as_the_tables_say() -> None:
    """And where it does not, it is known why."""
    kept: dict[str, str] = json.loads(ANSWERS.read_text("utf-8"))["answers"]
    asked = [row for row in rows() if row.by_policies_alone]
    otherwise = [row.name.rpartition(" ")[0] for row in asked if SAYS[_told(kept, row)] != row.answer]

    assert {group: otherwise.count(group) for group in otherwise} == DIFFERS
    assert len(asked) > 350


def _told(kept: dict[str, str], row: Row) -> str:
    """another.py says how a row is asked for anew."""
    assert fingerprint(row) in kept, f"nobody asked the other evaluator of: {row.name}"
    return kept[fingerprint(row)]
