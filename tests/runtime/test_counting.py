"""What becomes of each use of a key service, as metrics and readiness are told of it."""

import pytest

from proxy.keys.provider import KeyRefused, KeyUnavailable, KeyUnusable, WrappedKeyDamaged
from proxy.metrics import Metrics
from proxy.runtime.counting import CountedKeys
from tests.keys.conftest import CALLER
from tests.keys.in_memory import Kms
from tests.test_metrics import samples


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (KeyRefused("no"), "refused"),
        (KeyUnusable("disabled"), "unusable"),
        (KeyUnavailable("down"), "unavailable"),
        (WrappedKeyDamaged("altered"), "damaged"),
        (ZeroDivisionError(), "failed"),
    ],
)
async def test_how_a_call_ended_is_counted(error: Exception, outcome: str) -> None:
    """Only a service that does not answer is in trouble: a refusal is an answer, a fault of ours is none."""
    kms, metrics = Kms(), Metrics()
    keys = CountedKeys(kms, metrics, backend="here")
    kms.error = error

    with pytest.raises(type(error)):
        await keys.describe("k", CALLER)

    name = "sealgate_kms_requests_total"
    counted = {sample: value for sample, value in samples([metrics]).items() if sample.startswith(name)}
    labels = [("backend", "here"), ("operation", "DescribeKey"), ("outcome", outcome)]
    assert counted == {f"{name}{labels}": 1}
    assert keys.troubles() == (["here does not answer"] if outcome == "unavailable" else [])


async def test_an_answer_ends_the_trouble() -> None:
    kms = Kms()
    keys = CountedKeys(kms, Metrics(), backend="here", regions_away=lambda: ["eu-west-1"])
    kms.error = KeyUnavailable("down")
    with pytest.raises(KeyUnavailable):
        await keys.describe("k", CALLER)
    kms.error = None

    await keys.describe("k", CALLER)

    assert keys.troubles() == ["here does not answer in eu-west-1"]
