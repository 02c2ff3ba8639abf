"""What an inventory says: how much in each bucket is sealed under each key, and how much of it is locked.

Versions go in one by one, in the order in which the store lists them, and sums come out, so that its size
does not grow with the buckets'. A header is believed here: whoever can write to the store can plant one. That
makes a count larger or smaller, and opens nothing.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from proxy.seal.envelope import SealedEnvelope, read_envelope
from proxy.seal.errors import FormatError

FORMAT: Final = 1
MOST_KEYS: Final = 10_000
"""Of a bucket: whoever plants a header with another ARN in each object must not fill memory and disk."""
ARN: Final = re.compile(r"arn:[!-~]{1,2000}")
"""Without anything that a terminal would obey."""
FOR_EVER: Final = datetime.max.replace(tzinfo=UTC, microsecond=0)


class DamagedInventory(Exception):
    """What was read is no inventory of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What holds a version against being deleted."""

    mode: str = ""
    """COMPLIANCE, GOVERNANCE, or nothing."""
    until: datetime | None = None
    is_held: bool = False
    """By a legal hold, which has no end of its own."""

    def holds(self, now: datetime) -> bool:
        return self.is_held or (self.until is not None and self.until > now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A version of an object, as the store shows it."""

    name: str
    sealed_size: int
    header: str | None
    lock: Lock = Lock()


@dataclass(slots=True, kw_only=True)
class KeyCount:
    """What of a bucket is under one key."""

    objects: int = 0
    """Names of which at least one version is."""
    versions: int = 0
    plain_bytes: int = 0
    """Of all versions; those whose body has no length that fits are none."""
    key_versions: dict[str, int] = field(default_factory=dict)
    """Versions by the version of the key, where the key service's own blob tells it."""
    locked: int = 0
    """Versions that a lock held when they were counted, for any of these reasons."""
    compliance: int = 0
    governance: int = 0
    legal_hold: int = 0
    locked_until: str = ""
    """The latest; empty where no lock has an end."""


@dataclass(slots=True, kw_only=True)
class BucketCount:
    """`taken` is when the walk began: what was written since may be missing."""

    upstream: str
    bucket: str
    taken: str
    keys: dict[str, KeyCount] = field(default_factory=dict)
    """By key ARN. With two layers a version counts under both."""
    client_keys: int = 0
    """Versions under a key of the client's own."""
    plain: int = 0
    """Versions without a header."""
    unreadable: int = 0
    """Versions whose header is damaged, of a form that is not known here, or names no key to be told."""
    not_shown: int = 0
    """Versions of which the store did not say anything."""
    uploads: int | None = None
    """In progress. Which key they are under is sealed; None where the store does not list them."""
    locks_shown: bool = True
    """False where the store keeps from these credentials what is locked."""


