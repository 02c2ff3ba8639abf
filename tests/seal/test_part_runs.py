"""A multipart object written by this room: runs one behind the other, and the tail that lists them."""

import io
from hashlib import shake_256

import pytest

from proxy.seal.errors import NotSealed
from proxy.seal.geometry import SEGMENT, SMALLEST_PART, WHOLE, run_plain_size, run_size, sealed_size
from proxy.seal.index import Index, Part, PartChecksums
from proxy.seal.keys import index_key
from proxy.seal.opener import Opener
from proxy.seal.parts import open_parts
from proxy.seal.sealer import Sealer, seal_part
from proxy.seal.tail import multipart_tail
from tests.seal.material import pieces

CONTENT_KEY, RUN_ID = bytes(range(32)), bytes(range(12))


def plain_part(number: int, size: int) -> bytes:
    return shake_256(str(number).encode()).digest(size)


@pytest.mark.parametrize(
    "parts",
    [
        [(1, 0)],
        [(1, 1)],
        [(10_000, SEGMENT)],
        [(1, SMALLEST_PART), (2, 0)],
        [(3, SMALLEST_PART + 1), (7, SMALLEST_PART), (9_999, 17)],
    ],
)
@pytest.mark.parametrize("with_runs", [True, False])
def test_parts_and_their_tail_make_an_object_that_opens(
    parts: list[tuple[int, int]], *, with_runs: bool
) -> None:
    """Its size is what arithmetic says, and a reader's rules all hold."""
    plain = [plain_part(*part) for part in parts]
    runs = [
        bytes(seal_part(each, content_key=CONTENT_KEY, run_id=RUN_ID, part=number))
        for each, (number, _) in zip(plain, parts, strict=True)
    ]
    index = Index(
        parts=tuple(Part(number=number, plain_length=size) for number, size in parts),
        run_ids=(RUN_ID,) * len(parts) if with_runs else (),
        checksums={2: b"full"},
        part_checksums=PartChecksums(code=2, values=(b"part",) * len(parts)),
    )

    tail = multipart_tail(index, index_key=index_key(CONTENT_KEY))

    body, whole = b"".join([*runs, tail]), b"".join(plain)
    assert len(body) == sealed_size(len(whole))
    assert tail == multipart_tail(index, index_key=index_key(CONTENT_KEY))
    found = open_parts(body, content_key=CONTENT_KEY, plain_length=len(whole))
    opener = Opener(content_key=CONTENT_KEY, layout=found, window=WHOLE, plain_last=len(whole) - 1)
    assert b"".join(pieces(opener, body)) == whole
    assert [(run.number, run.plain_length) for run in found.parts_after(0, most=10_000)] == parts
    assert found.checksums == index.checksums


def test_ten_thousand_odd_parts_leave_room_for_all_that_is_known_of_them() -> None:
    """The room that sizes leave for each part holds its run id and its checksum."""
    parts = tuple(Part(number=n, plain_length=SMALLEST_PART + n % 7) for n in range(1, 10_001))
    index = Index(
        parts=parts,
        run_ids=tuple(n.to_bytes(12, "big") for n in range(1, 10_001)),
        checksums={6: bytes(32)},
        part_checksums=PartChecksums(code=6, values=(bytes(32),) * 10_000),
    )

    tail = multipart_tail(index, index_key=bytes(32))

    assert len(tail) >= 10_000 * (9 + 12 + 32)
    assert len(tail) < 960_000


def test_a_tail_without_room_for_its_parts_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="parts"):
        multipart_tail(
            Index(parts=tuple(Part(number=n, plain_length=n) for n in range(1, 99))), index_key=bytes(32)
        )


@pytest.mark.parametrize("plain", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT + 7, 5 << 30])
def test_a_runs_size_tells_its_plaintexts(plain: int) -> None:
    assert run_plain_size(run_size(plain)) == plain


@pytest.mark.parametrize("sealed", [0, 1, 27, SEGMENT + 29, SEGMENT + 28 + 27])
def test_no_run_has_these_sizes(sealed: int) -> None:
    with pytest.raises(NotSealed):
        run_plain_size(sealed)


@pytest.mark.parametrize("plain_length", [0, 1, SEGMENT, SEGMENT + 1, 9 * SEGMENT + 5])
def test_a_held_part_is_sealed_as_a_streamed_one(plain_length: int) -> None:
    plain = plain_part(1, plain_length)
    sealer = Sealer(content_key=CONTENT_KEY, run_id=RUN_ID, plain_length=plain_length, part=4)
    streamed = io.BytesIO()
    for sealed in sealer.feed(plain):
        streamed.write(sealed)
    streamed.write(sealer.finish())

    assert seal_part(plain, content_key=CONTENT_KEY, run_id=RUN_ID, part=4) == streamed.getvalue()
