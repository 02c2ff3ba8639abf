"""Sealing: the same bytes however the plaintext arrives, and never a complete body too early."""

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.seal.checksums import SIZES
from proxy.seal.errors import WrongLength
from proxy.seal.geometry import SEALED_SEGMENT, SEGMENT, SMALLEST_PART, run_size, sealed_size
from proxy.seal.sealer import GROUP, Sealer, seal_body
from proxy.seal.tail import has_room_for
from tests.seal.material import (
    MULTIPART,
    SINGLE,
    Vector,
    body_of,
    checksums,
    named,
    plaintext,
    sealer_of,
)

CONTENT_KEY, OUTER_KEY, RUN_ID = bytes(range(32)), bytes(range(32, 64)), bytes(range(12))
BORDERS = [
    *(0, 1, 15, 16, 17, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 3 * SEGMENT + 7),
    *(GROUP * SEGMENT - 1, GROUP * SEGMENT, GROUP * SEGMENT + 1),
    *((2 * GROUP + 1) * SEGMENT, (2 * GROUP + 1) * SEGMENT + 5),
]


def plain_of(length: int) -> bytes:
    return hashlib.shake_256(b"plain").digest(length)


def sealed_in_steps(sealer: Sealer, plain: bytes, steps: Iterator[int], sums: dict[int, bytes]) -> bytes:
    sealed, place = [], 0
    while place < len(plain):
        step = next(steps)
        for view in sealer.feed(memoryview(plain)[place : place + step]):
            assert 0 < len(view) <= GROUP * SEALED_SEGMENT
            assert len(view) % SEALED_SEGMENT == 0
            sealed.append(bytes(view))
        place += step
    return b"".join([*sealed, sealer.finish(sums)])


def always(step: int) -> Iterator[int]:
    while True:
        yield step


@pytest.mark.parametrize("vector", SINGLE, ids=named(SINGLE))
def test_a_held_body_is_sealed_as_the_vector_has_it(vector: Vector) -> None:
    body = body_of(vector)

    assert len(body) == vector["body_length"]
    assert body.hex() == vector.get("body", body.hex())
    assert hashlib.sha256(body).hexdigest() == vector["body_sha256"]


@pytest.mark.parametrize("vector", SINGLE, ids=named(SINGLE))
def test_a_streamed_body_is_sealed_as_the_vector_has_it(vector: Vector) -> None:
    sealer = sealer_of(vector)

    body = sealed_in_steps(
        sealer, plaintext(vector), always(100_000), checksums(vector, "checksums_in_index")
    )

    assert sealer.sealed_length == vector["body_length"]
    assert hashlib.sha256(body).hexdigest() == vector["body_sha256"]


@pytest.mark.parametrize("outer_key", [None, OUTER_KEY], ids=["one layer", "two layers"])
@pytest.mark.parametrize("step", [SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT, 20 * SEGMENT])
@pytest.mark.parametrize("length", BORDERS)
def test_it_does_not_matter_how_the_plaintext_is_cut(length: int, step: int, outer_key: bytes | None) -> None:
    plain = plain_of(length)
    sealer = Sealer(content_key=CONTENT_KEY, run_id=RUN_ID, plain_length=length, outer_content_key=outer_key)

    body = sealed_in_steps(sealer, plain, always(step), {2: b"1234"})

    assert body == seal_body(
        plain, content_key=CONTENT_KEY, run_id=RUN_ID, outer_content_key=outer_key, checksums={2: b"1234"}
    )


