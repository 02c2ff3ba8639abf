"""Reads: what HEAD tells, response-* overrides, conditions, and the one part of a single-part object."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import plaintext
from tests.e2e.sdk import refused, request_id
from tests.e2e.trail import Trail
from tests.e2e.wire import send
from tests.stores.sealgate import Sealgate

PLAIN = plaintext(70_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    bucket: str
    etag: str
    modified: datetime


@pytest.fixture(scope="module")
def written(s3: Any, bucket: str) -> Written:
    """An object `here` with PLAIN, and what the store says of it."""
    s3.put_object(Bucket=bucket, Key="here", Body=PLAIN, ContentType="text/plain", Metadata={"of": "mine"})
    head = s3.head_object(Bucket=bucket, Key="here")
    return Written(bucket=bucket, etag=head["ETag"], modified=head["LastModified"])


def test_head_says_what_get_says(s3: Any, written: Written) -> None:
    """Size, type, metadata, ETag, date and encryption: the same, but for the body."""
    got = s3.get_object(Bucket=written.bucket, Key="here")
    head = s3.head_object(Bucket=written.bucket, Key="here")

    got.pop("Body").close()
    ours = {"ResponseMetadata", "ChecksumCRC32", "ChecksumType"}
    assert {k: v for k, v in head.items() if k not in ours} == {k: v for k, v in got.items() if k not in ours}
    assert head["ContentLength"] == len(PLAIN)
    assert head["Metadata"] == {"of": "mine"}
    assert head["AcceptRanges"] == "bytes"


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_what_is_not_there_is_missing(s3: Any, bucket: str, operation: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(Bucket=bucket, Key="nowhere")

    assert refused(caught.value) == (404, "NoSuchKey" if operation == "get_object" else "404")


OVERRIDES = {
    "ResponseCacheControl": ("CacheControl", "no-store"),
    "ResponseContentDisposition": ("ContentDisposition", 'attachment; filename="a b.txt"'),
    "ResponseContentEncoding": ("ContentEncoding", "identity"),
    "ResponseContentLanguage": ("ContentLanguage", "de, en"),
    "ResponseContentType": ("ContentType", "application/x-other"),
    "ResponseExpires": ("ExpiresString", "Wed, 21 Oct 2037 07:28:00 GMT"),
}


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_the_query_overrides_response_headers(s3: Any, written: Written, operation: str) -> None:
    asked = {name: value for name, (_, value) in OVERRIDES.items()}
    asked["ResponseExpires"] = datetime(2037, 10, 21, 7, 28, tzinfo=UTC)  # type: ignore[assignment]  # boto3 takes a date there

    got = getattr(s3, operation)(Bucket=written.bucket, Key="here", **asked)

    assert {told: got[told] for told, _ in OVERRIDES.values()} == dict(OVERRIDES.values())
    assert got["ContentLength"] == len(PLAIN)


def test_an_override_cannot_split_the_answer(sealgate: Sealgate, written: Written) -> None:
    url = f"{sealgate.url}/{written.bucket}/here?response-content-type=a%0d%0ax-evil:%201"

    answer = send("GET", url)

    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert "x-evil" not in answer.headers


OLDER, NEWER = timedelta(days=-1), timedelta(days=1)
CONDITIONS = [
    ({"IfMatch": "same"}, 200),
    ({"IfMatch": "*"}, 200),
    ({"IfMatch": '"other"'}, 412),
    ({"IfNoneMatch": "same"}, 304),
    ({"IfNoneMatch": "*"}, 304),
    ({"IfNoneMatch": '"other"'}, 200),
    ({"IfModifiedSince": OLDER}, 200),
    ({"IfModifiedSince": NEWER}, 304),
    ({"IfUnmodifiedSince": NEWER}, 200),
    ({"IfUnmodifiedSince": OLDER}, 412),
]


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
@pytest.mark.parametrize(("conditions", "status"), CONDITIONS)
def test_conditions_on_reads_are_obeyed(
    s3: Any, written: Written, operation: str, conditions: dict[str, Any], status: int
) -> None:
    """One ETag everywhere, so the store's own checks are the checks."""
    asked: dict[str, Any] = {}
    for name, value in conditions.items():
        if isinstance(value, timedelta):
            # A date in the future means nothing to RFC 9110, 13.1.3: the object's own date is the border.
            asked[name] = written.modified + (OLDER if value is OLDER else timedelta())
        else:
            asked[name] = written.etag if value == "same" else value
    if status == 200:
        got = getattr(s3, operation)(Bucket=written.bucket, Key="here", **asked)
        assert got["ContentLength"] == len(PLAIN)
        return
    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(Bucket=written.bucket, Key="here", **asked)
    assert refused(caught.value)[0] == status


def test_not_modified_has_the_etag_and_no_body(sealgate: Sealgate, written: Written) -> None:
    answer = send("GET", f"{sealgate.url}/{written.bucket}/here", headers={"if-none-match": written.etag})

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == written.etag


def test_conditions_hold_for_ranges_too(s3: Any, written: Written) -> None:
    for wanted in ("bytes=0-9", "bytes=-10"):
        got = s3.get_object(Bucket=written.bucket, Key="here", Range=wanted, IfMatch=written.etag)
        assert len(got["Body"].read()) == 10
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=written.bucket, Key="here", Range=wanted, IfMatch='"other"')
        assert refused(caught.value)[0] == 412


def test_the_only_part_is_the_object(s3: Any, written: Written) -> None:
    """A single-part object has part 1, and no other."""
    where = {"Bucket": written.bucket, "Key": "here", "PartNumber": 1, "ChecksumMode": "ENABLED"}
    for answer in (s3.head_object(**where), s3.get_object(**where)):
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert answer["ContentRange"] == f"bytes 0-{len(PLAIN) - 1}/{len(PLAIN)}"
        assert answer["ContentLength"] == len(PLAIN)
        assert "ChecksumCRC32" in answer
        assert "PartsCount" not in answer
    assert answer["Body"].read() == PLAIN
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=written.bucket, Key="here", PartNumber=2)
    assert refused(caught.value) == (416, "InvalidPartNumber")


def test_reads_are_in_the_trail(s3: Any, written: Written, trail: Trail) -> None:
    """A HEAD sends no byte and asks no key service unless checksums are wanted."""
    s3.get_object(Bucket=written.bucket, Key="here")["Body"].read()  # now the key is here
    got = s3.get_object(Bucket=written.bucket, Key="here")
    got["Body"].read()
    head = s3.head_object(Bucket=written.bucket, Key="here")

    read, looked = trail.of(request_id(got)), trail.of(request_id(head))
    assert (read["eventName"], looked["eventName"]) == ("GetObject", "HeadObject")
    assert read["requestParameters"]["key"] == looked["requestParameters"]["key"] == "here"
    assert read["additionalEventData"]["bytesTransferredOut"] == len(PLAIN)
    assert looked["additionalEventData"]["bytesTransferredOut"] == 0
    assert read["additionalEventData"]["cacheHit"] is True
