"""The key service's quotas and prices, as the configuration has them."""

from decimal import Decimal

import pytest

from proxy.config.quotas import HsmPrices, HsmQuotas, RequestRate
from proxy.hsm.core.prices import Prices
from proxy.hsm.core.quotas import RATES
from proxy.hsm.engine_desk import Limits
from proxy.runtime.hsm_terms import limits_of, prices_of, throttle_of
from proxy.supervisor.start import StartRefused


def test_what_is_not_written_is_aws_s() -> None:
    throttle = throttle_of(HsmQuotas())

    assert limits_of(HsmQuotas()) == Limits()
    assert prices_of(HsmPrices()) == Prices()
    assert {quota: throttle.rate(quota) for quota in RATES} == RATES


def test_what_is_written_stands_in_its_place() -> None:
    quotas = HsmQuotas(
        tags_per_key=7, grants_per_key=3, requests=(RequestRate(operation="CreateKey", per_second=0.5),)
    )
    prices = prices_of(HsmPrices(requests_10000=0.05, billed_rotations=0))

    assert limits_of(quotas) == Limits(tags_per_key=7, grants_per_key=3)
    assert throttle_of(quotas).rate("CreateKey") == 0.5
    assert (prices.requests["symmetric"].per_10000, prices.billed_rotations) == (Decimal("0.05"), 0)


@pytest.mark.parametrize(
    ("named", "hint"),
    [
        ("CreateKeys", "did you mean CreateKey?"),
        ("Zzz", "uses of keys share CryptographicOperationsSymmetric"),
    ],
)
def test_a_quota_that_is_none_keeps_the_service_from_starting(named: str, hint: str) -> None:
    """A misspelt one would hold nobody."""
    with pytest.raises(StartRefused) as caught:
        throttle_of(HsmQuotas(requests=(RequestRate(operation=named, per_second=1.0),)))

    assert str(caught.value) == f"hsm.quotas.requests: there is no quota of {named}; {hint}"
