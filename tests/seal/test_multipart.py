"""What a multipart object is made of fits together: index, runs, sizes. Its opener is not written yet."""

import pytest

from proxy.seal.envelope import read_envelope
from proxy.seal.errors import TamperedBody
from tests.seal.material import MULTIPART, Vector, binary, body_of, edited, load, named, plaintext, present
from tests.seal.parts import opened_parts

REFUSED: list[Vector] = load("multipart")["refused"]


def opened(vector: Vector, body: bytes) -> bytes:
    plain, _ = opened_parts(
        body,
        content_key=present(vector, "content_key"),
        plain_length=read_envelope(vector["header"]).agreed_length(len(body)),
        outer_content_key=binary(vector, "outer_content_key"),
    )
    return plain


@pytest.mark.parametrize("vector", MULTIPART, ids=named(MULTIPART))
def test_a_multipart_object_opens_from_its_index(vector: Vector) -> None:
    assert opened(vector, body_of(vector)) == plaintext(vector)


@pytest.mark.parametrize("case", REFUSED, ids=named(REFUSED))
def test_parts_cannot_be_cut_dropped_or_exchanged(case: Vector) -> None:
    """Nor exchanged for another attempt that the index does not name, nor for the other kind of body."""
    [vector] = [vector for vector in MULTIPART if vector["name"] == case["object"]]

    with pytest.raises(TamperedBody) as tampered:
        opened(vector, edited(vector, case["edits"]))

    assert (tampered.value.segment is None) == (case["why"] == "tail")
