"""Copies' headers and documents: directives, conditions as a table, ranges, errors that begin with 200."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from proxy.s3.copying import (
    CopyResult,
    build_copy_result,
    carried,
    check_source,
    checksum_elements,
    iso_date,
    parse_copy,
    parse_copy_result,
    parse_tags,
    refuse_idle_copy,
    source_header,
    source_range,
    wanted_checksum,
)
from proxy.s3.errors import S3Error
from proxy.s3.operations import copy_source
from proxy.s3.request import parse_request

ETAG = '"0123456789abcdef"'
BEFORE, THEN, AFTER = (f"Wed, 25 Nov 2026 07:28:0{second} GMT" for second in (0, 1, 2))
IF = "x-amz-copy-source-if-"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("value", ["COPY", "REPLACE", "replace", None])
@pytest.mark.parametrize("name", ["metadata", "tagging"])
def test_directives_are_copy_unless_told(name: str, value: str | None) -> None:
    wish = parse_copy({} if value is None else {f"x-amz-{name}-directive": value})

    assert getattr(wish, f"replaces_{'tags' if name == 'tagging' else name}") is (
        value in {"REPLACE", "replace"}
    )


def test_an_unknown_directive_is_refused() -> None:
    with pytest.raises(S3Error, match="x-amz-metadata-directive") as caught:
        parse_copy({"x-amz-metadata-directive": "MERGE"})

    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize(
    ("headers", "idle"),
    [
        ({}, True),
        ({"x-amz-metadata-directive": "COPY", "x-amz-tagging-directive": "REPLACE"}, True),
        ({"x-amz-metadata-directive": "REPLACE"}, False),
        ({"x-amz-storage-class": "GLACIER"}, False),
        ({"x-amz-website-redirect-location": "/"}, False),
        ({"x-amz-server-side-encryption": "AES256"}, False),
        ({"x-amz-server-side-encryption-customer-key": "x"}, False),
    ],
)
def test_a_copy_onto_itself_must_change_something(headers: dict[str, str], *, idle: bool) -> None:
    if not idle:
        refuse_idle_copy(headers, parse_copy(headers))
        return
    with pytest.raises(S3Error) as caught:
        refuse_idle_copy(headers, parse_copy(headers))
    assert caught.value.code == "InvalidRequest"


SINGLE: list[tuple[str, str, bool]] = [
    ("match", ETAG, True),
    ("match", ETAG.strip('"'), True),
    ("match", "*", True),
    ("match", f'"x", {ETAG}', True),
    ("match", '"x"', False),
    ("none-match", ETAG, False),
    ("none-match", "*", False),
    ("none-match", '"x"', True),
    ("modified-since", BEFORE, True),
    ("modified-since", THEN, False),
    ("modified-since", AFTER, False),
    ("modified-since", "yesterday", True),
    ("unmodified-since", BEFORE, False),
    ("unmodified-since", THEN, True),
    ("unmodified-since", AFTER, True),
    ("unmodified-since", "yesterday", True),
]


@pytest.mark.parametrize(("test", "value", "holds"), SINGLE)
def test_each_condition_alone(test: str, value: str, *, holds: bool) -> None:
    assert passes({IF + test: value}) is holds


@pytest.mark.parametrize("pair", list(itertools.product([True, False], repeat=2)), ids=str)
def test_an_etag_outweighs_the_date_beside_it(pair: tuple[bool, bool]) -> None:
    """Amazon's page: match with unmodified-since, none-match with modified-since."""
    by_etag, by_date = pair
    matching = {
        IF + "match": ETAG if by_etag else '"x"',
        IF + "unmodified-since": AFTER if by_date else BEFORE,
    }
    other = {
        IF + "none-match": '"x"' if by_etag else ETAG,
        IF + "modified-since": BEFORE if by_date else AFTER,
    }

    assert passes(matching) is by_etag
    assert passes(other) is by_etag


def test_conditions_of_different_pairs_must_all_hold() -> None:
    assert not passes({IF + "match": ETAG, IF + "modified-since": AFTER})
    assert passes({IF + "match": ETAG, IF + "modified-since": BEFORE})


def test_a_store_that_tells_no_date_is_not_held_to_one() -> None:
    check_source({IF + "modified-since": AFTER}, etag=ETAG, last_modified="")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("bytes=0-0", (0, 0)),
        ("bytes=5-99", (5, 99)),
        ("bytes=0-100", "InvalidRange"),
        ("bytes=100-100", "InvalidRange"),
        ("bytes=2-1", "InvalidArgument"),
        ("bytes=0-", "InvalidArgument"),
        ("bytes=-5", "InvalidArgument"),
        ("0-5", "InvalidArgument"),
        ("bytes=0-1,3-4", "InvalidArgument"),
        ("bytes=0-9999999999999999999", "InvalidArgument"),
        ("bytes=hello-world", "InvalidArgument"),
        ("", "InvalidArgument"),
    ],
)
def test_a_part_copys_range_is_strict(value: str | None, expected: Any) -> None:
    """Unlike a Range header, a wrong one is refused and not ignored."""
    headers = {} if value is None else {"x-amz-copy-source-range": value}
    if not isinstance(expected, str):
        assert source_range(headers, 100) == expected
        return
    with pytest.raises(S3Error) as caught:
        source_range(headers, 100)
    assert caught.value.code == expected


