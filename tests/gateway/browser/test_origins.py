"""What is remembered of pages: for a moment, and of so many."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from proxy.gateway.browser.origins import QUESTIONS, SECONDS, Origins, Question, allows

NOW = datetime(2026, 11, 25, tzinfo=UTC)
QUESTION = Question(store="main", bucket="bucket", origin="https://a.example", method="GET")
TOLD = {"access-control-allow-origin": "https://a.example"}


@pytest.mark.parametrize("told", [TOLD, {}])
def test_an_answer_holds_for_a_moment(told: dict[str, str]) -> None:
    """Also that nobody may."""
    origins = Origins()
    origins.keep(QUESTION, told, NOW)

    assert origins.maybe_answer(QUESTION, NOW + timedelta(seconds=SECONDS - 0.001)) == told
    assert origins.maybe_answer(QUESTION, NOW + timedelta(seconds=SECONDS)) is None


@pytest.mark.parametrize("changed", ["store", "bucket", "origin", "method"])
def test_each_question_has_its_own_answer(changed: str) -> None:
    origins = Origins()
    origins.keep(QUESTION, TOLD, NOW)

    assert origins.maybe_answer(replace(QUESTION, **{changed: "another"}), NOW) is None


def test_the_oldest_is_forgotten_first() -> None:
    origins = Origins()
    questions = [replace(QUESTION, origin=f"https://{number}.example") for number in range(QUESTIONS + 1)]
    for question in [*questions[:QUESTIONS], questions[0], questions[QUESTIONS]]:
        origins.keep(question, TOLD, NOW)

    assert origins.maybe_answer(questions[0], NOW) == TOLD
    assert origins.maybe_answer(questions[1], NOW) is None
    assert origins.maybe_answer(questions[QUESTIONS], NOW) == TOLD


@pytest.mark.parametrize(
    ("methods", "method", "expected"),
    [("GET, PUT", "PUT", True), ("GET,PUT", "PUT", True), ("*", "PUT", True), ("GET", "PUT", False)],
)
def test_a_page_may_use_the_methods_that_are_told(methods: str, method: str, *, expected: bool) -> None:
    assert allows(TOLD | {"access-control-allow-methods": methods}, method) is expected
    assert not allows({"access-control-allow-methods": methods}, method)
    assert not allows(TOLD, method)