@pytest.mark.parametrize(("length", "step"), [(300, 1), (SEGMENT + 300, 7), (2 * SEGMENT, 7)])
def test_it_does_not_matter_how_finely_the_plaintext_is_cut(length: int, step: int) -> None:
    plain = plain_of(length)
    sealer = Sealer(content_key=CONTENT_KEY, run_id=RUN_ID, plain_length=length)

    assert sealed_in_steps(sealer, plain, always(step), {}) == seal_body(
        plain, content_key=CONTENT_KEY, run_id=RUN_ID
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 4 * SEGMENT), st.lists(st.integers(300, 2 * SEGMENT), min_size=1))
def test_it_does_not_matter_how_irregularly_the_plaintext_is_cut(length: int, steps: list[int]) -> None:
    plain = plain_of(length)
    sealer = Sealer(content_key=CONTENT_KEY, run_id=RUN_ID, plain_length=length)
    again = (step for _ in always(0) for step in steps)

    assert sealed_in_steps(sealer, plain, again, {}) == seal_body(
        plain, content_key=CONTENT_KEY, run_id=RUN_ID
    )


@pytest.mark.parametrize("length", BORDERS)
def test_the_final_segment_is_held_back_until_finish(length: int) -> None:
    """Before it, no store has an object that would open."""
    sealer = Sealer(content_key=CONTENT_KEY, run_id=RUN_ID, plain_length=length)

    fed = sum(len(view) for view in sealer.feed(plain_of(length)))

    final = length - max(0, -(-length // SEGMENT) - 1) * SEGMENT
    assert fed == run_size(length) - final - 28
    assert len(sealer.finish()) == sealed_size(length) - fed


@pytest.mark.parametrize("length", [1, SEGMENT, SEGMENT + 1])
def test_a_shorter_body_than_declared_is_never_finished(length: int) -> None:
    sealer = Sealer(content_key=CONTENT_KEY, run_id=RUN_ID, plain_length=length)
    for _ in sealer.feed(plain_of(length - 1)):
        pass

    with pytest.raises(WrongLength) as wrong:
        sealer.finish()

    assert (wrong.value.declared, wrong.value.fed) == (length, length - 1)


@pytest.mark.parametrize("length", [0, 1, SEGMENT, SEGMENT + 1])
def test_a_longer_body_than_declared_is_refused_before_its_end_is_sealed(length: int) -> None:
    sealer = Sealer(content_key=CONTENT_KEY, run_id=RUN_ID, plain_length=length)

    with pytest.raises(WrongLength) as wrong:
        list(sealer.feed(plain_of(length + 1)))
    with pytest.raises(WrongLength):
        sealer.finish()

    assert (wrong.value.declared, wrong.value.fed) == (length, length + 1)


def test_the_end_is_sealed_once() -> None:
    """A second time would use a nonce for other bytes."""
    sealer = Sealer(content_key=CONTENT_KEY, run_id=RUN_ID, plain_length=0)
    sealer.finish()

    with pytest.raises(AssertionError):
        sealer.finish()


def test_checksums_that_do_not_fit_are_left_out() -> None:
    """A small object's tail has no room for SHA-512; the size is the same all the same."""
    with_it = seal_body(b"x", content_key=CONTENT_KEY, run_id=RUN_ID, checksums={7: bytes(64)})

    assert with_it == seal_body(b"x", content_key=CONTENT_KEY, run_id=RUN_ID)


@pytest.mark.parametrize("vector", MULTIPART, ids=named(MULTIPART))
def test_a_part_is_its_run_alone(vector: Vector) -> None:
    """A multipart object's body begins with the runs of its parts, as the vector has them."""
    body = body_of(vector)

    assert len(body) == vector["body_length"]
    assert hashlib.sha256(body).hexdigest() == vector["body_sha256"]


def test_a_run_id_has_twelve_bytes() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        Sealer(content_key=CONTENT_KEY, run_id=bytes(11), plain_length=0)


@pytest.mark.parametrize("code", range(1, 11))
@pytest.mark.parametrize("length", [0, 1, SMALLEST_PART - 1, SMALLEST_PART])
def test_whether_a_checksum_fits_is_known_beforehand(code: int, length: int) -> None:
    plain, sums = bytes(length), {code: bytes(SIZES[code])}
    without = seal_body(plain, content_key=CONTENT_KEY, run_id=RUN_ID)

    has_it = seal_body(plain, content_key=CONTENT_KEY, run_id=RUN_ID, checksums=sums) != without

    assert has_room_for(code, plain_length=length) == has_it