class Counting:
    """One bucket's. `key_version_of` reads a wrapped data key: empty where that is not ours to read."""

    def __init__(
        self, count: BucketCount, *, now: datetime, key_version_of: Callable[[bytes], str] = lambda _: ""
    ) -> None:
        self.count = count
        self._now = now
        self._key_version_of = key_version_of
        self._latest: dict[str, str] = {}  # key ARN -> the name that was counted last: versions lie together

    def add(self, seen: Seen) -> None:
        if seen.header is None:
            self.count.plain += 1
            return
        try:
            envelope = read_envelope(seen.header)
        except FormatError:
            self.count.unreadable += 1
            return
        wrapped = {
            arn: blob
            for arn, blob in (
                (envelope.key_arn, envelope.wrapped_data_key),
                (envelope.outer_key_arn, envelope.outer_wrapped_data_key),
            )
            if arn is not None and blob is not None
        }
        if not wrapped:
            self.count.client_keys += 1
        if not all(map(self._is_told, wrapped)):
            self.count.unreadable += 1
            return
        for arn, blob in wrapped.items():
            self._add_under(arn, blob, seen, _plain_bytes(envelope, seen.sealed_size))

    def _is_told(self, arn: str) -> bool:
        return arn in self.count.keys or (len(self.count.keys) < MOST_KEYS and bool(ARN.fullmatch(arn)))

    def _add_under(self, arn: str, blob: bytes, seen: Seen, plain_bytes: int) -> None:
        under = self.count.keys.setdefault(arn, KeyCount())
        under.objects += self._latest.get(arn) != seen.name
        self._latest[arn] = seen.name
        under.versions += 1
        under.plain_bytes += plain_bytes
        if version := self._key_version_of(blob):
            under.key_versions[version] = under.key_versions.get(version, 0) + 1
        if not seen.lock.holds(self._now):
            return
        under.locked += 1
        under.legal_hold += seen.lock.is_held
        if seen.lock.until is not None and seen.lock.until > self._now:
            under.compliance += seen.lock.mode == "COMPLIANCE"
            under.governance += seen.lock.mode == "GOVERNANCE"
            under.locked_until = max(under.locked_until, moment(seen.lock.until))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    buckets: tuple[BucketCount, ...] = ()
    not_counted: tuple[str, ...] | None = None
    """Buckets that were there when all were last asked for and are not in it; None: nobody asked, or a store
    did not answer.
    """
    listed: str = ""
    """When that was: buckets that were made since are not known here, however fresh the figures of others."""

    def with_bucket(self, count: BucketCount) -> "Inventory":
        """The bucket's figures in the place of what was known of it."""
        others = [each for each in self.buckets if each.bucket != count.bucket]
        left = self.not_counted and tuple(name for name in self.not_counted if name != count.bucket)
        buckets = tuple(sorted([*others, count], key=lambda each: each.bucket))
        return replace(self, buckets=buckets, not_counted=left)

    def of_all(self, names: Iterable[str], *, listed: str) -> "Inventory":
        """Without buckets that are gone, once all names are known."""
        there = set(names)
        kept = tuple(each for each in self.buckets if each.bucket in there)
        missing = there - {each.bucket for each in kept}
        return Inventory(buckets=kept, not_counted=tuple(sorted(missing)), listed=listed)

    def of_some(self) -> "Inventory":
        """With no claim to be all there is: a store did not say which buckets it has."""
        return replace(self, not_counted=None, listed="")

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "listed": self.listed,
            "not_counted": None if self.not_counted is None else list(self.not_counted),
            "buckets": [asdict(each) for each in self.buckets],
        }


def inventory_of(document: Any) -> Inventory:
    """The inverse of as_json. Raises DamagedInventory."""
    try:
        if document["format"] != FORMAT:
            raise DamagedInventory("is of another version")
        listed, left = str(document.get("listed", "")), document["not_counted"]
        counts = tuple(_bucket(each) for each in document["buckets"])
        if left is None or not listed:
            return Inventory(buckets=counts)
        _dated(listed)
        return Inventory(buckets=counts, not_counted=tuple(map(str, left)), listed=listed)
    except (TypeError, KeyError, ValueError, AttributeError):
        raise DamagedInventory("is not one that `sealgate inventory` wrote") from None


def _bucket(fields: Any) -> BucketCount:
    keys = {str(arn): KeyCount(**count) for arn, count in fields["keys"].items()}
    count = BucketCount(**{**fields, "keys": keys})
    _dated(count.taken)
    for each in keys.values():
        if not all(isinstance(number, int) for number in (each.objects, each.versions, each.locked)):
            raise TypeError
        if each.locked_until:
            datetime.fromisoformat(each.locked_until)
    return count


def _dated(told: str) -> None:
    """Raises ValueError where it is no moment."""
    if datetime.fromisoformat(told).tzinfo is None:
        raise ValueError


def moment(when: datetime) -> str:
    """In UTC, to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain_bytes(envelope: SealedEnvelope, sealed_size: int) -> int:
    try:
        return envelope.agreed_length(sealed_size)
    except FormatError:
        return 0
