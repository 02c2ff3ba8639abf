"""An account's bill for a month: from the lives of its keys and the count of its requests, at given prices.

Keys cost by the hour, each hour that was begun. A key pending deletion costs nothing from the moment that was
asked; if it is cancelled, it costs as though it had never been asked, so a bill is always made from what is
known when it is asked for. Keys of the service cost nothing by the month. Requests are the caller's,
whoever owns the key. Sums are exact; the total alone is rounded, half a cent up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from proxy.hsm.core.prices import Prices
from proxy.hsm.core.usage import month_bounds

CENT = Decimal("0.01")
HOUR_SECONDS = 3600
PER = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A customer's key, as bills see it."""

    key_arn: str
    created_epoch: float
    rotated_epochs: tuple[float, ...] = ()
    """In ascending order."""
    ended_epoch: float | None = None
    """When its deletion was asked for, where that stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    key_arn: str
    hours: int
    rotation_hours: int
    """Of the rotations that are billed, added up."""
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    request_class: str
    count: int
    free: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    month: str
    hours: int
    """That the month has."""
    keys: tuple[KeyLine, ...]
    requests: tuple[RequestLine, ...]

    @property
    def total(self) -> Decimal:
        exact = sum([line.amount for line in self.keys] + [line.amount for line in self.requests], Decimal(0))
        return exact.quantize(CENT, ROUND_HALF_UP)


def bill(month: str, lives: Iterable[Life], requests: Mapping[str, int], prices: Prices) -> Bill:
    """`requests` counts a month's requests by class, over all regions. What costs nothing has no line."""
    start, end = month_bounds(month)
    hours = int(end - start) // HOUR_SECONDS
    lines = [_key_line(life, start, end, hours, prices) for life in lives]
    return Bill(
        month=month,
        hours=hours,
        keys=tuple(sorted((line for line in lines if line.hours), key=lambda line: line.key_arn)),
        requests=tuple(_request_lines(requests, prices)),
    )


def requests_cost(count: int, prices: Prices, request_class: str = "symmetric") -> Decimal:
    """What so many requests cost beyond the free ones."""
    return prices.requests[request_class].per_10000 * count / PER


def _key_line(life: Life, start: float, end: float, month_hours: int, prices: Prices) -> KeyLine:
    until = end if life.ended_epoch is None else min(end, life.ended_epoch)
    billed = life.rotated_epochs[: prices.billed_rotations]
    hours = _hours(life.created_epoch, start, until)
    rotation_hours = sum(_hours(rotated, start, until) for rotated in billed)
    amount = (prices.key_month * hours + prices.rotation_month * rotation_hours) / month_hours
    return KeyLine(key_arn=life.key_arn, hours=hours, rotation_hours=rotation_hours, amount=amount)


def _hours(since: float, start: float, until: float) -> int:
    """Hours begun within the month."""
    seconds = until - max(since, start)
    return max(0, -int(-seconds // HOUR_SECONDS))


def _request_lines(requests: Mapping[str, int], prices: Prices) -> Iterable[RequestLine]:
    free = prices.free_requests
    for request_class, price in prices.requests.items():
        count = requests.get(request_class, 0)
        given = min(free, count) if price.free_tier else 0
        free -= given
        if count:
            amount = requests_cost(count - given, prices, request_class)
            yield RequestLine(request_class=request_class, count=count, free=given, amount=amount)