@pytest.mark.parametrize(
    "key", ["key", "a b/c", "a+b", "ü", "100%", "q?versionId=1", "x#y", "a/../b", "~-_."]
)
@pytest.mark.parametrize("version", ["", "v.1-_+/="])
def test_a_source_is_written_so_that_it_reads_the_same(key: str, version: str) -> None:
    header = source_header("bucket", key, version)
    request = parse_request(method="PUT", target="/b-1/k", headers={"x-amz-copy-source": header}, domains=[])

    assert header.isascii()
    assert "+" not in header
    assert copy_source(request) == ("bucket", key, version)


@pytest.mark.parametrize("etag", ["&quot;e-1&quot;", "e-1", ' "e-1" '])
def test_the_stores_answer_is_read_and_its_etag_quoted(etag: str) -> None:
    document = (
        f"<CopyObjectResult xmlns='x'><LastModified>D</LastModified><ETag>{etag}</ETag></CopyObjectResult>"
    )

    assert parse_copy_result(b"\n  " + document.encode()) == CopyResult(etag='"e-1"', last_modified="D")


@pytest.mark.parametrize(
    ("document", "code", "status"),
    [
        ("<Error><Code>InternalError</Code></Error>", "ServiceUnavailable", 503),
        ("<Error><Code>SlowDown</Code></Error>", "SlowDown", 503),
        ("<Error><Code>Unheard</Code></Error>", "ServiceUnavailable", 503),
        ("<Error/>", "ServiceUnavailable", 503),
        ("<Error><Code>PreconditionFailed</Code><Message>no</Message></Error>", "PreconditionFailed", 412),
        ("<CopyObjectResult></CopyObjectResult>", "InternalError", 500),
        ("<Other><ETag>e</ETag></Other>", "InternalError", 500),
        ("<CopyObj", "InternalError", 500),
        ("", "InternalError", 500),
    ],
)
def test_a_success_may_hold_an_error(document: str, code: str, status: int) -> None:
    """A store begins its answer before it has copied, so the 200 alone says nothing."""
    with pytest.raises(S3Error) as caught:
        parse_copy_result(document.encode())

    assert (caught.value.code, caught.value.status) == (code, status)


def test_the_answer_to_a_client_reads_back() -> None:
    result = CopyResult(etag=ETAG, last_modified="D", checksums=checksum_elements({2: b"\0\0\0\1"}))

    document = build_copy_result("CopyObjectResult", result)

    assert parse_copy_result(document) == CopyResult(etag=ETAG, last_modified="D")
    assert b"<ChecksumCRC32>AAAAAQ==</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType>" in document
    assert checksum_elements({}) == checksum_elements({0x82: b"\0\0\0\1"}) == {}


def test_tags_become_a_header() -> None:
    tag = "<Tag><Key>{}</Key><Value>{}</Value></Tag>"
    inner = tag.format("a b", "&amp;=ü") + tag.format("c", "")

    assert parse_tags(f"<Tagging><TagSet>{inner}</TagSet></Tagging>".encode()) == "a%20b=%26%3D%C3%BC&c="
    assert parse_tags(b"<Tagging><TagSet/></Tagging>") == ""
    for other in (b"<Other/>", b"no"):
        with pytest.raises(S3Error, match="InternalError"):
            parse_tags(other)


@pytest.mark.parametrize(("name", "code"), [(None, None), ("CRC32", 2), ("crc64nvme", 4), ("SHA256", 6)])
def test_the_wanted_checksum_is_known_by_its_name(name: str | None, code: int | None) -> None:
    assert wanted_checksum({} if name is None else {"x-amz-checksum-algorithm": name}) == code


def test_an_unknown_checksum_is_refused() -> None:
    with pytest.raises(S3Error, match="Checksum algorithm provided is unsupported"):
        wanted_checksum({"x-amz-checksum-algorithm": "CRC16"})


def test_dates_are_written_as_the_documents_have_them() -> None:
    assert iso_date(THEN, otherwise=NOW) == "2026-11-25T07:28:01.000Z"
    assert iso_date("Wed, 25 Nov 2026 07:28:01 -0000", otherwise=NOW) == "2026-11-25T07:28:01.000Z"
    assert iso_date("", otherwise=NOW) == "2026-01-02T03:04:05.000Z"


def passes(headers: dict[str, str]) -> bool:
    try:
        check_source(headers, etag=ETAG, last_modified=THEN)
    except S3Error as error:
        return error.code != "PreconditionFailed"
    return True


LOCK = "x-amz-object-lock-"
DESCRIBED = {
    "cache-control": "no-store",
    "content-encoding": "gzip",
    "content-type": "text/x",
    "x-amz-meta-a": "b",
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-website-redirect-location": "/there",
}


def held(mode: str, until: str) -> dict[str, str]:
    return {f"{LOCK}mode": mode, f"{LOCK}retain-until-date": until}


@pytest.mark.parametrize(
    ("lock", "kept"),
    [
        ({}, False),
        ({f"{LOCK}legal-hold": "ON"}, True),
        ({f"{LOCK}legal-hold": "OFF"}, False),
        (held("GOVERNANCE", "2026-01-02T03:04:06Z"), True),
        (held("COMPLIANCE", "2026-01-02T03:04:06.000Z"), True),
        (held("GOVERNANCE", "2026-01-02T03:04:05Z"), False),
        (held("GOVERNANCE", "whenever"), True),
        ({f"{LOCK}mode": "GOVERNANCE"}, True),
    ],
)
def test_a_copy_in_place_carries_what_describes_and_what_holds(lock: dict[str, str], *, kept: bool) -> None:
    """And nothing of the old envelope, of the body or of the store."""
    told = {"x-amz-meta-sealgate": "1.AAAA", "etag": ETAG, "content-length": "3", "x-amz-version-id": "v"}

    assert carried(DESCRIBED | lock | told, now=NOW) == DESCRIBED | (lock if kept else {})
