"""What is tried, and what it is called, keep step with the table of capabilities."""

from dataclasses import fields

from proxy.probe.report import MEANINGS
from proxy.probe.trials import CAPABILITIES, FACTS, PROMISES, UNTRIED
from proxy.upstream.capabilities import Capabilities


def test_every_capability_is_tried() -> None:
    """None is assumed in silence: a new one comes with its trial, or stands among those that have none."""
    assert {*CAPABILITIES, *UNTRIED} == {field.name for field in fields(Capabilities)}
    assert UNTRIED.isdisjoint(CAPABILITIES)


def test_every_finding_is_told_in_words() -> None:
    assert set(MEANINGS) == {*CAPABILITIES, *PROMISES, *FACTS}
