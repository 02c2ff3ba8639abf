"""What a client says of its object beside the bytes: kept on the store, told again, the envelope hidden."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import refused
from tests.e2e.wire import SIGNED_CHUNKS, put_chunked, send
from tests.stores.sealgate import Sealgate

PLAIN = plaintext(1000)
STREAMED = plaintext(1024 * 1024 + 1)
HEADERS = {
    "CacheControl": "max-age=60, private",
    "ContentDisposition": 'attachment; filename="a b.txt"',
    "ContentEncoding": "gzip",
    "ContentLanguage": "de, en-GB",
    "ContentType": "text/plain; charset=utf-8",
}


@pytest.mark.parametrize("plain", [PLAIN, STREAMED], ids=["held", "streamed"])
def test_the_objects_own_headers_are_kept(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, plain: bytes
) -> None:
    expires = datetime(2037, 10, 21, 7, 28, tzinfo=UTC)

    s3.put_object(Bucket=bucket, Key=key, Body=plain, Expires=expires, **HEADERS)

    stored = sealed_on_store(bucket, key, plain)
    for answer in (
        s3.get_object(Bucket=bucket, Key=key),
        s3.head_object(Bucket=bucket, Key=key),
        stored.head,
    ):
        assert {name: answer[name] for name in HEADERS} == HEADERS
        assert answer["ExpiresString"] == "Wed, 21 Oct 2037 07:28:00 GMT"


@pytest.mark.parametrize("operation", ["get_object", "head_object"])
def test_user_metadata_is_kept_and_the_envelope_hidden(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, operation: str
) -> None:
    metadata = {"name": "value", "with-blanks": "a  b", "long": "x" * 500, "sealgate-like": "mine"}

    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, Metadata=metadata)

    assert getattr(s3, operation)(Bucket=bucket, Key=key)["Metadata"] == metadata
    assert sealed_on_store(bucket, key, PLAIN).metadata == metadata


def test_metadata_may_be_utf_8(sealgate: Sealgate, bucket: str, key: str, sealed_on_store: AtRest) -> None:
    """SDKs refuse to send it, but S3 takes it."""
    url = f"{sealgate.url}/{bucket}/{key}"

    assert send("PUT", url, PLAIN, headers={"x-amz-meta-name": "Käse 日本"}).status == 200

    sealed_on_store(bucket, key, PLAIN)
    for method in ("GET", "HEAD"):
        told = send(method, url).headers["x-amz-meta-name"]  # which http.client reads as Latin-1
        assert told.encode("latin-1").decode() == "Käse 日本"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("aws-chunked", None),
        ("aws-chunked,gzip", "gzip"),
        ("gzip, aws-chunked", "gzip"),
        ("br,aws-chunked,gzip", "br,gzip"),
    ],
)
def test_the_coding_of_the_journey_is_not_the_objects(
    *, sealgate: Sealgate, bucket: str, key: str, sealed_on_store: AtRest, sent: str, kept: str | None
) -> None:
    """aws-chunked is cut from Content-Encoding; what else is there stays."""
    url = f"{sealgate.url}/{bucket}/{key}"

    answer = put_chunked(url, PLAIN, coding=SIGNED_CHUNKS, headers={"content-encoding": sent})

    assert answer.status == 200, answer.body
    assert sealed_on_store(bucket, key, PLAIN).head.get("ContentEncoding") == kept
    assert send("HEAD", url).headers.get("content-encoding") == kept


@pytest.mark.parametrize("storage_class", ["STANDARD_IA", "REDUCED_REDUNDANCY"])
def test_the_storage_class_is_kept(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, storage_class: str
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, StorageClass=storage_class)

    stored = sealed_on_store(bucket, key, PLAIN)
    head = s3.head_object(Bucket=bucket, Key=key)
    assert head.get("StorageClass") == stored.head.get("StorageClass") == storage_class


def test_a_website_redirect_goes_to_the_store(s3: Any, raw: Any, bucket: str, key: str) -> None:
    """Told by the proxy exactly as the bare store tells it."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, WebsiteRedirectLocation="/other")

    ours, theirs = (each.head_object(Bucket=bucket, Key=key) for each in (s3, raw))
    assert ours.get("WebsiteRedirectLocation") == theirs.get("WebsiteRedirectLocation")


def test_metadata_that_does_not_fit_beside_the_envelope_is_refused(
    s3: Any, bucket: str, key: str, sealed_on_store: AtRest
) -> None:
    """S3's 2 KiB less the envelope; nothing is cut off in silence."""
    for plain in (PLAIN, STREAMED):
        with pytest.raises(ClientError) as caught:
            s3.put_object(Bucket=bucket, Key=key, Body=plain, Metadata={"a": "x" * 1900})
        assert refused(caught.value) == (400, "MetadataTooLarge")
    assert key not in sealed_on_store.keys(bucket)
    limit = int(caught.value.response["Error"]["MaxSizeAllowed"])
    s3.put_object(Bucket=bucket, Key=key, Body=STREAMED, Metadata={"a": "x" * (limit - 1)})
    with pytest.raises(ClientError):
        s3.put_object(Bucket=bucket, Key=key, Body=STREAMED, Metadata={"a": "x" * limit})


def test_a_client_cannot_bring_an_envelope(s3: Any, bucket: str, key: str, sealed_on_store: AtRest) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, Metadata={"sealgate": "1.AAAA"})

    assert refused(caught.value) == (400, "InvalidArgument")
    assert key not in sealed_on_store.keys(bucket)


@pytest.mark.parametrize("header", ["x-amz-write-offset-bytes", "x-amz-grant-everything"])
def test_a_wish_that_is_not_served_is_refused_and_not_forgotten(
    *, sealgate: Sealgate, bucket: str, key: str, sealed_on_store: AtRest, header: str
) -> None:
    """An object that is written without what the client asked for would be a lie."""
    answer = send("PUT", f"{sealgate.url}/{bucket}/{key}", PLAIN, headers={header: "some"})

    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert header.encode() in answer.body
    assert key not in sealed_on_store.keys(bucket)


def test_a_header_without_a_meaning_is_read_past(
    *, sealgate: Sealgate, s3: Any, bucket: str, key: str, sealed_on_store: AtRest
) -> None:
    """As S3 does with an x-amz- header that it does not define."""
    answer = send("PUT", f"{sealgate.url}/{bucket}/{key}", PLAIN, headers={"x-amz-new-thing": "some"})

    assert answer.status == 200
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN
    sealed_on_store(bucket, key, PLAIN)
