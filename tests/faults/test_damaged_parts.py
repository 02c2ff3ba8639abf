"""Multipart bodies changed behind the proxy's back: never a wrong byte as success, and it is told."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.made_parts import EVEN, Parted, PartsMaker, runs_of
from tests.faults.damage import SEALED, SEGMENT
from tests.faults.evidence import Evidence
from tests.faults.wire import Got, ask
from tests.recovery.sealing import M, groups_of, parts_column, seal_run
from tests.stores.sealgate import Sealgate

NOT_AS_SEALED = (403, "InvalidObjectState")
TINY = {1: 70_000, 2: 9}
Put = Callable[[Parted, bytes], None]


@pytest.fixture
def get(sealgate: Sealgate) -> Callable[..., Got]:
    def ask_for(made: Parted, query: str = "", method: str = "GET", **headers: str) -> Got:
        return ask(method, f"{sealgate.url}/{made.bucket}/{made.key}{query}", headers)

    return ask_for


@pytest.fixture
def noticed(evidence: Evidence) -> Iterator[Callable[[Got, bytes], None]]:
    """noticed(answer, plain): an error, or a torn true beginning; and both witnesses tell of it."""

    def check(answer: Got, plain: bytes) -> None:
        if answer.status == 200:
            assert answer.torn
            assert plain.startswith(answer.body)
        else:
            assert answer.told == NOT_AS_SEALED
        assert evidence.violation(answer.request_id)
        checked.append(answer)

    checked: list[Got] = []
    before = evidence.violations()
    yield check
    assert evidence.violations_reach(before + len(checked))
    assert checked


@pytest.fixture(scope="module")
def sample(make_parts: PartsMaker, bucket: str) -> Parted:
    """Written once; copies of it are damaged."""
    return make_parts(bucket, "sample", EVEN)


def flipped(body: bytes, at: int) -> bytes:
    return body[:at] + bytes([body[at] ^ 0x20]) + body[at + 1 :]


def tail_of(made: Parted) -> range:
    """Where zero bytes, index and footer lie."""
    return range(sum(len(run) for run in sealed_runs(made)), len(made.body))


def sealed_runs(made: Parted) -> list[bytes]:
    return [seal_run(run, made.content_key) for run in made.runs]


def with_runs(made: Parted, *runs: bytes) -> bytes:
    """The same tail behind other runs of the same length together."""
    tail = made.body[tail_of(made).start :]
    body = b"".join(runs) + tail
    assert len(body) == len(made.body)
    return body


def test_any_flipped_byte_behind_the_parts_is_noticed_before_a_byte_leaves(
    *, make_parts: PartsMaker, bucket: str, get: Any, noticed: Any
) -> None:
    """Zero bytes, index and footer of objects that nobody has read: each has an envelope of its own."""
    runs = runs_of(TINY)
    columns = parts_column(groups_of(runs))
    for at in tail_of(make_parts.made(bucket, "tail", runs, columns=columns)):
        made = make_parts.made(bucket, "tail", runs, columns=columns)
        make_parts.put(made, flipped(made.body, at))

        answer = get(made)

        assert answer.told == NOT_AS_SEALED, at
        noticed(answer, made.plain)
        if at % 8 == 0:
            noticed(get(made, Range="bytes=-5"), made.plain)
            noticed(get(made, "?partNumber=2"), made.plain)
            noticed(get(made, "?attributes", **{"x-amz-object-attributes": "ObjectParts"}), made.plain)


def test_a_tail_that_changed_after_its_index_was_read_is_noticed_at_the_end(
    *, sample: Parted, make_parts: PartsMaker, get: Any, noticed: Any
) -> None:
    """What is remembered of the parts is right, and so are ranges; a whole body must end as it should."""
    make_parts.put(sample)
    assert get(sample).body == sample.plain
    places = tail_of(sample)
    for at in sorted({places.start, places.stop - 1, places.stop - 5, *places[10::40]}):
        make_parts.put(sample, flipped(sample.body, at))

        answer = get(sample)

        assert (answer.status, answer.torn) == (200, True)
        noticed(answer, sample.plain)
        beside = get(sample, Range=f"bytes={M - 5}-{M + 5}")
        assert (beside.status, beside.body) == (206, sample.plain[M - 5 : M + 6])


def test_any_damage_in_a_later_part_is_noticed(
    *, sample: Parted, make_parts: PartsMaker, get: Any, noticed: Any
) -> None:
    """Run id, ciphertext and tag of its first, a middle and its last segment; beside it all is well."""
    make_parts.put(sample)
    assert get(sample, Range="bytes=0-0").body == sample.plain[:1]
    first, second = (len(run) for run in sealed_runs(sample)[:2])
    last_of_second = first + second - SEALED
    for start in (first, first + 40 * SEALED, last_of_second, first + second):
        for at in (start, start + 11, start + 12, start + 30_000, start + SEALED - 1):
            make_parts.put(sample, flipped(sample.body, at))

            answer = get(sample)

            assert len(answer.body) <= at
            noticed(answer, sample.plain)
    make_parts.put(sample, flipped(sample.body, first + SEALED + 100))
    inside = get(sample, Range=f"bytes={M + SEGMENT}-{M + SEGMENT}")
    assert inside.told == NOT_AS_SEALED
    noticed(inside, sample.plain)
    noticed(get(sample, "?partNumber=2"), sample.plain)
    for query, expected in (("?partNumber=1", sample.plain[:M]), ("?partNumber=3", sample.plain[2 * M :])):
        assert get(sample, query).body == expected


WRONG_PARTS: dict[str, Callable[[list[bytes], list[bytes]], list[bytes]]] = {
    "two parts exchanged": lambda runs, _: [runs[1], runs[0], runs[2]],
    "a part twice": lambda runs, _: [runs[0], runs[0], runs[2]],
    "a part dropped, zeros in its place": lambda runs, _: [runs[0], bytes(len(runs[1])), runs[2]],
    "a part of another upload": lambda runs, other: [runs[0], other[1], runs[2]],
    "all parts of another upload": lambda _, other: other,
    "half a part of another upload": lambda runs, other: [
        runs[0],
        runs[1][: 9 * SEALED] + other[1][9 * SEALED :],
        runs[2],
    ],
}


@pytest.mark.parametrize("how", WRONG_PARTS)
def test_wrong_parts_are_noticed(  # a test's fixtures
    *, sample: Parted, make_parts: PartsMaker, get: Any, noticed: Any, how: str
) -> None:
    other = make_parts.made(sample.bucket, sample.key, runs_of(EVEN))
    make_parts.put(sample, with_runs(sample, *WRONG_PARTS[how](sealed_runs(sample), sealed_runs(other))))

    noticed(get(sample), sample.plain)


CUTS = [(kept, end) for kept in (0, 1, 2, 3) for end in ("nothing", "the tail")][:-1]


@pytest.mark.parametrize(("kept", "end"), CUTS)
def test_an_object_cut_at_the_end_of_a_part_is_noticed(  # the same
    *, sample: Parted, make_parts: PartsMaker, get: Any, noticed: Any, kept: int, end: str
) -> None:
    cut = b"".join(sealed_runs(sample)[:kept])
    if end == "the tail":
        cut += sample.body[tail_of(sample).start :]
    make_parts.put(sample, cut)

    answer = get(sample)

    assert answer.told == NOT_AS_SEALED
    noticed(answer, sample.plain)


@pytest.mark.parametrize(
    "groups",
    [
        [(1, 1, M), (2, 1, M)],
        [(1, 2, M), (3, 1, 100_001)],
        [(1, 1, M), (2, 1, M - 1), (3, 1, 100_001)],
        [(1, 1, 2 * M), (2, 1, 100_000)],
        [(4, 2, M), (6, 1, 100_000)],
    ],
)
def test_an_index_that_does_not_match_its_parts_is_noticed(  # the same
    *, make_parts: PartsMaker, bucket: str, key: str, get: Any, noticed: Any, groups: Any
) -> None:
    """Whoever could seal it has the keys; even so no byte comes out as something that it is not."""
    made = make_parts.made(bucket, key, runs_of(EVEN), columns=parts_column(groups))
    make_parts.put(made)

    noticed(get(made), made.plain)


def test_the_envelope_of_another_upload_is_noticed(
    *, sample: Parted, make_parts: PartsMaker, get: Any, noticed: Any
) -> None:
    other = make_parts.made(sample.bucket, sample.key, runs_of(EVEN))
    make_parts.put(replace(other, body=sample.body))

    noticed(get(sample), sample.plain)


def test_undamaged_it_opens(*, sample: Parted, make_parts: PartsMaker, get: Any, evidence: Evidence) -> None:
    """The ground that the other tests stand on: putting it back by hand is no damage."""
    before = evidence.violations()
    make_parts.put(sample)

    assert get(sample).body == sample.plain
    assert evidence.violations() == before
