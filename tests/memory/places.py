"""A service whose store says what a test wants it to say."""

from dataclasses import dataclass
from typing import Any, ClassVar

from tests.faults.steps import StepRelay
from tests.stores.sealgate import Sealgate

UNHASHED: dict[str, Any] = {
    "request_checksum_calculation": "when_required",
    "s3": {"payload_signing_enabled": False},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    bucket: ClassVar[str] = "most-parts"

    service: Sealgate
    relay: StepRelay
    s3: Any
    raw: Any
    kms: Any
    key_arn: str
