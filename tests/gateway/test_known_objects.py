"""What is remembered of objects: bounded, by seal, and never more than a guess about a name."""

from proxy.gateway.known_objects import Known, KnownObjects
from proxy.seal.index import Index, Part, seal_index
from proxy.seal.keys import index_key
from proxy.seal.layout import OneRun
from proxy.seal.parts import Parts, open_parts

M = 5 * 1024 * 1024
CONTENT_KEY = bytes(32)


def parts_of(count: int) -> Parts:
    """No two alike, so that they weigh something."""
    lengths = [M + number for number in range(count)]
    index = Index(parts=tuple(Part(number=at + 1, plain_length=length) for at, length in enumerate(lengths)))
    sealed = seal_index(index, index_key=index_key(CONTENT_KEY), room=1 << 20)
    end = sealed + len(sealed).to_bytes(4, "big") + b"SGB1"
    return open_parts(end, content_key=CONTENT_KEY, plain_length=sum(lengths))


def known(number: int, parts: Parts | None = None) -> Known:
    return Known(seal=bytes([number]) * 32, etag=f'"{number}"', layout=parts or OneRun(number))


def name(number: int) -> tuple[str, str, str, str]:
    return "store", "bucket", str(number), ""


def test_what_was_kept_comes_back_under_its_name_and_its_seal() -> None:
    objects, parts = KnownObjects(), parts_of(3)
    objects.keep(name(1), known(1, parts))
    objects.keep(name(2), known(2))

    assert objects.last_time(name(1)) == known(1, parts)
    assert objects.parts(known(1).seal) is parts
    single = objects.last_time(name(2))
    assert single is not None
    assert (single.etag, single.layout.plain_length) == ('"2"', 2)
    assert objects.parts(known(2).seal) is None
    assert objects.last_time(name(3)) is None


def test_a_forgotten_name_leaves_the_parts_to_whoever_opens_that_envelope() -> None:
    objects, parts = KnownObjects(), parts_of(3)
    objects.keep(name(1), known(1, parts))

    objects.forget(name(1))
    objects.forget(name(1))

    assert objects.last_time(name(1)) is None
    assert objects.parts(known(1).seal) is parts


def test_parts_are_kept_within_their_bound_and_the_latest_used_stay() -> None:
    parts = parts_of(100)
    objects = KnownObjects(parts_bytes=3 * parts.held_bytes)
    for number in range(1, 4):
        objects.keep(name(number), known(number, parts))
    assert objects.last_time(name(1)) is not None

    objects.keep(name(4), known(4, parts))

    assert objects.last_time(name(2)) is None
    assert all(objects.last_time(name(number)) for number in (1, 3, 4))
    assert objects.held_bytes == 3 * parts.held_bytes
    objects.keep(name(5), known(4, parts))
    assert objects.held_bytes == 3 * parts.held_bytes


def test_names_are_kept_within_their_bound() -> None:
    objects = KnownObjects(names=2)
    for number in (1, 2, 1, 3):
        objects.keep(name(number), known(number))

    assert objects.last_time(name(2)) is None
    assert objects.last_time(name(1)) is not None
    assert objects.last_time(name(3)) is not None
