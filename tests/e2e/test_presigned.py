"""Presigned URLs, and buckets in the host's name."""

import hashlib
import socket
import time
import urllib.parse
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.ruled import DOMAIN
from tests.e2e.sdk import client, refused
from tests.e2e.trail import Trail
from tests.e2e.wire import Answer, send, send_as_is
from tests.stores.sealgate import ALICE, Sealgate

PLAIN = plaintext(70_000)


@pytest.fixture(scope="module")
def signing(sealgate: Sealgate) -> Any:
    """A client that presigns with SigV4; boto3's default for S3 without a region is older."""
    with client("s3", sealgate.url, signature_version="s3v4") as made:
        yield made


def url_for(signing: Any, operation: str, bucket: str, key: str, **more: Any) -> str:
    seconds = more.pop("seconds", 60)
    parameters = {"Bucket": bucket, "Key": key, **more}
    return str(signing.generate_presigned_url(operation, Params=parameters, ExpiresIn=seconds))


def test_whoever_holds_the_url_reads(*, signing: Any, s3: Any, bucket: str, key: str, trail: Trail) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)
    url = url_for(signing, "get_object", bucket, key)

    answer = send_as_is("GET", url, headers={})

    assert (answer.status, answer.body) == (200, PLAIN)
    event = trail.of(answer.headers["x-amz-request-id"])
    assert event["userIdentity"]["arn"] == ALICE.arn
    assert send_as_is("GET", url, headers={"range": "bytes=5-9"}).body == PLAIN[5:10]


@pytest.mark.parametrize("size", [0, 1000, 1024 * 1024 + 1])
def test_whoever_holds_the_url_writes(
    *, signing: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest, size: int
) -> None:
    """With the headers that were signed, the key among them."""
    plain = plaintext(size)
    url = url_for(signing, "put_object", bucket, key, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn)
    headers = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": key_arn,
    }

    assert send_as_is("PUT", url, plain, headers={}).status in {400, 403}
    assert key not in sealed_on_store.keys(bucket)
    assert send_as_is("PUT", url, plain, headers=headers).status == 200
    sealed_on_store(bucket, key, plain)


def test_other_methods_of_a_presigned_url(signing: Any, s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)

    head = send_as_is("HEAD", url_for(signing, "head_object", bucket, key), headers={})
    assert (head.status, head.headers["content-length"]) == (200, str(len(PLAIN)))
    assert send_as_is("DELETE", url_for(signing, "delete_object", bucket, key), headers={}).status == 204
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket=bucket, Key=key)
    assert refused(caught.value)[0] == 404


def test_an_upload_in_parts_by_urls_alone(
    *, signing: Any, s3: Any, bucket: str, key: str, sealed_on_store: AtRest
) -> None:
    """Each step by who holds its URL: begun, two parts, one of them a copy, listed, completed."""
    s3.put_object(Bucket=bucket, Key=f"{key}-source", Body=PLAIN)
    parts = [plaintext(5 * 1024 * 1024), PLAIN]

    def step(method: str, operation: str, body: bytes = b"", **more: Any) -> Answer:
        headers = {"x-amz-copy-source": more["CopySource"]} if "CopySource" in more else {}
        answer = send_as_is(method, url_for(signing, operation, bucket, key, **more), body, headers=headers)
        assert answer.status == 200
        return answer

    begun = step("POST", "create_multipart_upload")
    upload = begun.body.partition(b"<UploadId>")[2].partition(b"</UploadId>")[0].decode()
    etags = [
        step("PUT", "upload_part", parts[0], UploadId=upload, PartNumber=1).headers["etag"],
        step("PUT", "upload_part_copy", UploadId=upload, PartNumber=2, CopySource=f"{bucket}/{key}-source")
        .body.partition(b"<ETag>")[2]
        .partition(b"</ETag>")[0]
        .decode(),
    ]
    assert step("GET", "list_parts", UploadId=upload).body.count(b"<Part>") == 2
    named = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in enumerate(etags, start=1)
    )
    document = f"<CompleteMultipartUpload>{named}</CompleteMultipartUpload>".encode()
    step("POST", "complete_multipart_upload", document, UploadId=upload)

    sealed_on_store(bucket, key, b"".join(parts))
    assert step("GET", "get_object").body == b"".join(parts)


