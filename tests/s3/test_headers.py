"""Headers: what the store gets, what the client gets, and what is refused by name."""

import pytest
from botocore.session import get_session

from proxy.s3.errors import S3Error
from proxy.s3.headers import (
    MAX_METADATA_BYTES,
    check_metadata,
    client_headers,
    error_headers,
    response_overrides,
    store_headers,
)
from proxy.s3.operation_rows import ROWS
from proxy.s3.request import parse_request
from proxy.s3.treatments import Treatment

# What boto3, the AWS CLI and minio-py send of themselves.
TRANSPORT = {
    "host": "localhost",
    "authorization": "AWS4-HMAC-SHA256 ...",
    "x-amz-date": "20260101T000000Z",
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-security-token": "token",
    "x-amz-decoded-content-length": "3",
    "x-amz-trailer": "x-amz-checksum-crc32",
    "x-amz-sdk-checksum-algorithm": "CRC32",
    "x-amz-checksum-crc32c": "AAAAAA==",
    "x-amz-checksum-algorithm": "CRC32",
    "x-amz-api-version": "2006-03-01",
    "x-amz-user-agent": "aws-sdk-js",
    "x-amz-server-side-encryption": "AES256",
    "amz-sdk-invocation-id": "1",
    "content-length": "3",
    "content-md5": "x",
    "transfer-encoding": "chunked",
    "expect": "100-continue",
    "connection": "keep-alive",
    "user-agent": "Boto3",
    "accept-encoding": "identity",
    "range": "bytes=0-1",
    "x-forwarded-for": "1.2.3.4",
}
CONTENT = {
    "cache-control": "no-cache",
    "content-disposition": "attachment",
    "content-language": "de",
    "content-type": "text/plain",
    "expires": "Thu, 01 Dec 2026 16:00:00 GMT",
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-website-redirect-location": "/other",
    "x-amz-meta-a": "b",
    "x-amz-meta-sealgate-notes": "mine",
}
# And what a copy's gateway reads.
READ_BY_US = (
    *(name for name in TRANSPORT if name.startswith("x-amz-")),
    "x-amz-checksum-",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-server-side-encryption",
    "x-amz-source-expected-bucket-owner",
    "x-amz-tagging-directive",
)


def headers_of_s3() -> set[str]:
    """Every one of a request, of any operation, by botocore's model."""
    model = get_session().get_service_model("s3")  # type: ignore[no-untyped-call]  # botocore has no annotations
    shapes = [model.operation_model(name).input_shape for name in model.operation_names]
    members = [member.serialization for shape in shapes if shape for member in shape.members.values()]
    names = {each["name"].lower() for each in members if each.get("location") == "header"}
    return {name for name in names if name.startswith("x-amz-")}


@pytest.mark.parametrize("operation", [row.name for row in ROWS if row.treatment is not Treatment.REFUSE])
def test_transport_signature_and_claims_never_reach_the_store(operation: str) -> None:
    assert store_headers(operation, TRANSPORT) == {}


def test_a_write_keeps_what_describes_the_object() -> None:
    conditions = {"if-match": '"e"', "if-none-match": "*", "x-amz-expected-bucket-owner": "1"}

    assert store_headers("PutObject", TRANSPORT | CONTENT | conditions) == CONTENT | conditions


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("aws-chunked", {}),
        ("aws-chunked,gzip", {"content-encoding": "gzip"}),
        ("gzip, AWS-Chunked", {"content-encoding": "gzip"}),
        ("gzip,  br", {"content-encoding": "gzip,br"}),
        ("", {}),
        (",", {}),
    ],
)
def test_aws_chunked_is_how_a_body_travelled_and_not_what_it_is(sent: str, kept: dict[str, str]) -> None:
    assert store_headers("PutObject", {"content-encoding": sent}) == kept


@pytest.mark.parametrize(
    "name",
    [
        "x-amz-grant-everything",
        "x-amz-object-lock-event-hold",
        "x-amz-write-offset-bytes",
        "x-amz-bypass-governance-retention",
        "x-amz-if-match-size",
        "x-amz-tagging-of-another-kind",
    ],
)
def test_what_a_write_asks_for_and_does_not_get_is_refused_by_name(name: str) -> None:
    with pytest.raises(S3Error, match=name) as caught:
        store_headers("PutObject", {name: "x"})

    assert caught.value.code == "NotImplemented"


@pytest.mark.parametrize("operation", ["CopyObject", "CreateMultipartUpload", "PutObject"])
def test_what_s3_has_no_meaning_for_stays_here(operation: str) -> None:
    """S3 reads past it, and so do we; the store does not see it."""
    assert store_headers(operation, {"x-amz-foo": "bar", "x-amz-acl": "private"}) == {"x-amz-acl": "private"}


def sent_or_refused(name: str) -> bool:
    try:
        return name in store_headers("PutObject", {name: "x"})
    except S3Error as error:
        return error.code == "NotImplemented" and name in str(error)


