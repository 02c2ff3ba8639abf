"""The verdict on a run of the suite, and the list of what may differ."""

import re
from pathlib import Path

import pytest

from tests.compatibility.fetched import SuiteMissing
from tests.compatibility.outcomes import Outcome
from tests.kms_suite.__main__ import allowed
from tests.kms_suite.suite import FILES, NOT_RUN, TO_GET_IT, prepare
from tests.kms_suite.verdict import Difference, judge

PAGE = Path(__file__).parents[2] / "docs" / "kms-api.md"


def ended(**outcomes: str) -> dict[str, Outcome]:
    return {
        test.replace("_of_", "[") + ("]" if "_of_" in test else ""): Outcome(
            test=test, outcome=outcome, message="", seconds=0
        )
        for test, outcome in outcomes.items()
    }


def differing(*tests: str) -> list[Difference]:
    return [Difference(says="", tests=tests)]


@pytest.mark.parametrize("outcome", ["failed", "skipped", "failed in setup", "failed in teardown"])
def test_what_does_not_pass_is_a_defect_unless_it_is_named(outcome: str) -> None:
    outcomes = ended(a=outcome, b="passed")

    assert judge(outcomes, [], whole=True).defects == ["a"]
    assert judge(outcomes, differing("a"), whole=True).good


def test_a_name_stands_for_all_cases_of_its_test() -> None:
    """And each of them must differ; or one case is named alone."""
    outcomes = ended(a_of_1="failed", a_of_2="failed", b_of_1="failed", b_of_2="passed")

    assert judge(outcomes, differing("a", "b[1]"), whole=True).good
    assert judge(outcomes, differing("a", "b"), whole=True).passing == ["b"]
    assert judge(outcomes, differing("a"), whole=True).defects == ["b[1]"]


def test_a_named_test_that_passes_or_is_gone_is_taken_off() -> None:
    """A run of some tests says nothing about others."""
    outcomes = ended(a="passed")

    assert judge(outcomes, differing("a"), whole=False).passing == ["a"]
    assert judge(outcomes, differing("b"), whole=False).good
    assert judge(outcomes, differing("b"), whole=True).passing == ["b"]


def test_each_difference_has_its_sentence_on_the_page() -> None:
    """Word for word, in the table that counts them; and the table has no others."""
    section = PAGE.read_text().partition("## A public suite\n")[2].partition("\n## ")[0]
    told = {says: int(count) for count, says in re.findall(r"\| (\d+) \| (.+) \|", section)}
    ran, passed, others = map(int, re.findall(r"\b(\d+) (?:with all|pass,|differ,)", section))

    assert told.keys() == {each.says for each in allowed()}
    assert (sum(told.values()), ran - passed) == (others, others)
    for each in allowed():
        assert told[each.says] >= len(each.tests)


def test_no_test_is_named_twice() -> None:
    names = [test for each in allowed() for test in each.tests]

    assert len(set(names)) == len(names)


def test_every_file_of_the_suite_is_run_or_left_out_for_a_reason() -> None:
    assert {name.partition("::")[0] for name in (*FILES, *NOT_RUN)} == {
        "test_kms.py",
        "test_kms_cloudformation.py",
        "test_kms_encrypt.py",
        "test_kms_grants.py",
        "test_kms_key_rotation.py",
        "test_kms_mac.py",
        "test_kms_policy_enforcement.py",
        "test_model.py",
        "test_server.py",
        "test_utils.py",
    }


def test_a_place_without_the_suite_is_told_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SuiteMissing) as refused:
        prepare(tmp_path, tmp_path / "suite", tmp_path / "environment")

    assert TO_GET_IT in str(refused.value)
