"""A body changed on the store is never given out as the object: an error or a tear, an event, a count.

Bodies are changed with the store's own credentials. What a client got before a tear is right, and its answer
has no valid end.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.e2e.wire import UNSIGNED_TRAILER, put_chunked
from tests.faults.bodies import crc32
from tests.faults.damage import REARRANGED, SEALED, SEGMENT, Stored, cuts, regions
from tests.faults.evidence import Evidence
from tests.faults.wire import Got, ask
from tests.stores.sealgate import Sealgate

GROUP = 8
"""Segments that are opened before the first byte is sent."""
SIZES = (0, 1, 70_000, 3 * 1024 * 1024)
LARGE = SIZES[-1]
NOT_AS_SEALED = (403, "InvalidObjectState")


@dataclass(frozen=True, slots=True)
class Sample:
    """A sealed object, written once; copies of it are damaged."""

    key: str
    plain: bytes
    stored: Stored


@pytest.fixture(scope="module")
def samples(s3: Any, raw: Any, bucket: str) -> dict[int, Sample]:
    made = {}
    for size in SIZES:
        key = f"sample-{size}"
        s3.put_object(Bucket=bucket, Key=key, Body=plaintext(size))
        kept = raw.get_object(Bucket=bucket, Key=key)
        made[size] = Sample(key, plaintext(size), Stored(kept["Body"].read(), kept["Metadata"]))
    return made


@pytest.fixture
def put_raw(raw: Any, bucket: str) -> Callable[[str, Stored], None]:
    """Writes to the bare store, behind the proxy's back."""

    def put(key: str, stored: Stored) -> None:
        raw.put_object(Bucket=bucket, Key=key, Body=stored.body, Metadata=dict(stored.metadata))

    return put


@pytest.fixture
def get(sealgate: Sealgate, bucket: str) -> Callable[..., Got]:
    return lambda key, **headers: ask("GET", f"{sealgate.url}/{bucket}/{key}", headers)


@pytest.fixture
def noticed(evidence: Evidence) -> Iterator[Callable[[Got, bytes], None]]:
    """noticed(answer, plain): an error, or a torn true beginning; and both witnesses tell of it."""

    def check(answer: Got, plain: bytes) -> None:
        if answer.status == 200:
            assert answer.torn
            assert plain.startswith(answer.body)
            assert len(answer.body) % SEGMENT == 0
        else:
            assert answer.told == NOT_AS_SEALED
        event = evidence.of(answer.request_id)
        assert event["additionalEventData"]["integrityViolation"]
        assert event["errorCode"] == NOT_AS_SEALED[1]
        assert (event["additionalEventData"]["outcome"] == "torn") == answer.torn
        checked.append(answer)

    checked: list[Got] = []
    before = evidence.violations()
    yield check
    assert evidence.violations_reach(before + len(checked))
    assert checked


@pytest.mark.parametrize("size", SIZES)
def test_any_flipped_byte_is_noticed(
    *, samples: dict[int, Sample], put_raw: Any, get: Any, noticed: Any, size: int
) -> None:
    """Run ids, ciphertext, tags, zeros, footer and mark, in the first, middle and last segments."""
    sample = samples[size]
    for region, at in regions(size, len(sample.stored.body)):
        put_raw(sample.key, sample.stored.flipped(at))

        answer = get(sample.key)

        assert answer.status != 200 or answer.torn, region
        if at < GROUP * SEALED or size <= GROUP * SEGMENT:
            assert answer.told == NOT_AS_SEALED, region
        else:
            assert len(answer.body) >= GROUP * SEGMENT, region
        noticed(answer, sample.plain)


@pytest.mark.parametrize("size", SIZES)
def test_any_cut_is_noticed(
    *, samples: dict[int, Sample], put_raw: Any, get: Any, noticed: Any, size: int
) -> None:
    """Nothing is sent: the size alone tells."""
    sample = samples[size]
    for length in cuts(len(sample.stored.body)):
        put_raw(sample.key, sample.stored.with_body(sample.stored.body[:length]))

        answer = get(sample.key)

        assert answer.told == NOT_AS_SEALED, length
        noticed(answer, sample.plain)


