"""What a worker remembers: for five seconds what a setting is, for ever how far it had come."""

from proxy.gateway.settings.memory import FRESH_SECONDS, SettingsMemory
from proxy.gateway.settings.values import NO_SETTINGS, BucketSettings
from proxy.s3.bucket_encryption import BucketEncryption
from proxy.s3.encryption import Algorithm

PLACE, OTHER = ("store", "photos"), ("store", "other")
KMS = BucketSettings(encryption=BucketEncryption(algorithm=Algorithm.SSE_KMS))


def test_nothing_is_known_of_a_bucket_that_was_not_asked_for() -> None:
    memory = SettingsMemory()

    assert memory.fresh(PLACE, now=0) is None
    assert memory.last(PLACE).counter == 0


def test_a_setting_is_fresh_for_five_seconds_and_its_counter_stays() -> None:
    memory = SettingsMemory()
    memory.learn(PLACE, 7, KMS, now=100)

    assert FRESH_SECONDS == 5.0
    assert memory.fresh(PLACE, now=104.9) == KMS
    assert memory.fresh(PLACE, now=105) is None
    assert (memory.last(PLACE).counter, memory.last(PLACE).settings) == (7, KMS)
    assert memory.fresh(OTHER, now=100) is None
    assert memory.fresh(("elsewhere", "photos"), now=100) is None


def test_none_is_remembered_too_and_a_record_takes_its_place() -> None:
    memory = SettingsMemory()
    memory.learn(PLACE, 0, NO_SETTINGS, now=100)
    assert memory.fresh(PLACE, now=101) == NO_SETTINGS

    memory.learn(PLACE, 1, KMS, now=101)
    assert memory.fresh(PLACE, now=101) == KMS


def test_doubt_asks_again_and_forgets_no_counter() -> None:
    memory = SettingsMemory()
    memory.learn(PLACE, 7, KMS, now=100)
    memory.learn(OTHER, 0, NO_SETTINGS, now=100)

    memory.doubt(PLACE)
    memory.doubt(OTHER)

    assert memory.fresh(PLACE, now=100) is memory.fresh(OTHER, now=100) is None
    assert (memory.last(PLACE).counter, memory.last(PLACE).settings) == (7, KMS)


def test_an_older_record_takes_no_newer_one_s_place() -> None:
    """It was read while another request wrote."""
    memory = SettingsMemory()
    memory.learn(PLACE, 7, KMS, now=100)

    for older in (6, 0):
        memory.learn(PLACE, older, NO_SETTINGS, now=101)

    assert memory.fresh(PLACE, now=101) == KMS
    assert memory.last(PLACE).counter == 7


def test_a_bucket_that_is_gone_is_forgotten() -> None:
    memory = SettingsMemory()
    memory.learn(PLACE, 7, KMS, now=100)

    memory.forget(PLACE)

    assert memory.last(PLACE).counter == 0


def test_names_that_nobody_set_anything_for_push_out_no_counter() -> None:
    """Any client can ask for one more bucket that is not there."""
    memory = SettingsMemory(most_without=3, most_with=2)
    memory.learn(PLACE, 7, KMS, now=0)
    for number in range(10):
        memory.learn(("store", f"b{number}"), 0, NO_SETTINGS, now=0)

    assert memory.last(PLACE).counter == 7
    assert sum(memory.fresh(("store", f"b{number}"), now=0) is not None for number in range(10)) == 3


def test_whoever_asks_the_store_for_one_bucket_holds_the_same_lock() -> None:
    memory = SettingsMemory()
    held = memory.reading(PLACE)

    assert memory.reading(PLACE) is held
    assert memory.reading(OTHER) is not held
