"""A Recorder that tells a counter of each event before it passes the event on.

What the metrics say of requests is what the audit says of them: one source, and a request cannot be in
one and not in the other.
"""

from collections.abc import Mapping
from typing import Protocol

from proxy.audit.event import S3, Event, Recorder

# S3's codes for a request whose signer was not proven ("Error responses" in the S3 API reference).
UNPROVEN = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidToken", "ExpiredToken"}
    | {"AuthorizationHeaderMalformed", "AuthorizationQueryParametersError", "MissingSecurityHeader"}
)


class Counter(Protocol):
    """What is counted of events; the metrics have these methods."""

    def s3_request(
        self,
        operation: str,
        *,
        status: int | None,
        outcome: str,
        bytes_in: int,
        bytes_out: int,
        phases_us: Mapping[str, int | None],
        total_us: int | None,
    ) -> None: ...
    def authentication_failed(self, code: str) -> None: ...
    def integrity_violated(self, operation: str) -> None: ...
    def upload_damaged(self, operation: str) -> None: ...
    def plaintext_read(self, operation: str) -> None: ...
    def hsm_request(self, operation: str, code: str) -> None: ...


class CountingRecorder:
    def __init__(self, recorder: Recorder, counter: Counter) -> None:
        self._recorder = recorder
        self._counter = counter

    def record(self, event: Event) -> None:
        """See Recorder."""
        self._recorder.record(event)
        if event.event_source == S3:
            self._count_s3(event)
        else:
            self._counter.hsm_request(event.event_name, event.error_code)
        if event.details.integrity_violation:
            self._counter.integrity_violated(event.event_name)
        if event.details.damaged_upload:
            self._counter.upload_damaged(event.event_name)
        if event.details.plaintext_read:
            self._counter.plaintext_read(event.event_name)

    def _count_s3(self, event: Event) -> None:
        details, phases = event.details, event.details.phases
        self._counter.s3_request(
            event.event_name,
            status=details.http_status,
            outcome=details.outcome.value,
            bytes_in=details.bytes_transferred_in,
            bytes_out=details.bytes_transferred_out,
            phases_us={
                "auth": phases.auth_us,
                "kms": phases.kms_us,
                "store": phases.store_us,
                "crypto": phases.crypto_us,
                "client": phases.client_us,
            },
            total_us=phases.total_us,
        )
        if event.error_code in UNPROVEN or (
            event.error_code == "AccessDenied" and not event.user_identity.arn
        ):
            self._counter.authentication_failed(event.error_code)
