"""The token bucket, by the clock."""

import pytest
from botocore.loaders import Loader

from proxy.hsm.core.quotas import CRYPTOGRAPHIC, RATES, SHARED, Bucket, group_of


def taken(bucket: Bucket, now: float, count: int) -> int:
    return sum(bucket.take(now) for _ in range(count))


@pytest.mark.parametrize(("rate", "at_once"), [(5.0, 5), (10_000.0, 10_000), (0.25, 1), (1.0, 1)])
def test_a_second_s_worth_may_come_at_once(rate: float, at_once: int) -> None:
    assert taken(Bucket(rate=rate), 1000.0, at_once + 10) == at_once


@pytest.mark.parametrize(
    ("passed", "more"), [(0.0, 0), (0.19, 0), (0.2, 1), (0.5, 2), (1.0, 5), (3600.0, 5), (-50.0, 0)]
)
def test_what_was_taken_comes_back_with_time(passed: float, more: int) -> None:
    """Never more than a second's worth, and nothing where a clock goes back."""
    bucket = Bucket(rate=5.0)
    taken(bucket, 1000.0, 5)

    assert taken(bucket, 1000.0 + passed, 10) == more


def test_a_slow_quota_lets_one_through_every_few_seconds() -> None:
    bucket = Bucket(rate=0.25)

    assert [bucket.take(float(second)) for second in range(100, 109)] == [
        *(True, False, False, False),
        *(True, False, False, False),
        True,
    ]


def test_the_ratio_is_how_near_it_came_within_the_last_minute_or_two() -> None:
    bucket = Bucket(rate=10.0)
    taken(bucket, 600.0, 8)

    assert bucket.used_ratio(600.0) == pytest.approx(0.8)
    assert bucket.used_ratio(659.0) == pytest.approx(0.8)
    assert bucket.used_ratio(700.0) == pytest.approx(0.8)
    assert bucket.used_ratio(721.0) == pytest.approx(0.0)


def test_every_operation_of_aws_has_a_quota_but_those_that_hang_on_the_kind_of_key() -> None:
    model = Loader().load_service_model("kms", "service-2")  # type: ignore[no-untyped-call]  # no types
    by_kind = {"DeriveSharedSecret", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"}

    assert set(model["operations"]) - set(RATES) - SHARED == by_kind | {"Sign", "Verify"}
    assert {group_of(action) for action in SHARED} == {CRYPTOGRAPHIC}
