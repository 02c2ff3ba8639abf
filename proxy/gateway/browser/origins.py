"""What stores said a moment ago of pages of other origins, so that a busy page costs one question.

Bounded, and short: a change of a bucket's CORS rules is felt within SECONDS.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

SECONDS = 5
QUESTIONS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May a page of this origin read what this method gets of this bucket?"""

    store: str
    bucket: str
    origin: str
    method: str


def asked_at(bucket: str) -> str:
    """Where a store is asked: at some name of the bucket, as its rules hold for all of them.

    Of the bucket itself SeaweedFS says that everybody may, whatever its rules say.
    """
    return f"/{bucket}/-"


def allows(told: Mapping[str, str], method: str) -> bool:
    """Whether a store's answer lets the page use the method. SeaweedFS leaves that for the browser to see."""
    methods = {each.strip() for each in told.get("access-control-allow-methods", "").split(",")}
    return "access-control-allow-origin" in told and not methods.isdisjoint({method, "*"})


class Origins:
    """One worker's."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Question, tuple[datetime, Mapping[str, str]]] = OrderedDict()

    def maybe_answer(self, question: Question, now: datetime) -> Mapping[str, str] | None:
        """The headers that say so, none where it may not; None where the store is to be asked."""
        until, headers = self._answers.get(question, (now, {}))
        return headers if now < until else None

    def keep(self, question: Question, headers: Mapping[str, str], now: datetime) -> None:
        self._answers.pop(question, None)
        self._answers[question] = (now + timedelta(seconds=SECONDS), headers)
        if len(self._answers) > QUESTIONS:
            self._answers.popitem(last=False)
