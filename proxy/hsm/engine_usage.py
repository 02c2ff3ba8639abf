"""The actions that tell what keys are used for, how near an account is to its quotas, and what it costs.

GetKeyLastUsage is AWS's. GetUsage, GetQuotas and GetBill are our own, for what AWS tells elsewhere
(CloudTrail, Service Quotas, its bills); each answers for the caller's own account.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.hsm.core.cost import Bill, Life, bill
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.model import Key, Manager
from proxy.hsm.core.prices import Prices
from proxy.hsm.core.quotas import CRYPTOGRAPHIC, RATES
from proxy.hsm.core.states import KeyState
from proxy.hsm.core.usage import MONTHS_KEPT, Usage, month_of, months_before
from proxy.hsm.engine_desk import Call, Desk
from proxy.hsm.engine_reset import RESET
from proxy.hsm.throttle import Throttle

Response = dict[str, Any]

OWN_ACTIONS = frozenset({"GetBill", "GetQuotas", "GetUsage", RESET})


@dataclass(frozen=True, slots=True)
class UsageActions:
    desk: Desk
    prices: Prices
    throttle: Throttle | None

    def get_key_last_usage(self, call: Call) -> Response:
        key, books = self.desk.managed_key(call, call.request["KeyId"]), self.desk.ring.books
        use = books.last_use(key)
        told: Response = {
            "KeyId": key.key_id,
            "KeyCreationDate": key.created_epoch,
            "TrackingStartDate": books.counted_since(key, self.desk.clock()),
        }
        if use is not None:
            told["KeyLastUsage"] = {
                "Operation": use.operation,
                "Timestamp": use.epoch,
                "CloudTrailEventId": use.event_id,
                "KmsRequestId": use.request_id,
            }
        return told

    def get_usage(self, call: Call) -> Response:
        """By key and operation, for a month and for all regions."""
        month = self._month(call)
        usages = sorted(self._usages(call, month), key=lambda usage: (usage.region, usage.key_arn))
        return {"Month": month, "Usage": [_entry(usage) for usage in usages]}

    def get_bill(self, call: Call) -> Response:
        month = self._month(call)
        requests: Counter[str] = Counter()
        for usage in self._usages(call, month):
            requests["symmetric"] += sum(count for _, count in usage.counts)
        made = bill(month, self._lives(call.principal.account), requests, self.prices)
        return _told(made, self.prices)

    def get_quotas(self, call: Call) -> Response:
        """What is used of each quota in the account and region of the call."""
        account, region = call.principal.account, call.principal.region
        told = [
            _quota(name, "RESOURCE", used, limit)
            for name, (used, limit) in _resources(self.desk, _keys_in(self.desk, account, region)).items()
        ]
        if self.throttle is not None:
            ratios = self.throttle.used(account, region)
            for name in RATES:
                rate = self.throttle.rate(name)
                told.append(_quota(name, "REQUESTS_PER_SECOND", round(ratios.get(name, 0.0) * rate, 1), rate))
        return {"Quotas": told}

    def _month(self, call: Call) -> str:
        """Raises ValidationException for a month that is not known here (any more)."""
        now = month_of(self.desk.clock())
        month = str(call.request.get("Month") or now)
        if not months_before(now, MONTHS_KEPT - 1) <= month <= now:
            says = f"Month must be one of the last {MONTHS_KEPT}, up to {now}"
            raise KmsError("ValidationException", says)
        return month

    def _usages(self, call: Call, month: str) -> Sequence[Usage]:
        books = self.desk.ring.books
        with books.lock:
            return list(books.meter.usages(month, call.principal.account))

    def _lives(self, account: str) -> Iterable[Life]:
        """All that the account has or had, in every region."""
        ring = self.desk.ring
        for key in ring.every_key():
            if key.account == account and key.manager is Manager.CUSTOMER:
                ended = key.deletion_asked_epoch if key.state is KeyState.PENDING_DELETION else None
                yield Life(
                    key_arn=key.arn,
                    created_epoch=key.created_epoch,
                    rotated_epochs=ring.lived(key),
                    ended_epoch=ended,
                )
        for past in ring.books.past():
            if past.account == account:
                yield Life(
                    key_arn=past.key_arn,
                    created_epoch=past.created_epoch,
                    rotated_epochs=past.rotated_epochs,
                    ended_epoch=past.ended_epoch,
                )


def quotas_used(desk: Desk, throttle: Throttle | None) -> dict[str, float]:
    """0 to 1, by the quota's name; of whoever is nearest to its end."""
    found = dict.fromkeys((*_resources(desk, ()), CRYPTOGRAPHIC), 0.0) | (
        throttle.furthest() if throttle else {}
    )
    by_place: defaultdict[tuple[str, str], list[Key]] = defaultdict(list)
    for key in desk.ring.every_key():
        if key.manager is Manager.CUSTOMER:
            by_place[key.account, key.region].append(key)
    for keys in by_place.values():
        for name, (used, limit) in _resources(desk, keys).items():
            found[name] = max(found.get(name, 0.0), used / limit if limit else 1.0)
    return found


def _resources(desk: Desk, keys: Sequence[Key]) -> dict[str, tuple[int, int]]:
    """Of what counts by key, the key that has most. The keys are an account's in a region."""
    limits = desk.limits
    aliases = _most(len(desk.ring.aliases_of(key)) for key in keys)
    rotations = _most(key.on_demand_rotations for key in keys)
    return {
        "CustomerKeys": (len(keys), limits.customer_keys),
        "AliasesPerKey": (aliases, limits.aliases_per_key),
        "TagsPerKey": (_most(len(key.tags) for key in keys), limits.tags_per_key),
        "OnDemandRotationsPerKey": (rotations, limits.on_demand_rotations),
        "GrantsPerKey": (_most(desk.ring.grants.count(key.arn) for key in keys), limits.grants_per_key),
    }


def _keys_in(desk: Desk, account: str, region: str) -> list[Key]:
    every = (desk.maybe_key(region, key_id) for key_id in desk.ring.key_ids(region, account))
    return [key for key in every if key and key.manager is Manager.CUSTOMER]


def _quota(name: str, kind: str, used: float, limit: float) -> Response:
    return {"Quota": name, "Kind": kind, "Used": used, "Limit": limit}


def _entry(usage: Usage) -> Response:
    return {
        "KeyArn": usage.key_arn,
        "KeyManager": usage.manager,
        "Region": usage.region,
        "Counts": dict(usage.counts),
    }


def _told(made: Bill, prices: Prices) -> Response:
    """Amounts are text: a sum of money is no binary fraction."""
    return {
        "Month": made.month,
        "Currency": "USD",
        "Keys": [
            {
                "KeyArn": line.key_arn,
                "Hours": line.hours,
                "RotationHours": line.rotation_hours,
                "Amount": f"{line.amount:.6f}",
            }
            for line in made.keys
        ],
        "Requests": [
            {
                "Class": line.request_class,
                "Count": line.count,
                "Free": line.free,
                "Amount": f"{line.amount:.6f}",
            }
            for line in made.requests
        ],
        "RequestPricePer10000": str(prices.requests["symmetric"].per_10000),
        "Total": str(made.total),
    }


def _most(counts: Iterable[int]) -> int:
    return max(counts, default=0)
