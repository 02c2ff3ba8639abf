"""The key service's quotas and prices, from the configuration's words to its own."""

import time
from decimal import Decimal

from proxy.config import schema
from proxy.hsm.core.prices import Prices, RequestPrice
from proxy.hsm.engine_desk import Limits
from proxy.hsm.throttle import Throttle


def limits_of(quotas: schema.HsmQuotas) -> Limits:
    return Limits(
        customer_keys=quotas.customer_keys,
        aliases_per_key=quotas.aliases_per_key,
        tags_per_key=quotas.tags_per_key,
        on_demand_rotations=quotas.on_demand_rotations,
    )


def throttle_of(quotas: schema.HsmQuotas) -> Throttle:
    rates = {rate.operation: rate.per_second for rate in quotas.requests}
    return Throttle(ticks=time.monotonic, rates=rates)


def prices_of(prices: schema.HsmPrices) -> Prices:
    symmetric = RequestPrice(per_10000=_exact(prices.requests_10000), free_tier=True)
    return Prices(
        key_month=_exact(prices.key_month),
        rotation_month=_exact(prices.rotation_month),
        billed_rotations=prices.billed_rotations,
        free_requests=prices.free_requests,
        requests={**Prices().requests, "symmetric": symmetric},
    )


def _exact(amount: float) -> Decimal:
    """As it was written: 0.03 is three cents, not the nearest binary fraction."""
    return Decimal(str(amount))
