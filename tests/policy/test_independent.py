"""Another evaluator's answers, which shares no code with ours and was written by others.

200 drawn pairs of policies (of an identity and of a resource) and requests, answered by the program that the
file names. It was asked once, by hand: its licence (AGPL) and node have no place here. Known to differ, and
therefore not drawn: a Deny for all but what an unknown variable stands for, which here denies; and
NotPrincipal, in which an account leaves out all its users there, and by AWS's page itself alone.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from proxy.policy.documents import Kind, Policy, parse
from proxy.policy.evaluate import Effect, judge
from tests.policy.judged import asks

ANSWERS: dict[str, Any] = json.loads(Path(__file__).with_name("independent_answers.json").read_text("utf-8"))


def policies(document: object, kind: Kind) -> list[Policy]:
    return [parse(json.dumps(document), kind=kind)] if document else []


def answer_to(case: dict[str, Any]) -> str:
    """Both halves together: in one account either may allow, between two both must."""
    conditions = {
        name: tuple(value) if isinstance(value, list) else value for name, value in case["conditions"].items()
    }
    request = asks(
        case["action"], case["resource"], arn=case["arn"], account=case["account"], conditions=conditions
    )
    of_identity = judge(policies(case["identity"], Kind.IDENTITY), request)
    of_resource = judge(policies(case["resource_policy"], Kind.RESOURCE), request)
    if Effect.DENY in {of_identity.effect, of_resource.effect}:
        return "ExplicitlyDenied"
    identity, resource = (each.effect is Effect.ALLOW for each in (of_identity, of_resource))
    if case["account"] == ANSWERS["owner"]:
        allowed = identity or (resource and not of_resource.delegated)
    else:
        allowed = identity and resource
    return "Allowed" if allowed else "ImplicitlyDenied"


def test_the_drawn_cases_are_of_every_kind() -> None:
    answers = [case["answer"] for case in ANSWERS["cases"]]

    assert {answer for answer in answers if answers.count(answer) > 20} == {
        "Allowed",
        "ExplicitlyDenied",
        "ImplicitlyDenied",
    }


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_we_answer_as_another_evaluator_does(first: int) -> None:
    cases = ANSWERS["cases"][first : first + 50]

    assert [answer_to(case) for case in cases] == [case["answer"] for case in cases]
