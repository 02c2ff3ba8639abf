"""Quotas and prices of the built-in key service; proxy/config/schema.py has the rest of a configuration."""

from dataclasses import dataclass
from typing import Annotated

from proxy.config.terms import Bounds, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRate:
    """In the place of AWS's."""

    operation: Annotated[str, Shape(r"[A-Z][A-Za-z]{2,63}", "an operation's name, such as CreateKey")]
    """CryptographicOperationsSymmetric stands for all uses of keys together."""
    per_second: Annotated[float, Bounds(0.01, 1_000_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HsmQuotas:
    """AWS's, where nothing else is written. Of an account in a region, or of a key."""

    customer_keys: Annotated[int, Bounds(1, 10_000_000)] = 100_000
    aliases_per_key: Annotated[int, Bounds(1, 100_000)] = 50
    tags_per_key: Annotated[int, Bounds(1, 1000)] = 50
    on_demand_rotations: Annotated[int, Bounds(0, 100_000)] = 25
    """Of a key, in all its life."""
    grants_per_key: Annotated[int, Bounds(0, 1_000_000)] = 50_000
    requests: Annotated[tuple[RequestRate, ...], Bounds(0, 100)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HsmPrices:
    """What `sealgate keys cost` reckons with: those of AWS KMS in 2026, in US dollars."""

    key_month: Annotated[float, Bounds(0, 1_000_000)] = 1.0
    rotation_month: Annotated[float, Bounds(0, 1_000_000)] = 1.0
    billed_rotations: Annotated[int, Bounds(0, 1000)] = 2
    """The first so many rotations of a key cost as well."""
    requests_10000: Annotated[float, Bounds(0, 1_000_000)] = 0.03
    free_requests: Annotated[int, Bounds(0, 1_000_000_000)] = 20_000
    """Of an account in a month, over all regions."""
