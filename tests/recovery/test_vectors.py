"""The published vectors: what they say opens does, to the byte, and what they say is refused is."""

import hashlib
import hmac
from typing import Any

import pytest

from recovery.envelope import read_header
from recovery.errors import (
    ChecksumsDamaged,
    ForeignName,
    HeaderDamaged,
    OtherVersion,
    RecoveryError,
    SegmentDamaged,
    TailDamaged,
    WrongKey,
    WrongSize,
)
from recovery.index import open_index
from recovery.keys import index_key
from recovery.sizes import plain_size, sealed_size
from tests.recovery.vectors import (
    OBJECTS,
    body_from,
    checksums_of,
    edited,
    load,
    open_vector,
    plain_of,
)

SIZES, HEADERS, INDEXES, BODIES = (
    load(file) for file in ("sizes.json", "headers.json", "indexes.json", "bodies.json")
)
REFUSED_BODIES = BODIES["refused"] + load("multipart.json")["refused"]

# What a vector's `why` is called here. Nobody can tell a wrong key from a damaged wrap.
WHY: dict[str, tuple[type[RecoveryError], ...]] = {
    "damaged": (HeaderDamaged, WrongKey),
    "version": (OtherVersion,),
    "foreign bucket": (ForeignName,),
    "wrong key": (WrongKey,),
    "no context": (ForeignName,),
    "size": (WrongSize,),
    "tail": (TailDamaged,),
    "segment": (SegmentDamaged,),
}


def named(vectors: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


@pytest.mark.parametrize(("plain", "sealed"), SIZES["pairs"])
def test_sizes_follow_from_each_other(plain: int, sealed: int) -> None:
    """A listing shows sizes and nothing else."""
    assert sealed_size(plain) == sealed
    assert plain_size(sealed) == plain


@pytest.mark.parametrize("sealed", SIZES["not_sealed"])
def test_sizes_of_no_object_are_refused(sealed: int) -> None:
    with pytest.raises(WrongSize):
        plain_size(sealed)


@named(list(OBJECTS.values()))
def test_an_object_opens_to_its_plaintext(vector: dict[str, Any]) -> None:
    """Every mode, length and layout, asking the key service for exactly what the page says."""
    body = body_from(vector["name"])
    assert hashlib.sha256(body).hexdigest() == vector["body_sha256"]

    opened = open_vector(vector, body)

    assert b"".join(opened.plaintext()) == plain_of(vector["name"])
    assert opened.plain_size == vector["plain_length"]
    assert opened.header_checksums() == checksums_of(vector["checksums_in_envelope"])
    assert opened.index.checksums == checksums_of(vector["checksums_in_index"])
    assert [(part.number, part.plain_size) for part in opened.parts] == [
        (part["number"], part["plain_length"]) for part in vector.get("parts", [])
    ]


@named(HEADERS["opened"])
def test_a_header_opens_with_all_that_a_reader_may_skip_or_must_take(vector: dict[str, Any]) -> None:
    """Fields of a later writer, and the least and the oddest of what the page allows."""
    of = OBJECTS[vector["object"]] | vector

    opened = open_vector(of, body_from(vector["object"]))

    assert b"".join(opened.plaintext()) == plain_of(vector["object"])
    found = opened.header_checksums()
    if "checksums_in_envelope" in vector:
        assert found == checksums_of(vector["checksums_in_envelope"])


@named([vector for vector in HEADERS["refused"] if vector["why"] != "checksums"])
def test_headers_that_break_a_rule_are_refused(vector: dict[str, Any]) -> None:
    """Whatever the key service opens: the header gives itself away."""
    of = OBJECTS[vector["object"]] | vector

    with pytest.raises(WHY[vector["why"]]) as caught:
        open_vector(of, body_from(vector["object"]), careless=True)

    assert getattr(caught.value, "version", None) == vector.get("version")


@named([vector for vector in HEADERS["refused"] if vector["why"] == "checksums"])
def test_a_bad_private_field_takes_the_checksums_and_not_the_plaintext(vector: dict[str, Any]) -> None:
    of = OBJECTS[vector["object"]] | vector

    opened = open_vector(of, body_from(vector["object"]))

    assert b"".join(opened.plaintext()) == plain_of(vector["object"])
    with pytest.raises(ChecksumsDamaged):
        opened.header_checksums()


@named(INDEXES["indexes"])
def test_an_index_says_what_its_columns_say(vector: dict[str, Any]) -> None:
    key = bytes.fromhex(vector["index_key"])
    assert index_key(bytes.fromhex(vector["content_key"])) == key
    parts = [
        (number, size)
        for first, count, size in vector.get("parts", [])
        for number in range(first, first + count)
    ]

    index = open_index(bytes.fromhex(vector["index"]), key, multipart="parts" in vector)

    assert [(part.number, part.plain_size) for part in index.parts] == parts
    assert index.checksums == checksums_of(vector.get("checksums", {}))
    assert [(part.run_id or bytes(12)).hex() for part in index.parts] == vector.get(
        "run_ids", ["00" * 12] * len(parts)
    )
    of_parts = vector.get("part_checksums", {"code": None, "values": []})
    assert index.part_checksum_code == of_parts["code"]
    assert [value.hex() for value in index.part_checksums] == of_parts["values"]


@named(INDEXES["refused"])
def test_an_index_that_breaks_a_rule_is_refused_though_its_tag_is_good(vector: dict[str, Any]) -> None:
    with pytest.raises(TailDamaged) as caught:
        open_index(
            bytes.fromhex(vector["index"]), bytes.fromhex(vector["index_key"]), multipart=vector["multipart"]
        )

    assert "tag is not good" not in str(caught.value)


@named(REFUSED_BODIES)
def test_an_edited_body_is_refused_at_the_segment_that_was_edited(vector: dict[str, Any]) -> None:
    """Good segments before it may have left, and they are the plaintext's beginning."""
    bodies = {name: body_from(name) for name in _bodies_of(vector)}
    bodies |= {attempt["name"]: _attempt(attempt) for attempt in BODIES["attempts"]}
    body = edited(bodies[vector["object"]], vector["edits"], bodies)
    pieces: list[bytes] = []

    with pytest.raises(WHY[vector["why"]]) as caught:
        pieces.extend(open_vector(OBJECTS[vector["object"]], body).plaintext())

    left = b"".join(pieces)
    assert plain_of(vector["object"]).startswith(left)
    if vector["why"] == "segment" and "segment" in vector:
        assert getattr(caught.value, "segment", None) == vector["segment"]
        assert len(left) == 65_536 * vector["segment"]


def test_every_field_of_a_header_is_read() -> None:
    """The vectors' contexts and ARNs stand in the header and nowhere else."""
    vector = OBJECTS["kms with context"]

    envelope = read_header(vector["header"])

    assert envelope.client_context == vector["client_context"]
    assert envelope.inner.data_key is not None
    assert envelope.inner.data_key.key_arn == vector["key_arn"]
    assert envelope.bucket == vector["bucket"]


def _bodies_of(vector: dict[str, Any]) -> set[str]:
    copied = {
        how["from"]
        for edit in vector["edits"]
        for how in edit.values()
        if isinstance(how, dict) and "from" in how
    }
    return {vector["object"]} | (copied & OBJECTS.keys())


def _attempt(attempt: dict[str, Any]) -> bytes:
    body = body_from(attempt["same_as"], attempt["run_id"])
    assert hmac.compare_digest(hashlib.sha256(body).hexdigest(), attempt["body_sha256"])
    return body
