"""What a read of a multipart object asks the store for, and an object that changes between two questions."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.made_parts import EVEN, ODD, PartsMaker, runs_of
from tests.e2e.sdk import client
from tests.faults.evidence import Evidence
from tests.faults.relay import Relay, Way
from tests.faults.wire import ask
from tests.recovery.sealing import M
from tests.stores.sealgate import Sealgate


@pytest.fixture(scope="module")
def make_parts(raw: Any, service: Sealgate) -> Iterator[PartsMaker]:
    with client("kms", service.kms_url) as kms:
        yield PartsMaker(raw, kms, str(kms.create_key()["KeyMetadata"]["Arn"]))


@pytest.fixture
def get(service: Sealgate, bucket: str, key: str) -> Callable[..., bytes]:
    def read(query: str = "", method: str = "GET", **headers: str) -> bytes:
        answer = ask(method, f"{service.url}/{bucket}/{key}{query}", headers)
        assert answer.status in {200, 206}
        assert not answer.torn
        return answer.body

    return read


@dataclass(slots=True)
class Asked:
    """The requests that a store sees, as method and range; a change (relay.py) that changes nothing."""

    requests: list[str] = field(default_factory=list)
    then: Callable[[int], None] = lambda _: None
    """Called with the number of each request, before the store sees it."""

    def __call__(self, piece: bytes) -> bytes:
        line = re.match(rb"(GET|HEAD) ", piece)
        if line is not None:
            wanted = re.search(rb"\r\nrange: (bytes=[0-9-]+)", piece, re.IGNORECASE)
            self.requests.append(f"{line[1].decode()} {wanted[1].decode() if wanted else ''}".strip())
            self.then(len(self.requests))
        return piece


@pytest.fixture
def asked(relay: Relay) -> Iterator[Asked]:
    seen = Asked()
    with relay.trouble(to_store=Way(change=seen)):
        yield seen


def test_a_read_whose_parts_are_known_takes_one_request(
    *, make_parts: PartsMaker, get: Any, bucket: str, key: str, asked: Asked
) -> None:
    """The first one learns them: from the answer that it got, and from the body's end."""
    made = make_parts(bucket, key, ODD)

    assert get(Range="bytes=5-9") == made.plain[5:10]
    assert len(asked.requests) == 3
    for headers, query, expected in (
        ({"Range": "bytes=5-9"}, "", made.plain[5:10]),
        ({"Range": f"bytes={M}-{M + 3}"}, "", made.plain[M : M + 4]),
        ({"Range": "bytes=-7"}, "", made.plain[-7:]),
        ({}, "?partNumber=4", made.runs[1].plain),
        ({}, "", made.plain),
    ):
        asked.requests.clear()
        assert get(query, **headers) == expected
        assert len(asked.requests) == 1


@pytest.mark.parametrize(
    ("query", "headers", "most"),
    [
        ("", {}, 3),
        ("", {"Range": "bytes=-9"}, 3),
        ("?partNumber=1", {}, 3),
    ],
)
def test_the_first_read_of_an_object_takes_few_requests(  # a test's fixtures
    *,
    make_parts: PartsMaker,
    get: Any,
    bucket: str,
    key: str,
    asked: Asked,
    query: str,
    headers: dict[str, str],
    most: int,
) -> None:
    make_parts(bucket, key, EVEN)

    get(query, **headers)

    assert len(asked.requests) <= most


def test_an_object_in_one_piece_takes_one_request(  # a test's fixtures
    *, service: Sealgate, get: Any, bucket: str, key: str, asked: Asked
) -> None:
    """A suffix takes two, as its beginning is not known; the next one takes one."""
    plain = b"of one piece" * 10_000
    assert ask("PUT", f"{service.url}/{bucket}/{key}", body=plain).status == 200
    for headers, expected, most in (
        ({}, plain, 1),
        ({"Range": "bytes=3-5"}, plain[3:6], 1),
        ({"Range": "bytes=-9"}, plain[-9:], 2),
        ({"Range": "bytes=-9"}, plain[-9:], 1),
    ):
        asked.requests.clear()
        assert get(**headers) == expected
        assert len(asked.requests) == most


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=1-9"}, {"Range": "bytes=-9"}])
@pytest.mark.parametrize("before", [1, 2, 3])
def test_an_object_overwritten_between_two_questions_is_read_anew(  # a test's fixtures
    *,
    make_parts: PartsMaker,
    get: Any,
    bucket: str,
    key: str,
    asked: Asked,
    service: Sealgate,
    before: int,
    headers: dict[str, str],
) -> None:
    """All of the new one, nothing of the old one, and no alarm."""
    evidence = Evidence(service)
    violations = evidence.violations()
    make_parts(bucket, key, EVEN)
    new = make_parts.made(bucket, key, runs_of(ODD))
    asked.then = lambda number: make_parts.put(new) if number == before else None

    got = get(**headers)

    first, _, last = headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
    assert got == (new.plain[int(first) : int(last or 10**9) + 1] if first else new.plain[-int(last) :])
    assert evidence.violations() == violations
