"""What AWS answers, the key service answers: every row of the tables, each with the page that says so."""

from collections import Counter

import pytest

from tests.hsm.judged.table import Row, judged, rows

ROWS = rows()


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_the_key_service_decides_as_aws_does(row: Row) -> None:
    """A stranger sees that they are refused, and never whether a Deny stands there."""
    answer = judged(row)

    if answer == "deny":
        assert row.answer in {"implicit deny", "explicit deny"}
        assert not row.is_own
    else:
        assert answer == row.answer


def test_the_tables_are_large_enough_and_of_every_kind() -> None:
    answers = Counter((row.answer, row.is_own) for row in ROWS)

    assert len(ROWS) >= 200
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.page.startswith("https://docs.aws.amazon.com/") for row in ROWS)
    assert len(answers) == 6
    assert min(answers.values()) >= 5
