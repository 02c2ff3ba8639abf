"""The index: every column, every rule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.seal.errors import TamperedBody
from proxy.seal.index import Index, Part, PartChecksums, open_index, seal_index
from tests.seal.material import Vector, load, named, present

INDEXES: list[Vector] = load("indexes")["indexes"]
REFUSED: list[Vector] = load("indexes")["refused"]
WRITABLE = [vector for vector in INDEXES if "extra" not in vector]
KEY = bytes(range(32))
PLENTY = 1 << 30


def index_of(vector: Vector) -> Index:
    parts = tuple(
        Part(number=number, plain_length=length)
        for first, count, length in vector.get("parts", [])
        for number in range(first, first + count)
    )
    run_ids = (bytes.fromhex(run_id) for run_id in vector.get("run_ids", []))
    of_parts = vector.get("part_checksums")
    return Index(
        parts=parts,
        run_ids=tuple(run_id if any(run_id) else None for run_id in run_ids),
        checksums={int(code): bytes.fromhex(value) for code, value in vector.get("checksums", {}).items()},
        part_checksums=of_parts
        and PartChecksums(code=of_parts["code"], values=tuple(map(bytes.fromhex, of_parts["values"]))),
    )


@pytest.mark.parametrize("vector", WRITABLE, ids=named(WRITABLE))
def test_an_index_is_written_as_the_vector_has_it(vector: Vector) -> None:
    sealed = seal_index(index_of(vector), index_key=present(vector, "index_key"), room=PLENTY)

    assert sealed.hex() == vector["index"]


@pytest.mark.parametrize("vector", INDEXES, ids=named(INDEXES))
def test_an_index_says_what_was_written(vector: Vector) -> None:
    """Also one with a column of a later writer that may be skipped."""
    opened = open_index(
        present(vector, "index"), index_key=present(vector, "index_key"), multipart="parts" in vector
    )

    assert opened == index_of(vector)


@pytest.mark.parametrize("case", REFUSED, ids=named(REFUSED))
def test_an_index_that_breaks_a_rule_is_refused_though_its_tag_is_good(case: Vector) -> None:
    with pytest.raises(TamperedBody):
        open_index(present(case, "index"), index_key=present(case, "index_key"), multipart=case["multipart"])


@pytest.mark.parametrize("name", ["all columns", "single-part, every checksum"])
def test_no_byte_of_an_index_can_change(name: str) -> None:
    [vector] = [vector for vector in INDEXES if vector["name"] == name]
    sealed = present(vector, "index")

    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(TamperedBody):
            open_index(bytes(changed), index_key=present(vector, "index_key"), multipart="parts" in vector)
    for length in range(len(sealed)):
        with pytest.raises(TamperedBody):
            open_index(sealed[:length], index_key=present(vector, "index_key"), multipart="parts" in vector)


def test_columns_that_do_not_fit_are_left_out_the_highest_first() -> None:
    """What is needed to find the bytes stays longest; a column is there whole or not at all."""
    [vector] = [vector for vector in INDEXES if vector["name"] == "all columns"]
    full = index_of(vector)
    only = Index(parts=full.parts)
    with_runs = Index(parts=full.parts, run_ids=full.run_ids)
    with_object = Index(parts=full.parts, run_ids=full.run_ids, checksums=full.checksums)
    size = {
        id(index): len(seal_index(index, index_key=KEY, room=PLENTY))
        for index in (only, with_runs, with_object, full)
    }

    for fitting, larger in ((full, None), (with_object, full), (with_runs, with_object), (only, with_runs)):
        room = PLENTY if larger is None else size[id(larger)] - 1
        for enough in (size[id(fitting)], room):
            sealed = seal_index(full, index_key=KEY, room=enough)
            assert open_index(sealed, index_key=KEY, multipart=True) == fitting


def test_nothing_is_written_where_nothing_fits() -> None:
    assert seal_index(Index(checksums={7: bytes(64)}), index_key=KEY, room=88) == b""
    assert seal_index(Index(), index_key=KEY, room=88) == b""


PARTS = st.lists(
    st.tuples(st.integers(1, 20), st.integers(1, 1 << 40) | st.just(5 << 20)).map(
        lambda pair: (pair[0], pair[1] % (1 << 40) or 1)
    ),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)
@given(PARTS, st.booleans())
def test_any_list_of_parts_comes_back_and_equal_content_gives_equal_bytes(
    steps: list[tuple[int, int]],
    last_empty: bool,  # noqa: FBT001 - hypothesis passes by position
) -> None:
    """Two Completes of one upload must agree."""
    number, parts = 0, []
    for step, length in steps:
        number += step
        parts.append(Part(number=number, plain_length=length))
    if last_empty:
        parts.append(Part(number=number + 1, plain_length=0))
    index = Index(parts=tuple(parts), run_ids=tuple(bytes([1]) * 12 for _ in parts))

    sealed = seal_index(index, index_key=KEY, room=PLENTY)

    assert open_index(sealed, index_key=KEY, multipart=True) == index
    assert seal_index(index, index_key=KEY, room=PLENTY) == sealed
