"""Walks over stores that answer as none of ours does: without versions, without rights, in trouble."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from proxy.jobs.inventory.counts import FOR_EVER, BucketCount, Lock
from proxy.jobs.inventory.walk import Walk, lock_in
from proxy.s3.errors import S3Error
from proxy.upstream.messages import Request

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def read(self, *, limit: int) -> bytes:
        assert len(self.body) <= limit
        return self.body


class ToldStore:
    """Answers by what a question begins with, the longest first."""

    def __init__(self, answers: Mapping[str, Told]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    @asynccontextmanager
    async def open(self, request: Request, body: bytes = b"") -> AsyncIterator[Told]:
        assert body == b""
        asked = f"{request.method} {request.path}?{request.query}"
        self.asked.append(asked)
        yield next(
            self._answers[each]
            for each in sorted(self._answers, key=len, reverse=True)
            if asked.startswith(each)
        )


VERSIONS = Told(
    body=b"""<ListVersionsResult><IsTruncated>false</IsTruncated>
    <Version><Key>a</Key><VersionId>1</VersionId><Size>3</Size></Version>
    <DeleteMarker><Key>b</Key><VersionId>2</VersionId></DeleteMarker>
    <Version><Key>c</Key><VersionId>3</VersionId><Size>3</Size></Version>
    <Version><Key>.sealgate/x</Key><VersionId>4</VersionId><Size>3</Size></Version>
    </ListVersionsResult>"""
)
OBJECTS = Told(
    body=b"""<ListBucketResult><IsTruncated>false</IsTruncated>
    <Contents><Key>a</Key><Size>3</Size></Contents></ListBucketResult>"""
)
IN_ITS_PLACE = Told(
    body=b"""<ListBucketResult><IsTruncated>true</IsTruncated>
    <Contents><Key>0</Key><Size>3</Size></Contents></ListBucketResult>"""
)
"""Of a store that does not look at the question."""
UPLOADS = Told(
    body=b"""<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>
    <NextUploadIdMarker>u</NextUploadIdMarker><Upload><Key>k</Key><UploadId>u</UploadId></Upload>
    </ListMultipartUploadsResult>"""
)
MORE_UPLOADS = Told(
    body=b"""<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>
    <Upload><Key>l</Key></Upload><Upload><Key>open/l</Key></Upload><Upload><Key>.sealgate/m</Key></Upload>
    </ListMultipartUploadsResult>"""
)
USUAL = {
    "GET /photos?versions": VERSIONS,
    "GET /photos?list-type=2": OBJECTS,
    "GET /photos?uploads": MORE_UPLOADS,
    "GET /photos?object-lock": Told(status=404),
    "HEAD /photos/": Told(),
}


def counted(store: ToldStore, is_sealed: Callable[[str], bool] = lambda _: True) -> BucketCount:
    upstream: Any = store
    walk = Walk(
        upstream=upstream,
        name="main",
        key_version_of=lambda _: "",
        now=lambda: NOW,
        at_once=2,
        progress=lambda _, __: None,
    )
    return asyncio.run(walk.count("photos", is_sealed))


def test_versions_are_asked_for_and_nothing_else_is() -> None:
    """Neither delete markers, nor reserved names, nor names that no rule seals."""
    store = ToldStore(USUAL)
    count = counted(store, lambda name: name != "c" and not name.startswith("open/"))

    assert [each for each in store.asked if each.startswith("HEAD")] == ["HEAD /photos/a?versionId=1"]
    assert (count.plain, count.uploads, count.locks_shown, count.taken) == (
        1,
        1,
        True,
        "2026-11-25T00:00:00Z",
    )


@pytest.mark.parametrize("answer", [IN_ITS_PLACE, Told(status=400), Told(status=501)])
def test_a_store_without_versions_is_asked_for_objects(answer: Told) -> None:
    store = ToldStore(USUAL | {"GET /photos?versions": answer})
    count = counted(store)

    assert [each for each in store.asked if each.startswith("HEAD")] == ["HEAD /photos/a?"]
    assert count.plain == 1


def test_a_listing_that_goes_round_is_left() -> None:
    body = VERSIONS.body.replace(b"false", b"true").replace(
        b"</List", b"<NextKeyMarker>a</NextKeyMarker></List"
    )

    with pytest.raises(S3Error, match="does not go on"):
        counted(ToldStore(USUAL | {"GET /photos?versions": Told(body=body)}))


def test_uploads_are_counted_over_pages() -> None:
    answers = {
        "GET /photos?uploads": UPLOADS,
        "GET /photos?uploads=&max-uploads=1000&encoding-type=url&key-marker=k": MORE_UPLOADS,
    }

    assert counted(ToldStore(USUAL | answers)).uploads == 3
    assert counted(ToldStore(USUAL | {"GET /photos?uploads": Told(status=501)})).uploads is None


@pytest.mark.parametrize(
    ("status", "plain", "not_shown"), [(200, 2, 0), (404, 1, 0), (405, 1, 0), (403, 1, 1), (400, 1, 1)]
)
def test_what_is_gone_is_none_and_what_is_not_shown_is_told(status: int, plain: int, not_shown: int) -> None:
    count = counted(ToldStore(USUAL | {"HEAD /photos/c": Told(status=status)}))

    assert (count.plain, count.not_shown) == (plain, not_shown)


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("HEAD /photos/c", 503),
        ("GET /photos?versions", 404),
        ("GET /photos?versions", 403),
        ("GET /photos?uploads", 500),
    ],
)
def test_a_store_in_trouble_gives_no_figures(question: str, status: int) -> None:
    with pytest.raises(S3Error):
        counted(ToldStore(USUAL | {question: Told(status=status)}))


@pytest.mark.parametrize(
    ("object_lock", "retention", "legal_hold", "shown"),
    [
        (404, 403, 403, True),
        (200, 404, 404, True),
        (200, 403, 200, False),
        (200, 200, 403, False),
        (403, 403, 404, False),
    ],
)
def test_locks_that_are_hidden_are_not_called_none(
    *, object_lock: int, retention: int, legal_hold: int, shown: bool
) -> None:
    """Two questions for a bucket, and only where it has Object Lock."""
    store = ToldStore(
        USUAL
        | {
            "GET /photos?object-lock": Told(status=object_lock),
            "GET /photos/a?retention": Told(status=retention),
            "GET /photos/a?legal-hold": Told(status=legal_hold),
        }
    )

    assert counted(store).locks_shown is shown
    assert len([each for each in store.asked if "retention" in each or "legal-hold" in each]) <= 2


def test_shown_retention_does_not_speak_for_legal_holds() -> None:
    """Where a bucket gives every object retention, none would be without a lock to ask about."""
    retained = {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": "2026-11-26"}
    store = ToldStore(
        USUAL
        | {
            "HEAD /photos/": Told(headers=retained),
            "GET /photos?object-lock": Told(),
            "GET /photos/a?retention": Told(),
            "GET /photos/a?legal-hold": Told(status=403),
        }
    )

    assert not counted(store).locks_shown


@pytest.mark.parametrize(
    ("headers", "lock"),
    [
        ({}, Lock()),
        ({"legal-hold": "OFF"}, Lock()),
        ({"legal-hold": "ON"}, Lock(is_held=True)),
        (
            {"mode": "GOVERNANCE", "retain-until-date": "2026-11-25T00:00:00.000Z"},
            Lock(mode="GOVERNANCE", until=NOW),
        ),
        (
            {"mode": "compliance", "retain-until-date": "2026-11-25T01:00:00+01:00"},
            Lock(mode="COMPLIANCE", until=NOW),
        ),
        ({"mode": "COMPLIANCE", "retain-until-date": "some day"}, Lock(mode="COMPLIANCE", until=FOR_EVER)),
        ({"mode": "COMPLIANCE"}, Lock(mode="COMPLIANCE", until=FOR_EVER)),
        (
            {"mode": "COMPLIANCE", "retain-until-date": "9999-12-31T23:00:00-05:00"},
            Lock(mode="COMPLIANCE", until=FOR_EVER),
        ),
    ],
)
def test_a_lock_is_read_from_the_answer_s_headers(headers: Mapping[str, str], lock: Lock) -> None:
    """An end that cannot be read is none that is near."""
    assert lock_in({f"x-amz-object-lock-{name}": value for name, value in headers.items()}) == lock