def test_any_flipped_byte_of_an_index_is_noticed(
    *, url: str, key: str, raw: Any, bucket: str, put_raw: Any, get: Any, noticed: Any
) -> None:
    """A streamed body whose checksum came last has it sealed behind its last segment."""
    plain = plaintext(1024 * 1024 + 1)
    coded = put_chunked(url, plain, coding=UNSIGNED_TRAILER, trailer=("x-amz-checksum-crc32", crc32(plain)))
    assert coded.status == 200
    kept = raw.get_object(Bucket=bucket, Key=key)
    stored = Stored(kept["Body"].read(), kept["Metadata"])
    assert get(key, **{"x-amz-checksum-mode": "ENABLED"}).headers["x-amz-checksum-crc32"] == crc32(plain)
    index_bytes = int.from_bytes(stored.body[-8:-4], "big")
    end = len(stored.body) - 8
    for at in (*range(end - index_bytes - 1, end, 5), end - 1, *range(end, end + 8)):
        put_raw(key, stored.flipped(at))

        noticed(get(key), plain)
        noticed(get(key, **{"x-amz-checksum-mode": "ENABLED"}), plain)


@pytest.mark.parametrize("how", REARRANGED)
def test_any_rearrangement_is_noticed(
    *, samples: dict[int, Sample], put_raw: Any, get: Any, noticed: Any, how: str
) -> None:
    sample = samples[LARGE]
    put_raw(sample.key, REARRANGED[how](sample.stored))

    noticed(get(sample.key), sample.plain)


def test_damage_far_on_tears_the_connection_at_the_last_good_group(
    *, samples: dict[int, Sample], put_raw: Any, get: Any, noticed: Any
) -> None:
    """Eight segments are opened at a time; those before the damaged eight arrive whole."""
    sample = samples[LARGE]
    for segment in (GROUP, 2 * GROUP - 1, 2 * GROUP, 47):
        put_raw(sample.key, sample.stored.flipped(segment * SEALED + 500))

        answer = get(sample.key)

        assert (answer.status, answer.torn) == (200, True)
        assert len(answer.body) == segment // GROUP * GROUP * SEGMENT
        noticed(answer, sample.plain)


def test_ranges_beside_the_damage_are_served(
    *, samples: dict[int, Sample], put_raw: Any, get: Any, noticed: Any
) -> None:
    """A range opens what it touches: it neither suffers from damage elsewhere nor overlooks its own."""
    sample = samples[LARGE]
    damaged = 20
    put_raw(sample.key, sample.stored.flipped(damaged * SEALED + 30_000))
    first, last = damaged * SEGMENT, (damaged + 1) * SEGMENT - 1

    for start, end in ((0, 99), (first - 100, first - 1), (last + 1, last + 100), (LARGE - 10, LARGE - 1)):
        answer = get(sample.key, Range=f"bytes={start}-{end}")
        assert (answer.status, answer.body) == (206, sample.plain[start : end + 1])
    for start, end in ((first, first), (last, last), (first - 1, first), (last, last + 1)):
        answer = get(sample.key, Range=f"bytes={start}-{end}")
        assert answer.told == NOT_AS_SEALED
        noticed(answer, sample.plain)


def test_an_undamaged_body_under_its_name_opens(
    *, samples: dict[int, Sample], put_raw: Any, get: Any, evidence: Evidence
) -> None:
    """The ground that the other tests stand on: putting it back by hand is no damage."""
    before = evidence.violations()
    for sample in samples.values():
        put_raw(sample.key, sample.stored)
        answer = get(sample.key)
        assert (answer.status, answer.body, answer.torn) == (200, sample.plain, False)
        assert evidence.violation(answer.request_id) == ""
    assert evidence.violations() == before
