"""Pages without the reserved names are those of a bucket in which the reserved names never were."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlencode
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.gateway.listings.walk import MOST_REQUESTS, Walk
from proxy.s3.listings import Listing, Page, joined, read_page
from tests.gateway.listings.plain_listing import Answer, Question, answer, asked, document

OPERATIONS = {
    "ListObjects": Listing.OBJECTS,
    "ListObjectsV2": Listing.OBJECTS_V2,
    "ListObjectVersions": Listing.VERSIONS,
}
BEFORE = ["!", "-x", ".git/a", ".git/b", ".sea", ".sealgate", ".sealgate-", ".sealgate."]
RESERVED = [
    ".sealgate/",
    ".sealgate/bucket",
    ".sealgate/uploads/1/a",
    ".sealgate/uploads/1/b",
    ".sealgate/uploads/2",
    ".sealgate/~",
    ".sealgate/~~",
    ".sealgate/ä",
]
BEHIND = [".sealgate0", ".search/x", "a", "a b+c", "a%2Fb", "a/b", "a/c", "b/", "ä/日"]
VISIBLE = BEFORE + BEHIND


class Store:
    """A bucket that answers as the reference says."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.requests = 0

    def through_the_proxy(self, question: Question) -> bytes:
        """One page as a client gets it."""
        parameters = _parameters(question)
        raw = urlencode(parameters, quote_via=quote)

        async def page(query: str) -> Page:
            self.requests += 1
            return read_page(document(self.names, asked(question.operation, query)))

        async def walk() -> bytes:
            walking = Walk(OPERATIONS[question.operation], parse_qsl(raw), raw, page)
            pages = await walking.filled()
            ended = pages[-1].truncated and not await walking.goes_on(pages[-1])
            return joined(pages, lambda entry: entry.store_size, ended=ended)

        return asyncio.run(walk())


def _parameters(question: Question) -> list[tuple[str, str]]:
    named = {
        "prefix": question.prefix,
        "delimiter": question.delimiter,
        "max-keys": str(question.max_keys),
        OPERATIONS[question.operation].value: question.marker,
        "version-id-marker": question.version_marker,
        "encoding-type": "url" if question.url else "",
    }
    return [(name, value) for name, value in named.items() if value]


def _seen(page: bytes) -> tuple[list[str], list[str], str | None, bool]:
    root = ET.fromstring(page)  # noqa: S314  # our own document
    keys = [node.findtext("Key", "") for node in root if node.tag in {"Contents", "Version"}]
    groups = [node.findtext("Prefix", "") for node in root.iter("CommonPrefixes")]
    return keys, groups, root.findtext("KeyCount"), root.findtext("IsTruncated") == "true"


names = st.lists(st.sampled_from(VISIBLE), unique=True)
reserved = st.lists(st.sampled_from(RESERVED), unique=True)
questions = st.builds(
    Question,
    operation=st.sampled_from(sorted(OPERATIONS)),
    prefix=st.sampled_from(["", "", ".", ".s", ".sealgate", "a", "a/"]),
    delimiter=st.sampled_from(["", "/", "a", "e", "u", ".", "~", "sealgate/"]),
    max_keys=st.integers(0, 6) | st.just(1000),
    marker=st.sampled_from(["", "", *VISIBLE, *RESERVED]),
    url=st.booleans(),
)


@settings(max_examples=600, deadline=None)
@given(visible=names, hidden=reserved, question=questions)
def test_page_after_page_is_what_the_visible_names_alone_would_be(
    visible: list[str], hidden: list[str], question: Question
) -> None:
    store = Store(visible + hidden)
    place = question
    for _ in range(len(visible) * 2 + 2):
        before = store.requests
        page = store.through_the_proxy(place)
        expected = answer(visible, place)

        assert _seen(page) == _seen(document(visible, place))
        assert store.requests - before <= MOST_REQUESTS
        if not expected.truncated:
            return
        place = _next_place(page, place, expected)
    raise AssertionError("the pages do not end")


def _next_place(page: bytes, place: Question, expected: Answer) -> Question:
    """Where a client goes on: as the answer says, or behind the last key."""
    root = ET.fromstring(page)  # noqa: S314  # our own document
    told = next((node.text or "" for node in root if node.tag.startswith("Next")), None)
    version = root.findtext("NextVersionIdMarker") or ""
    raw = {"ListObjectsV2": "continuation-token", "ListObjects": "marker"}.get(place.operation, "key-marker")
    if told is None:
        assert place.operation == "ListObjects"
        return replace(place, marker=expected.last[0])
    if place.url and raw != "continuation-token":
        told = parse_qsl(f"x={told}")[0][1]
    going_on = asked(place.operation, urlencode({raw: told, "version-id-marker": version}, quote_via=quote))

    assert (going_on.marker, going_on.version_marker) == expected.last
    return replace(place, marker=going_on.marker, version_marker=going_on.version_marker)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("question", "requests"),
    [
        ({"marker": "a"}, 1),
        ({"prefix": "a", "max_keys": 1}, 1),
        ({"max_keys": 3}, 2),  # nothing but reserved names might follow, so it is asked
        ({"max_keys": 1000}, 1),
        ({"max_keys": 9}, 2),  # past the reserved names in one go
        ({"max_keys": 9, "delimiter": "/"}, 2),
    ],
)
def test_the_store_is_asked_once_but_near_the_reserved_names(
    operation: str, question: dict[str, str | int], requests: int
) -> None:
    """However many there are."""
    store = Store([*VISIBLE, *(f".sealgate/uploads/{number:04}" for number in range(400))])
    store.through_the_proxy(Question(operation, **question))  # type: ignore[arg-type]  # a table

    assert store.requests == requests


def test_nothing_is_jumped_over_where_names_come_as_they_come() -> None:
    """Ceph lists shard by shard then: a marker of ours would lead into any of them."""
    names = [".sealgate/a", ".sealgate/b", ".sealgate/c", "a", "b"]
    queries: list[str] = []

    async def page(query: str) -> Page:
        queries.append(query)
        return read_page(document(names, asked("ListObjects", query)))

    raw = "allow-unordered=true&max-keys=2"
    pages = asyncio.run(Walk(Listing.OBJECTS, parse_qsl(raw), raw, page).filled())

    assert [entry.name for page in pages for entry in page.shown] == ["a", "b"]
    assert [dict(parse_qsl(query)).get("marker") for query in queries] == [None, ".sealgate/b", "a"]
