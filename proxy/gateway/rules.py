"""What holds for a name: the first rule that is about a bucket and key decides.

Made from the configuration once, so that a request pays a few comparisons.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from proxy.s3.encryption import Algorithm


class Mode(Enum):
    ENCRYPT = "encrypt"
    """Everything written is sealed; what is not sealed is refused on read."""
    MIGRATE = "migrate"
    """Everything written is sealed; what was there before is read as it is, up to a day."""
    PASSTHROUGH = "passthrough"
    """Bodies go through as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRule:
    upstream: str
    """The store that holds these names. A bucket lies on one store as a whole."""
    mode: Mode = Mode.ENCRYPT
    plain_until: date | None = None
    """In MIGRATE: the last day, in UTC, on which it differs from ENCRYPT. None: it always does."""
    key_id: str | None = None
    """For writes that name no key: SSE-KMS under this one. None: under the service-owned key."""
    data_key_per_object: bool = False
    accepts_key: Callable[[str], bool]
    """By ARN: the keys that a request or an envelope here may name."""
    minimum: Algorithm = Algorithm.SSE_S3
    """No write is under less, whatever its headers or the bucket's setting say."""
    allows_key: Callable[[str], bool] | None = None
    """By ARN: the only keys that seal what is written here. None: any that `accepts_key`."""
    accept_names: frozenset[str] = frozenset()
    """Bucket names, beside its own, that envelopes here may be sealed for."""
    plaintext_copies: bool = False
    """In PASSTHROUGH: a copy of a sealed object may be made here, which opens it."""

    def reads_plain(self, now: datetime) -> bool:
        """Whether a body that is not sealed is served beside those that are. `now` is in UTC."""
        return self.mode is Mode.MIGRATE and (self.plain_until is None or now.date() <= self.plain_until)

    anonymous: bool = False
    """Requests that nobody signed go to the store, unsigned."""
    anonymous_as: str = ""
    """The ARN of the identity whose keys open and seal for them; empty: none do."""

    @property
    def has_floor(self) -> bool:
        """Whether there are keys that writes must not be under, which a client's own always is among."""
        return self.minimum is not Algorithm.SSE_S3 or self.allows_key is not None

    def accepts_name(self, sealed_for: str, bucket: str) -> bool:
        return sealed_for == bucket or sealed_for in self.accept_names


Applies = Callable[[str, str], bool]
"""Whether a rule is about this bucket and key."""


class Rules:
    """The list in its order; `otherwise` holds for a name that no rule is about."""

    def __init__(self, rules: Sequence[tuple[Applies, BucketRule]], *, otherwise: BucketRule) -> None:
        self._rules = tuple(rules)
        self._otherwise = otherwise
        self.migrate = any(rule.mode is Mode.MIGRATE for _, rule in self._rules)
        """Whether any of them is in MIGRATE."""

    def for_name(self, bucket: str, key: str) -> BucketRule:
        for applies, rule in self._rules:
            if applies(bucket, key):
                return rule
        return self._otherwise
