"""What the audit says of a request, the metrics say too."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from proxy.audit.counting import CountingRecorder
from proxy.audit.event import KMS, Event, Outcome, UserIdentity


@dataclass
class Told:
    events: list[Event] = field(default_factory=list)
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def record(self, event: Event) -> None:
        self.events.append(event)

    def s3_request(self, operation: str, **facts: Any) -> None:
        self.calls.append(("s3", operation, facts))

    def authentication_failed(self, code: str) -> None:
        self.calls.append(("auth", code))

    def integrity_violated(self, operation: str) -> None:
        self.calls.append(("integrity", operation))

    def upload_damaged(self, operation: str) -> None:
        self.calls.append(("damaged", operation))

    def plaintext_read(self, operation: str) -> None:
        self.calls.append(("plaintext", operation))

    def hsm_request(self, operation: str, code: str) -> None:
        self.calls.append(("hsm", operation, code))


def told(event: Event) -> list[tuple[Any, ...]]:
    to = Told()
    CountingRecorder(to, to).record(event)
    assert to.events == [event]
    return to.calls


def test_an_s3_request_is_counted_with_its_facts(event: Event) -> None:
    assert told(event) == [
        (
            "s3",
            "GetObject",
            {
                "status": 206,
                "outcome": "completed",
                "bytes_in": 0,
                "bytes_out": 10,
                "phases_us": {"auth": 40, "kms": 900, "store": None, "crypto": None, "client": None},
                "total_us": 2000,
            },
        )
    ]


def test_a_kms_call_is_counted_by_its_code(event: Event) -> None:
    kms = replace(event, event_source=KMS, event_name="Decrypt", error_code="DisabledException")

    assert told(kms) == [("hsm", "Decrypt", "DisabledException")]


@pytest.mark.parametrize(
    ("code", "arn", "counted"),
    [
        ("SignatureDoesNotMatch", "", True),
        ("InvalidAccessKeyId", "", True),
        ("RequestTimeTooSkewed", "", True),
        ("AccessDenied", "", True),
        ("AccessDenied", "arn:aws:iam::111122223333:user/ann", False),
        ("NoSuchKey", "arn:aws:iam::111122223333:user/ann", False),
        ("InvalidURI", "", False),
    ],
)
def test_an_unproven_signer_is_counted(*, code: str, arn: str, counted: bool, event: Event) -> None:
    """A refusal by policy is no failed signature."""
    calls = told(replace(event, error_code=code, user_identity=UserIdentity(arn=arn)))

    assert (("auth", code) in calls) is counted


def test_a_read_of_plaintext_is_counted(event: Event) -> None:
    plain = replace(event.details, plaintext_read=True)

    assert told(replace(event, details=plain))[1:] == [("plaintext", "GetObject")]


def test_an_integrity_violation_is_counted(event: Event) -> None:
    torn = replace(event.details, outcome=Outcome.TORN, integrity_violation="segment 3")

    assert told(replace(event, details=torn))[1:] == [("integrity", "GetObject")]


def test_an_upload_that_was_damaged_is_counted(event: Event) -> None:
    refused = replace(event.details, damaged_upload="the store refused what it received: BadDigest")

    assert told(replace(event, details=refused))[1:] == [("damaged", "GetObject")]
