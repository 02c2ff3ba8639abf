"""What is tried, and what it is called, keep step with the table of capabilities."""

from dataclasses import fields

from proxy.probe.report import MEANINGS
from proxy.probe.sub_resources import TRIED
from proxy.probe.trials import CAPABILITIES, FACTS, PROMISES, UNTRIED
from proxy.upstream.capabilities import Capabilities
from proxy.upstream.known import AWS


def test_every_capability_is_tried() -> None:
    """None is assumed in silence: a new one comes with its trial, or stands among those that have none."""
    assert {*CAPABILITIES, *UNTRIED, "knows"} == {field.name for field in fields(Capabilities)}
    assert UNTRIED.isdisjoint(CAPABILITIES)


def test_what_a_store_knows_is_tried_as_far_as_it_can_be() -> None:
    """The rest would bind an object for a while, or needs another bucket or service to point at."""
    untried = AWS - TRIED

    assert TRIED <= AWS
    assert {name.removeprefix("Put").removeprefix("Delete") for name in untried} == {
        *("BucketAcl", "ObjectLockConfiguration", "ObjectRetention", "ObjectLegalHold"),
        *("BucketReplication", "BucketNotificationConfiguration", "BucketLogging", "BucketAbac"),
        *("BucketAnalyticsConfiguration", "BucketIntelligentTieringConfiguration"),
        *("BucketInventoryConfiguration", "RestoreObject"),
    }


def test_every_finding_is_told_in_words() -> None:
    assert set(MEANINGS) == {*CAPABILITIES, *PROMISES, *FACTS}
