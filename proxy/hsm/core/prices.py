"""What keys and requests cost: AWS KMS's pricing page of 2026, in US dollars. Data; the reader is cost.py.

"Each AWS KMS key that you create costs $1/month (prorated hourly) ... the first and second rotation of the
key adds $1/month (prorated hourly) ... capped at the second rotation"; "$0.03 per 10,000 requests"; a "free
tier of 20,000 requests/month calculated across all regions".
"""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPrice:
    per_10000: Decimal
    free_tier: bool
    """Whether the month's free requests may be such ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    key_month: Decimal = Decimal("1.00")
    rotation_month: Decimal = Decimal("1.00")
    """For each of the first rotations of a key."""
    billed_rotations: int = 2
    free_requests: int = 20_000
    requests: dict[str, RequestPrice] = field(
        default_factory=lambda: {
            "symmetric": RequestPrice(per_10000=Decimal("0.03"), free_tier=True),
            "rsa_2048": RequestPrice(per_10000=Decimal("0.03"), free_tier=False),
            "asymmetric": RequestPrice(per_10000=Decimal("0.15"), free_tier=False),
            "ecc_data_key_pair": RequestPrice(per_10000=Decimal("0.10"), free_tier=False),
            "rsa_data_key_pair": RequestPrice(per_10000=Decimal("12.00"), free_tier=False),
        }
    )
    """By class of request."""
