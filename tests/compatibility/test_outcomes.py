"""The verdict on two runs of the suite, and the list of what may differ."""

import re
from pathlib import Path

import pytest
import yaml

from tests.compatibility.__main__ import ALLOWED
from tests.compatibility.fetched import SuiteMissing
from tests.compatibility.outcomes import MOST_ALLOWED, Allowed, Outcome, differences, judge
from tests.compatibility.suite import TO_GET_IT, prepare

ROOT = Path(__file__).parents[2]


def ended(**outcomes: str) -> dict[str, Outcome]:
    return {
        test: Outcome(test=test, outcome=outcome, message="", seconds=0) for test, outcome in outcomes.items()
    }


def allowed(*tests: str) -> list[Allowed]:
    return [Allowed(test=test, reason="", design="") for test in tests]


@pytest.mark.parametrize("proxied", ["failed", "skipped", "failed in setup", "failed in teardown"])
def test_what_passes_bare_must_pass_through_the_proxy(proxied: str) -> None:
    """A test that could not clean up, or was skipped, has not passed."""
    assert differences(ended(a="passed"), ended(a=proxied)) == ["a"]


def test_a_test_that_never_came_to_its_turn_differs() -> None:
    """A run that is cut off is no good run."""
    assert differences(ended(a="passed", b="passed"), ended(a="passed")) == ["b"]


def test_what_fails_bare_may_do_anything() -> None:
    """The store's own faults are not the proxy's; where it mends them, all the better."""
    assert differences(ended(a="failed", b="skipped"), ended(a="passed", b="failed")) == []


def test_an_unexpected_difference_fails_the_run() -> None:
    verdict = judge(["a", "b"], allowed("a"), ran=["a", "b"])

    assert (verdict.new, verdict.passing, verdict.good) == (["b"], [], False)


def test_an_allowed_test_that_passes_fails_the_run() -> None:
    """The list names what is true, and nothing else."""
    verdict = judge([], allowed("a"), ran=["a"])

    assert (verdict.new, verdict.passing, verdict.good) == ([], ["a"], False)


def test_a_run_of_some_tests_says_nothing_about_the_others() -> None:
    assert judge([], allowed("a"), ran=["b"]).good


def test_few_differences_are_allowed_and_each_says_why() -> None:
    """Ten at most, each with a reason and the section of a page that has the sentence."""
    entries = [Allowed(**each) for each in yaml.safe_load(ALLOWED.read_text())]

    assert len(entries) <= MOST_ALLOWED
    assert len({each.test for each in entries}) == len(entries)
    for each in entries:
        page, _, section = each.design.partition("#")
        headings = [
            line.strip("# ") for line in (ROOT / page).read_text().splitlines() if line.startswith("#")
        ]
        assert each.reason
        assert section in headings


def test_the_page_names_the_same_tests() -> None:
    """Whoever asks what differs from the bare store finds it told."""
    page = (ROOT / "docs" / "s3-api.md").read_text()
    section = page.partition("## The Ceph project's suite\n")[2].partition("\n## ")[0]
    names = {each["test"].rpartition("::")[2] for each in yaml.safe_load(ALLOWED.read_text())}

    assert set(re.findall(r"`(test_\w+)`", section.partition("\n### ")[0])) == names


def test_a_place_without_the_suite_is_told_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(SuiteMissing) as refused:
        prepare(tmp_path, tmp_path / "suite", tmp_path / "environment")

    assert TO_GET_IT in str(refused.value)