def test_settings_and_lists_by_urls(signing: Any, s3: Any, bucket: str, key: str) -> None:
    """What is not about a body, too; a body that a URL takes must still be proven where S3 wants it so."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, Tagging="a=b")
    params = {"Bucket": bucket, "Prefix": key}
    listed = send_as_is("GET", signing.generate_presigned_url("list_objects_v2", Params=params), headers={})
    tags = send_as_is("GET", url_for(signing, "get_object_tagging", bucket, key), headers={})
    there = send_as_is(
        "HEAD", signing.generate_presigned_url("head_bucket", Params={"Bucket": bucket}), headers={}
    )

    assert f"<Size>{len(PLAIN)}</Size>".encode() in listed.body
    assert b"<Key>a</Key>" in tags.body
    assert there.status == 200


def test_response_overrides_are_part_of_what_was_signed(signing: Any, s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)
    wish = 'attachment; filename="a+b c.bin"'
    url = url_for(signing, "get_object", bucket, key, ResponseContentDisposition=wish)

    answer = send_as_is("GET", url, headers={})

    assert (answer.status, answer.headers["content-disposition"]) == (200, wish)
    changed = send_as_is("GET", url.replace("attachment", "inline"), headers={})
    assert (changed.status, changed.code) == (403, "SignatureDoesNotMatch")


def test_a_url_ends_when_it_says(signing: Any, s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)
    url = url_for(signing, "get_object", bucket, key, seconds=1)

    time.sleep(2.1)

    answer = send_as_is("GET", url, headers={})
    assert (answer.status, answer.code) == (403, "AccessDenied")


def test_a_url_is_good_for_one_name_and_one_method(signing: Any, s3: Any, bucket: str, key: str) -> None:
    for name in (key, f"{key}-2"):
        s3.put_object(Bucket=bucket, Key=name, Body=PLAIN)
    url = url_for(signing, "get_object", bucket, key)

    for method, other in (("GET", url.replace(key, f"{key}-2")), ("DELETE", url), ("PUT", url)):
        answer = send_as_is(method, other, headers={})
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_any_http_client_will_do(signing: Any, s3: Any, bucket: str) -> None:
    """A name with everything that must be escaped, by the standard library's own client."""
    key = "ä b+c%2F/😀"
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)

    with urllib.request.urlopen(url_for(signing, "get_object", bucket, key), timeout=10) as answer:  # noqa: S310  # our own loopback URL
        assert answer.read() == PLAIN


def by_host(ruled: Sealgate, method: str, host: str, target: str, body: bytes = b"") -> Answer:
    """A request to the service's address with another Host, signed for that host."""
    port = urllib.parse.urlsplit(ruled.url).port
    return send(
        method,
        f"http://{host}:{port}{target}",
        body,
        headers={"host": f"{host}:{port}"},
        connect_to=ruled.url,
    )


def test_a_bucket_may_stand_in_the_hosts_name(
    *, ruled: Sealgate, ruled_s3: Any, buckets: Any, key: str, ruled_on_store: AtRest
) -> None:
    """It is the same bucket as in path style, and the envelope is bound to it."""
    host = f"{buckets.mixed}.{DOMAIN}"

    assert by_host(ruled, "PUT", host, f"/{key}", PLAIN).status == 200

    ruled_on_store(buckets.mixed, key, PLAIN)
    assert ruled_s3.get_object(Bucket=buckets.mixed, Key=key)["Body"].read() == PLAIN
    got = by_host(ruled, "GET", host.upper(), f"/{key}")
    assert (got.status, got.body) == (200, PLAIN)
    listed = by_host(ruled, "GET", host, f"/?list-type=2&prefix={key}")
    assert f"<Size>{len(PLAIN)}</Size>".encode() in listed.body
    assert by_host(ruled, "HEAD", host, "/").status == 200
    assert by_host(ruled, "DELETE", host, f"/{key}").status == 204


def test_the_domain_itself_is_path_style(ruled: Sealgate, ruled_s3: Any, buckets: Any, key: str) -> None:
    ruled_s3.put_object(Bucket=buckets.mixed, Key=key, Body=PLAIN)

    assert by_host(ruled, "GET", DOMAIN, f"/{buckets.mixed}/{key}").body == PLAIN
    assert b"<ListAllMyBucketsResult" in by_host(ruled, "GET", DOMAIN, "/").body


def test_boto3_in_virtual_style(
    *, ruled: Sealgate, ruled_s3: Any, buckets: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own host names, resolved to the loopback."""
    port = urllib.parse.urlsplit(ruled.url).port
    resolve = socket.getaddrinfo

    def resolved(host: Any, *more: Any, **named: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(DOMAIN) else host, *more, **named)

    monkeypatch.setattr("socket.getaddrinfo", resolved)
    with client("s3", f"http://{DOMAIN}:{port}", s3={"addressing_style": "virtual"}) as virtual:
        virtual.put_object(Bucket=buckets.mixed, Key=key, Body=PLAIN)
        assert virtual.get_object(Bucket=buckets.mixed, Key=key)["Body"].read() == PLAIN
        assert virtual.list_objects_v2(Bucket=buckets.mixed, Prefix=key)["KeyCount"] == 1
    assert ruled_s3.get_object(Bucket=buckets.mixed, Key=key)["Body"].read() == PLAIN


def test_without_domains_the_host_names_nothing(sealgate: Sealgate, s3: Any, bucket: str, key: str) -> None:
    """The service that was given no domain takes path style from any host."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)
    port = urllib.parse.urlsplit(sealgate.url).port

    answer = send("GET", f"http://other.{DOMAIN}:{port}/{bucket}/{key}", connect_to=sealgate.url)

    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(PLAIN).digest()
