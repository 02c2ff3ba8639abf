"""The key service's quotas and prices, from the configuration's words to its own."""

import difflib
import time
from decimal import Decimal

from proxy.config.quotas import HsmPrices, HsmQuotas
from proxy.hsm.core.prices import Prices, RequestPrice
from proxy.hsm.core.quotas import CRYPTOGRAPHIC, RATES
from proxy.hsm.engine_desk import Limits
from proxy.hsm.throttle import Throttle
from proxy.supervisor.start import StartRefused


def limits_of(quotas: HsmQuotas) -> Limits:
    return Limits(
        customer_keys=quotas.customer_keys,
        aliases_per_key=quotas.aliases_per_key,
        tags_per_key=quotas.tags_per_key,
        on_demand_rotations=quotas.on_demand_rotations,
        grants_per_key=quotas.grants_per_key,
    )


def throttle_of(quotas: HsmQuotas) -> Throttle:
    """Raises StartRefused for a quota that there is none of: a misspelt one would hold nobody."""
    rates = {rate.operation: rate.per_second for rate in quotas.requests}
    if unknown := sorted(rates.keys() - RATES.keys()):
        known = difflib.get_close_matches(unknown[0], RATES, n=1)
        hint = f"; did you mean {known[0]}?" if known else f"; uses of keys share {CRYPTOGRAPHIC}"
        raise StartRefused(f"hsm.quotas.requests: there is no quota of {unknown[0]}{hint}")
    return Throttle(ticks=time.monotonic, rates=rates)


def prices_of(prices: HsmPrices) -> Prices:
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
