"""What is counted of the use of keys, and what is remembered of a key that is gone: for usage and bills.

A count belongs to a month, to the account that asked, and to a key. The counts of the service-owned keys are
nobody's, and are not kept. Months are UTC's.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MONTHS_KEPT = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How often an account asked for each operation on a key in a month."""

    month: str
    """YYYY-MM."""
    account: str
    """The caller's, who pays."""
    region: str
    key_arn: str
    """Empty for operations on no key, and for months that are folded."""
    manager: str
    """CUSTOMER or AWS; empty without a key."""
    counts: tuple[tuple[str, int], ...]
    """Operation and count, in the operations' order."""

    @property
    def name(self) -> str:
        return usage_name(self.month, self.account, self.region, self.key_arn, self.manager)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUse:
    """The last successful cryptographic operation with a key."""

    key_arn: str
    operation: str
    epoch: float
    event_id: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What bills need to know of a customer's key that was destroyed."""

    key_arn: str
    account: str
    region: str
    created_epoch: float
    rotated_epochs: tuple[float, ...]
    ended_epoch: float
    """When its deletion was asked for: from then on it cost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Since when uses are counted in this store."""

    since_epoch: float


def usage_name(month: str, account: str, region: str, key_arn: str, manager: str) -> str:
    return f"{month}/{account}/{region}/{manager}/{key_arn}"


def month_of(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m")


def month_bounds(month: str) -> tuple[float, float]:
    """Its first moment and that of the next one. Raises ValueError for what is no month."""
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    following = (first + timedelta(days=32)).replace(day=1)
    return first.timestamp(), following.timestamp()


def months_before(month: str, count: int) -> str:
    """The month that lies so many before this one."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 - count, 12)
    return f"{year:04}-{number + 1:02}"
