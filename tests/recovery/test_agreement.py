"""docs/FORMAT.md has one meaning: proxy/seal and recovery/, which share no code, accept the same.

Every published vector is fed to both, and then what nobody thought of: headers and indexes whose fields and
columns are drawn at random around the borders, under good seals and tags, so that only the page's rules are
left to refuse them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.seal.index import open_index as proxy_open_index
from recovery.index import open_index as recovery_open_index
from tests.recovery.agreeing import (
    Fed,
    IndexSays,
    Says,
    of_proxy_index,
    of_recovery_index,
    proxy_says,
    recovery_says,
    verdict,
)
from tests.recovery.made import (
    BUCKET,
    CONTENT_KEY,
    DATA_KEY,
    KEY,
    MULTIPART,
    NAME,
    OUTER_DATA_KEY,
    TWO_LAYERS,
    fields_of,
    multipart,
    runs_of,
    single,
)
from tests.recovery.sealing import M, column, expand, header_of, parts_column, seal_index
from tests.recovery.vectors import OBJECTS, body_from, edited, load, plain_of

Vector = dict[str, Any]
HEADERS, INDEXES, BODIES = load("headers.json"), load("indexes.json"), load("bodies.json")
REFUSED_BODIES = BODIES["refused"] + load("multipart.json")["refused"]
INDEX_KEY = expand(CONTENT_KEY, b"sealgate/1 index")
MODE = 0x000C
CLIENT = 0x000C


def named(vectors: Iterable[Vector]) -> pytest.MarkDecorator:
    found = list(vectors)
    return pytest.mark.parametrize("vector", found, ids=[vector["name"] for vector in found])


def fed_of(vector: Vector, body: bytes) -> Fed:
    outer = vector.get("outer_data_key")
    return Fed(
        header=vector["header"],
        body=body,
        bucket=vector["bucket"],
        key=bytes.fromhex(vector["key"]),
        data_key=bytes.fromhex(vector["data_key"]),
        outer_data_key=bytes.fromhex(outer) if outer else None,
    )


def both(fed: Fed) -> Says | str:
    """What both say, which is the same."""
    said = proxy_says(fed)
    assert recovery_says(fed) == said
    return said


def both_of_index(sealed: bytes, key: bytes, *, multipart: bool) -> IndexSays | str:
    said = verdict(lambda: of_proxy_index(proxy_open_index(sealed, index_key=key, multipart=multipart)))
    other = verdict(lambda: of_recovery_index(recovery_open_index(sealed, key, multipart=multipart)))
    assert other == said
    return said


@named(OBJECTS.values())
def test_both_open_every_object_to_the_same(vector: Vector) -> None:
    """Plaintext, checksums, parts, and what the key service is asked."""
    said = both(fed_of(vector, body_from(vector["name"])))

    assert isinstance(said, Says)
    assert said.plain == plain_of(vector["name"])


@named([*HEADERS["opened"], *HEADERS["refused"]])
def test_both_open_and_refuse_the_same_headers(vector: Vector) -> None:
    said = both(fed_of(OBJECTS[vector["object"]] | vector, body_from(vector["object"])))

    assert isinstance(said, Says) == (vector["why"] in {"", "checksums"})
    if vector["why"] == "checksums":
        assert isinstance(said, Says)
        assert said.header_checksums is None


@named(REFUSED_BODIES)
def test_both_refuse_the_same_bodies(vector: Vector) -> None:
    of = OBJECTS[vector["object"]]
    names = {how["from"] for edit in vector["edits"] for how in edit.values() if "from" in str(how)}
    bodies = {name: body_from(name) for name in names & OBJECTS.keys()}
    bodies |= {again["name"]: body_from(again["same_as"], again["run_id"]) for again in BODIES["attempts"]}

    assert both(fed_of(of, edited(body_from(vector["object"]), vector["edits"], bodies))) == "body"


@named([*INDEXES["indexes"], *INDEXES["refused"]])
def test_both_read_every_index_the_same(vector: Vector) -> None:
    several = vector.get("multipart", "parts" in vector)

    said = both_of_index(
        bytes.fromhex(vector["index"]), bytes.fromhex(vector["index_key"]), multipart=several
    )

    assert (said == "body") == ("why" in vector)


TEXTS = st.text("0123456789.A-_=+/ \n\u0661é", max_size=12) | st.from_regex(
    r"[0-9]{1,8}\.?A*", fullmatch=True
)


@settings(deadline=None, max_examples=400)
@given(TEXTS)
def test_both_tell_versions_and_nonsense_apart_in_the_same_way(header: str) -> None:
    assert both(fed_as(header)) in {"version", "header"}


BODIES_OF: Mapping[int, bytes] = {
    MULTIPART: multipart(runs_of((1, 3))).body,
    0: single(b"abc").body,
    MULTIPART | TWO_LAYERS: multipart(runs_of((1, 3)), mode=TWO_LAYERS).body,
    TWO_LAYERS: single(b"abc", mode=TWO_LAYERS).body,
}


def fed_as(header: str, flags: int = 0, *, key: bytes = KEY) -> Fed:
    layers = TWO_LAYERS if flags & MODE == TWO_LAYERS else 0
    return Fed(
        header=header,
        body=BODIES_OF[flags & MULTIPART | layers],
        bucket=BUCKET,
        key=key,
        data_key=DATA_KEY,
        outer_data_key=OUTER_DATA_KEY,
    )


def text_of(*texts: bytes) -> bytes:
    return b"".join(len(text).to_bytes(2, "big") + text for text in texts)


WORDS = st.sampled_from([b"", b"a", b"b", "é".encode(), b"\xff", b"aws:s3:arn", b"\xed\xa0\x80"])
CONTEXTS = st.lists(WORDS, max_size=6).map(lambda words: text_of(*words))
CUT_CONTEXTS = st.tuples(CONTEXTS, st.integers(0, 3)).map(lambda cut: cut[0][: len(cut[0]) - cut[1]])
SIZES = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 27, 28, 29, 63, 64, 65]
VALUES = st.sampled_from(SIZES).map(bytes) | st.sampled_from([b"\xff", b"arn:x\xc3", b"abc", BUCKET.encode()])
CHANGES = st.dictionaries(
    st.sampled_from([*range(13), 0x7F, 0x80, 0xFF]), st.none() | VALUES | CUT_CONTEXTS, max_size=2
)
CONTEXT_ALONE = CUT_CONTEXTS.map(lambda context: {6: context})


def least_fields(flags: int) -> dict[int, bytes]:
    """The fields that a header with these flags must have."""
    own = {1: b"u" * 16} if flags & MULTIPART else {2: (3).to_bytes(8, "big")}
    if flags & MODE == CLIENT:
        return fields_of(CLIENT, own)
    fields = fields_of(TWO_LAYERS, own)
    return fields if flags & MODE == TWO_LAYERS else {tag: fields[tag] for tag in fields if tag < 8}


@settings(deadline=None, max_examples=600)
@given(st.integers(0, 15) | st.sampled_from([0x10, 0x14, 0x8000, 0xFFFF]), CHANGES | CONTEXT_ALONE)
def test_both_accept_the_same_fields_under_a_good_seal(flags: int, changes: dict[int, bytes | None]) -> None:
    """Any flags, fields left out, added, of any length, with any text."""
    changed = {**least_fields(flags), **changes}
    fields = {tag: value for tag, value in sorted(changed.items()) if value is not None}

    both(fed_as(header_of(flags, fields, CONTENT_KEY, NAME), flags))


@pytest.mark.parametrize("flags", [*range(12), 12, 13])
def test_both_open_the_least_header_of_every_kind(flags: int) -> None:
    """Or the test above would agree on refusals alone."""
    said = both(fed_as(header_of(flags, least_fields(flags), CONTENT_KEY, NAME), flags))

    assert isinstance(said, Says)
    assert said.plain == single(b"abc").plain or said.plain == runs_of((1, 3))[0].plain


SIZES_OF = {2: 4, 4: 8, 10: 16, 0x82: 4, 0x8A: 16}
LENGTHS = st.sampled_from([1, 5, M, (1 << 40) - 1])
STEPS = st.lists(st.tuples(st.sampled_from([1, 1, 2, 5_000]), LENGTHS), min_size=1, max_size=4)
SPOILERS: Mapping[str, Callable[[bytes], bytes]] = {
    "nothing": lambda value: value,
    "cut": lambda value: value[:-1],
    "longer": lambda value: value + b"\0",
    "empty": lambda value: value[:0],
    "twice": lambda value: value * 2,
    "one id more": lambda value: value + value[-12:],
    "first byte 0": lambda value: b"\0" + value[1:],
    "first byte unknown": lambda value: b"\x8b" + value[1:],
    "no length": lambda value: value[:-5] + bytes(5),
    "count 0": lambda value: value[:2] + bytes(2) + value[4:],
    "many": lambda value: value[:2] + b"\x27\x10" + value[4:],
}


def parts_of(steps: list[tuple[int, int]]) -> bytes:
    """The value of column 01 for parts from number 1 on, so much further each time."""
    number, packed = 1, []
    for step, size in steps:
        packed.append((number, 1, size))
        number += step
    return parts_column(packed)[5:]


@st.composite
def nearly_good_columns(draw: st.DrawFn) -> tuple[bytes, bool]:
    """Columns that fit together, then one thing done to one of them; and whether the object has parts."""
    steps = draw(STEPS)
    codes, of_parts = (
        draw(st.sets(st.sampled_from([*SIZES_OF]), min_size=1)),
        draw(st.sampled_from([*SIZES_OF])),
    )
    values = {
        1: parts_of(steps),
        2: draw(st.sampled_from([b"r", b"\0"])) * 12 * len(steps),
        3: b"".join(bytes([code]) + b"c" * SIZES_OF[code] for code in sorted(codes)),
        4: bytes([of_parts]) + b"p" * SIZES_OF[of_parts] * len(steps),
    }
    chosen = draw(st.sampled_from([(1,), (3,), (1, 3), (1, 2), (1, 4), (1, 2, 3, 4), (2,), (3, 4)]))
    spoilt, tag = draw(st.sampled_from(chosen)), draw(st.sampled_from([*chosen, 0, 5, 0x7F, 0x80, 0xFF]))
    values[spoilt] = SPOILERS[draw(st.sampled_from([*SPOILERS]))](values[spoilt])
    more = draw(st.sampled_from([b"", b"", column(tag, b""), column(tag, b"later")]))
    packed = b"".join(column(known, values[known]) for known in chosen) + more
    return packed, (1 in chosen) == draw(st.sampled_from([True, True, True, False]))


@settings(deadline=None, max_examples=800)
@given(nearly_good_columns())
def test_both_accept_the_same_columns_under_a_good_tag(columns: tuple[bytes, bool]) -> None:
    """Any groups, ids and checksums, more or fewer than there are parts, in either kind of object."""
    packed, several = columns

    both_of_index(seal_index(packed, CONTENT_KEY), INDEX_KEY, multipart=several)


@pytest.mark.parametrize("flags", [0, MULTIPART])
@pytest.mark.parametrize("length", [*range(130), 1 << 31, (1 << 32) - 1])
def test_both_look_for_the_index_in_the_same_place(flags: int, length: int) -> None:
    """Whatever length a store writes into the footer: only the true one opens."""
    made = fed_as(header_of(flags, least_fields(flags), CONTENT_KEY, NAME), flags)
    body = made.body[:-8] + length.to_bytes(4, "big") + made.body[-4:]

    said = both(replace(made, body=body))

    assert isinstance(said, Says) == (length == (42 if flags else 0))


@pytest.mark.parametrize("skipped", range(12))
def test_both_take_an_index_of_skippable_columns_from_38_bytes_on(skipped: int) -> None:
    made = single(b"abc", seal_index(column(0x80, bytes(skipped)), CONTENT_KEY))

    said = both(replace(fed_as(made.header), body=made.body))

    assert isinstance(said, Says) == (33 + skipped >= 38)
