"""Uploads through two replicas, in front of stores that fail at any step or are particular about parts."""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.uploads import MIB, SMALLEST, Upload
from tests.faults.replicas import KINDS, Opens, Replicas, bucket_of
from tests.faults.steps import Fate, PartSizes, Step, Strike, Verdict

STEPS = 15
"""More than any flow below has."""
TRIES = 6


def state_of(raw: Any, upload: Upload) -> list[str]:
    listed = raw.list_objects_v2(Bucket=upload.name["Bucket"], Prefix=upload.state)
    return [each["Key"] for each in listed.get("Contents", [])]


def tried(step: Callable[[], Any], *, between: Callable[[], None] = lambda: None) -> Any:
    """As an SDK does: again, while the answer is that it may help. `between` looks at what failed."""
    for attempt in range(TRIES):
        try:
            return step()
        except ClientError as exc:
            status = exc.response["ResponseMetadata"]["HTTPStatusCode"]
            if status < 500 or attempt + 1 == TRIES:
                raise
            between()
    raise AssertionError


def whole_or_none(raw: Any, opens: Opens, upload: Upload) -> None:
    """What a reader may find while an upload has its trouble."""
    with contextlib.suppress(raw.exceptions.ClientError):
        raw.head_object(**upload.name)
        opens(upload.name["Bucket"], upload.name["Key"], upload.whole())


def test_any_replica_goes_on_with_an_upload(pair: Replicas, opens: Opens, key: str) -> None:
    """Nothing that is needed lives in one worker's memory."""
    upload = Upload(pair.one, bucket_of("steps"), key)
    upload.part(1, plaintext(SMALLEST + 1), through=pair.other)
    upload.part(2, plaintext(SMALLEST + 2), through=pair.one)
    upload.part(3, plaintext(9), through=pair.other)

    upload.complete(through=pair.one)

    opened = opens(bucket_of("steps"), key, upload.whole())
    known = [part.run_id is not None for part in opened.parts]
    assert known == [False, True, True]


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.LOSE])
@pytest.mark.parametrize("at", range(STEPS))
def test_a_step_that_fails_is_done_again(
    *, pair: Replicas, raw: Any, opens: Opens, key: str, at: int, fate: Fate
) -> None:
    """Cut before the store sees it, or after it has done it: at the end there is the whole object."""
    strike = Strike(at, fate)
    with pair.relays["steps"].ruled(strike):
        upload = tried(lambda: Upload(pair.one, bucket_of("steps"), key))
        tried(lambda: upload.part(1, plaintext(SMALLEST)))
        tried(lambda: upload.part(2, plaintext(100), through=pair.other))
        turns = itertools.cycle([pair.one, pair.other])
        tried(
            lambda: upload.complete(through=next(turns)),
            between=lambda: whole_or_none(raw, opens, upload),
        )

    opens(bucket_of("steps"), key, upload.whole())
    if strike.name not in {"state list", "state delete"}:
        assert state_of(raw, upload) == []


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.LOSE])
@pytest.mark.parametrize("at", range(4))
def test_an_abort_that_fails_is_done_again(
    *, pair: Replicas, raw: Any, key: str, at: int, fate: Fate
) -> None:
    upload = Upload(pair.one, bucket_of("steps"), key)
    upload.part(1, b"12345")
    strike = Strike(at, fate)
    with pair.relays["steps"].ruled(strike):
        for _ in range(TRIES):
            try:
                upload.abort()
                break
            except ClientError as exc:
                status = exc.response["ResponseMetadata"]["HTTPStatusCode"]
                assert status >= 500 or status == 404
                if status == 404:
                    break

    with pytest.raises(ClientError) as caught:
        upload.complete()
    assert caught.value.response["Error"]["Code"] == "NoSuchUpload"
    with pytest.raises(raw.exceptions.ClientError):
        raw.head_object(**upload.name)
    if strike.name not in {"state list", "state delete"}:
        assert state_of(raw, upload) == []


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("equal", {1: 6 * MIB, 2: 6 * MIB, 3: 6 * MIB}),
        ("equal", {1: 6 * MIB, 2: 6 * MIB, 3: 100}),
        ("equal", {1: 6 * MIB, 2: 6 * MIB, 3: 5 * MIB + 1}),
        ("equal", {1: 6 * MIB, 2: 6 * MIB, 3: 6 * MIB - 1}),
        ("equal", {1: 6 * MIB}),
        ("equal", {1: 9}),
        ("consecutive", {1: 6 * MIB, 2: 5 * MIB}),
        ("consecutive", {1: 6 * MIB, 2: 100}),
        ("consecutive", {1: 0}),
        ("both", {1: 6 * MIB, 2: 6 * MIB}),
        ("both", {1: 6 * MIB, 2: 6 * MIB - 1}),
        ("both", {1: 6 * MIB, 2: 3}),
    ],
    ids=str,
)
def test_a_store_that_is_particular_about_parts(
    pair: Replicas, opens: Opens, key: str, kind: str, sizes: dict[int, int]
) -> None:
    """Parts of one size, numbers without a gap: the object's end keeps to it. The last part goes first."""
    upload = Upload(pair.one, bucket_of(kind), key)
    rule = PartSizes(equal="equal_parts" in KINDS[kind], consecutive="consecutive_parts" in KINDS[kind])
    with pair.relays[kind].ruled(rule):
        for number in sorted(sizes, reverse=True):
            upload.part(number, plaintext(sizes[number], number), through=pair.other)

        upload.complete()

    assert rule.refused == 0
    opens(bucket_of(kind), key, upload.whole())


def test_a_part_of_ours_that_another_complete_replaced_is_sent_again(
    pair: Replicas, opens: Opens, key: str
) -> None:
    """The store calls it invalid: twice is borne, and the third time counts."""
    upload = Upload(pair.one, bucket_of("steps"), key)
    upload.part(1, plaintext(1000))
    refusals = iter([(400, "InvalidPart")] * 2)

    def invalid_at_first(step: Step) -> Verdict:
        return next(refusals, Fate.PASS) if step.name == "complete" else Fate.PASS

    with pair.relays["steps"].ruled(invalid_at_first):
        upload.complete()
        sent = [step.name for step in pair.relays["steps"].seen].count("part")

    assert sent == 3
    opens(bucket_of("steps"), key, upload.whole())


def test_an_error_in_an_answer_of_200_is_an_error(pair: Replicas, raw: Any, key: str) -> None:
    """S3 sends its status before it knows how a Complete ends."""
    upload = Upload(pair.one, bucket_of("steps"), key)
    upload.part(1, b"12345")

    def fails_inside(step: Step) -> Verdict:
        return (200, "InternalError") if step.name == "complete" else Fate.PASS

    with pair.relays["steps"].ruled(fails_inside), pytest.raises(ClientError) as caught:
        upload.complete()

    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    with pytest.raises(raw.exceptions.ClientError):
        raw.head_object(**upload.name)
    upload.complete()


def test_a_condition_met_by_our_own_earlier_complete_is_its_success(
    pair: Replicas, opens: Opens, key: str
) -> None:
    """A Complete with If-None-Match whose answer is lost must not be told that somebody else was first."""
    upload = Upload(pair.one, bucket_of("steps"), key)
    upload.part(1, b"12345")
    fates = iter([Fate.LOSE])

    def lost_once(step: Step) -> Verdict:
        return next(fates, Fate.PASS) if step.name == "complete" else Fate.PASS

    with pair.relays["steps"].ruled(lost_once):
        upload.complete(IfNoneMatch="*")
    assert next(fates, None) is None

    opens(bucket_of("steps"), key, b"12345")
