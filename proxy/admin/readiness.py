"""Whether this service should be sent requests. Fed facts, returns the answer; asks nobody itself.

Unready only for what another replica would do better: it is being stopped, it has not proven itself, or
no key can serve. Trouble with the store, a KMS or the audit trail is told in the body and leaves the
service in place, since it is every replica's trouble, and taking all of them out at once would make an
outage of a hiccup.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    proven: bool
    """The start-up self-test has passed."""
    draining: bool = False
    keys_serve: bool = True
    """Some data key can be had: from a KMS that answers, or from the cache."""
    troubles: tuple[str, ...] = ()
    """A sentence each, without secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    ready: bool
    reasons: tuple[str, ...]
    """Why it is not ready."""
    troubles: tuple[str, ...]


def readiness(facts: Facts) -> Readiness:
    checks = (
        (facts.draining, "draining: the service is being stopped"),
        (not facts.proven, "starting: the self-test has not passed yet"),
        (not facts.keys_serve, "no key can serve: every KMS fails and the data-key cache is empty"),
    )
    reasons = tuple(reason for holds, reason in checks if holds)
    return Readiness(ready=not reasons, reasons=reasons, troubles=facts.troubles)