def test_no_write_drops_a_header_that_s3_knows_in_silence() -> None:
    """Of any operation: it is sent on, read by us, or refused by its name."""
    assert [
        name for name in headers_of_s3() if not name.startswith(READ_BY_US) and not sent_or_refused(name)
    ] == []


def test_a_write_passes_on_who_may_read_it_and_what_holds_it() -> None:
    wishes = {
        "x-amz-acl": "private",
        "x-amz-grant-read": 'id="1"',
        "x-amz-tagging": "a=b",
        "x-amz-object-lock-mode": "GOVERNANCE",
        "x-amz-object-lock-retain-until-date": "2030-01-01T00:00:00Z",
        "x-amz-object-lock-legal-hold": "ON",
    }

    assert store_headers("PutObject", wishes) == wishes


@pytest.mark.parametrize(
    ("operation", "header"),
    [
        ("PutBucketPolicy", "x-amz-confirm-remove-self-bucket-access"),
        ("PutBucketVersioning", "x-amz-mfa"),
        ("PutObjectAcl", "x-amz-grant-read"),
        ("PutObjectRetention", "x-amz-bypass-governance-retention"),
        ("PutBucketLifecycleConfiguration", "x-amz-transition-default-minimum-object-size"),
    ],
)
def test_a_header_goes_with_the_operation_that_has_it(operation: str, header: str) -> None:
    assert store_headers(operation, {header: "x"}) == {header: "x"}
    assert store_headers("GetBucketAcl", {header: "x", "origin": "o"}) == {"origin": "o"}


def test_a_refusal_tells_of_versions_and_to_a_browser() -> None:
    told = {"x-amz-delete-marker": "true", "x-amz-version-id": "v", "access-control-allow-origin": "*"}

    assert error_headers(told | {"content-length": "1", "etag": "e", "x-amz-request-id": "r"}) == told


def test_a_client_has_no_envelope_of_its_own() -> None:
    with pytest.raises(S3Error) as caught:
        store_headers("PutObject", {"x-amz-meta-sealgate": "1.AAAA"})

    assert caught.value.code == "InvalidArgument"


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
def test_a_read_passes_its_conditions_on(operation: str) -> None:
    """They are the store's own atomic checks. The range is ours: it counts plaintext."""
    conditions = {
        "if-match": "a",
        "if-none-match": "b",
        "if-modified-since": "c",
        "if-unmodified-since": "d",
        "x-amz-request-payer": "requester",
    }

    assert store_headers(operation, {**conditions, "range": "bytes=0-1", "x-amz-acl": "x"}) == conditions


def test_a_bucket_is_created_as_asked() -> None:
    asked = {"x-amz-acl": "private", "x-amz-bucket-object-lock-enabled": "true", "content-type": "text/xml"}

    assert store_headers("CreateBucket", asked | {"if-match": "x"}) == asked


def test_the_client_gets_the_object_s_headers_and_nothing_of_the_ciphertext() -> None:
    kept = CONTENT | {"etag": '"e"', "last-modified": "then", "x-amz-version-id": "v"}
    dropped = {
        "x-amz-meta-sealgate": "1.AAAA",
        "content-length": "124",
        "content-range": "bytes 0-1/2",
        "accept-ranges": "bytes",
        "content-md5": "x",
        "x-amz-checksum-crc32": "AAAAAA==",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-request-id": "1",
        "x-amz-id-2": "2",
        "date": "now",
        "server": "store",
        "set-cookie": "x",
        "transfer-encoding": "chunked",
    }

    assert client_headers(kept | dropped) == kept


@pytest.mark.parametrize("over", [-1, 0, 1])
@pytest.mark.parametrize("character", ["a", "é", "\udcff"])
def test_metadata_has_two_kibibytes_less_the_envelope(over: int, character: str) -> None:
    """Names without their prefix, in bytes, and the envelope's own name with its value."""
    envelope_length = 601
    room = MAX_METADATA_BYTES - len("sealgate") - envelope_length - len("k1") - len("other") - 1
    width = len(character.encode(errors="surrogateescape"))
    filler = "x" * (room % width)
    value = character * (room // width) + filler + "x" * over if over >= 0 else character
    headers = {"x-amz-meta-k1": value, "x-amz-meta-other": "v", "content-type": "t" * 5000}
    if over <= 0:
        check_metadata(headers, envelope_length=envelope_length)
        return
    with pytest.raises(S3Error) as caught:
        check_metadata(headers, envelope_length=envelope_length)
    assert caught.value.code == "MetadataTooLarge"
    assert caught.value.fields == {"Size": "1440", "MaxSizeAllowed": "1439"}


def test_response_overrides_need_a_signature() -> None:
    target = "/bucket/key?response-content-type=text%2Fhtml&response-expires=&versionId=1"
    request = parse_request(method="GET", target=target, headers={}, domains=())
    plain = parse_request(method="GET", target="/bucket/key", headers={}, domains=())

    assert response_overrides(request, signed=True) == {"content-type": "text/html", "expires": ""}
    assert response_overrides(plain, signed=False) == {}
    with pytest.raises(S3Error) as caught:
        response_overrides(request, signed=False)
    assert caught.value.code == "InvalidRequest"
