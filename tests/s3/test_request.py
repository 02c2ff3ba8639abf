"""Requests: where bucket and key are, what is refused before anybody looks, and what the store is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.s3.errors import S3Error
from proxy.s3.request import S3Request, is_bucket_name, parse_request, renamed

DOMAINS = ("s3.example.com", "example.com")


def read(target: str, *, host: str = "127.0.0.1:9000", method: str = "GET", **headers: str) -> S3Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return parse_request(method=method, target=target, headers={"host": host, **named}, domains=DOMAINS)


def refusal(target: str, *, host: str = "127.0.0.1", **headers: str) -> S3Error:
    with pytest.raises(S3Error) as caught:
        read(target, host=host, **headers)
    return caught.value


@pytest.mark.parametrize(
    ("target", "bucket", "key", "store_path"),
    [
        ("/", "", "", "/"),
        ("/bucket", "bucket", "", "/bucket"),
        ("/bucket/", "bucket", "", "/bucket"),
        ("/bucket/key", "bucket", "key", "/bucket/key"),
        ("/bucket/dir/", "bucket", "dir/", "/bucket/dir/"),
        ("/bucket//key", "bucket", "/key", "/bucket//key"),
        ("/bucket/a//b", "bucket", "a//b", "/bucket/a//b"),
        ("/bucket//", "bucket", "/", "/bucket//"),
        ("/bucket/a/../b", "bucket", "a/../b", "/bucket/a/../b"),
        ("/bucket/a+b", "bucket", "a+b", "/bucket/a+b"),
        ("/bucket/a%2Bb", "bucket", "a+b", "/bucket/a%2Bb"),
        ("/bucket/a%20b", "bucket", "a b", "/bucket/a%20b"),
        ("/bucket/a%2Fb", "bucket", "a/b", "/bucket/a/b"),
        ("/bucket/a%2fb", "bucket", "a/b", "/bucket/a/b"),
        ("/bucket/a%252Fb", "bucket", "a%2Fb", "/bucket/a%252Fb"),
        ("/bucket/%252e", "bucket", "%2e", "/bucket/%252e"),
        ("/bucket/k%C3%A9y", "bucket", "kéy", "/bucket/k%C3%A9y"),
        ("/bucket/%F0%9F%94%92", "bucket", "🔒", "/bucket/%F0%9F%94%92"),
        ("/bucket/%0D%0A%01", "bucket", "\r\n\x01", "/bucket/%0D%0A%01"),
        ("/buck%65t/key", "bucket", "key", "/bucket/key"),
        ("/bucket/key?", "bucket", "key", "/bucket/key"),
    ],
)
def test_path_style(target: str, bucket: str, key: str, store_path: str) -> None:
    request = read(target)

    assert (request.bucket, request.key, request.store_path) == (bucket, key, store_path)
    assert not request.virtual_host


@pytest.mark.parametrize(
    ("host", "target", "bucket", "key", "store_path"),
    [
        ("bucket.s3.example.com", "/", "bucket", "", "/bucket"),
        ("bucket.s3.example.com:9000", "/key", "bucket", "key", "/bucket/key"),
        ("BUCKET.S3.Example.Com", "/a/b", "bucket", "a/b", "/bucket/a/b"),
        ("my.bucket.s3.example.com", "//k", "my.bucket", "/k", "/my.bucket//k"),
        ("bucket.example.com", "/k", "bucket", "k", "/bucket/k"),
        ("s3.example.com", "/bucket/k", "bucket", "k", "/bucket/k"),
        ("example.com:80", "/bucket/k", "bucket", "k", "/bucket/k"),
        ("other.test", "/bucket/k", "bucket", "k", "/bucket/k"),
        ("nots3.example.org", "/bucket/k", "bucket", "k", "/bucket/k"),
        ("[::1]:9000", "/bucket/k", "bucket", "k", "/bucket/k"),
    ],
)
def test_virtual_hosts(host: str, target: str, bucket: str, key: str, store_path: str) -> None:
    """The store always sees path style."""
    request = read(target, host=host)

    assert (request.bucket, request.key, request.store_path) == (bucket, key, store_path)
    assert request.virtual_host == (bucket in host.lower().split(".s3")[0])


def test_without_domains_the_host_says_nothing() -> None:
    request = parse_request(method="GET", target="/b-1/k", headers={"host": "a.s3.example.com"}, domains=())

    assert request.bucket == "b-1"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("http://host/bucket/key", "InvalidURI"),
        ("*", "InvalidURI"),
        ("", "InvalidURI"),
        ("bucket", "InvalidURI"),
        ("/bucket/a b", "InvalidURI"),
        ("/bucket/a#b", "InvalidURI"),
        ("/bucket/ä", "InvalidURI"),
        ("/bucket/%", "InvalidURI"),
        ("/bucket/%4", "InvalidURI"),
        ("/bucket/%zz", "InvalidURI"),
        ("/bucket/%ff", "InvalidURI"),
        ("/bucket/%ED%A0%80", "InvalidURI"),
        ("/bucket/%C0%AE", "InvalidURI"),
        ("/bucket?prefix=%ff", "InvalidURI"),
        ("/bucket?prefix=%", "InvalidURI"),
        ("/bucket/..", "InvalidURI"),
        ("/bucket/../other/key", "InvalidURI"),
        ("/bucket/%2e%2E/other/key", "InvalidURI"),
        ("/bucket/a/../../other", "InvalidURI"),
        ("/bucket/./../other", "InvalidURI"),
        ("/bucket//../other", "InvalidURI"),
        ("//key", "InvalidBucketName"),
        ("/../key", "InvalidBucketName"),
        ("/Bucket/key", "InvalidBucketName"),
        ("/a%2Fb/key", "InvalidBucketName"),
        ("/WriteGetObjectResponse", "NotImplemented"),
        ("/arn%3Aaws%3As3%3Aus-east-1%3A1%3Aaccesspoint%2Fx/key", "NotImplemented"),
        ("/bucket?versionId=1&versionId=2", "InvalidArgument"),
        ("/bucket?prefix=a&pre%66ix=b", "InvalidArgument"),
        ("/bucket/key?response-expires=a%0Ab", "InvalidArgument"),
        ("/bucket/key?response-content-type=a%0D", "InvalidArgument"),
        ("/bucket/key?response-content-type=a%00", "InvalidArgument"),
    ],
)
def test_what_two_parsers_could_read_in_two_ways_is_refused(target: str, code: str) -> None:
    assert refusal(target).code == code


@pytest.mark.parametrize("key", ["a/..", "a/../b", "a..b", "..a", "...", "a/b/../..", "/..a"])
def test_dot_segments_that_stay_inside_are_names(key: str) -> None:
    assert read(f"/bucket/{key}").key == key


@pytest.mark.parametrize("name", ["key", "%41", "%C3%A9"])
def test_a_key_has_at_most_1024_bytes(name: str) -> None:
    """Bytes of the decoded key, not characters and not escapes."""
    size = {"key": 3, "%41": 1, "%C3%A9": 2}[name]
    fits = 1024 // size

    assert len(read("/bucket/" + name * fits).key.encode()) <= 1024
    error = refusal("/bucket/" + name * (fits + 1))
    assert (error.code, error.fields["MaxSizeAllowed"]) == ("KeyTooLongError", "1024")
    assert int(error.fields["Size"]) == size * (fits + 1)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("abc", True),
        ("ab", False),
        ("a" * 63, True),
        ("a" * 64, False),
        ("a-b", True),
        ("a.b", True),
        ("a..b", False),
        ("-ab", False),
        ("ab-", False),
        (".ab", False),
        ("ab.", False),
        ("a_b", False),
        ("aBc", False),
        ("192.168.5.4", False),
        ("192.168.5", True),
        ("abc\n", False),
        ("äbc", False),
        ("\u0661bc", False),
    ],
)
def test_bucket_names(name: str, allowed: object) -> None:
    assert is_bucket_name(name) is allowed


@pytest.mark.parametrize(
    "headers",
    [
        {"x_amz_meta_a": "a\nb"},
        {"x_amz_meta_a": "a\rb"},
        {"x_amz_meta_a": "a\0b"},
        {"x_amz_meta_a\r": "b"},
        {"content_length": "1", "transfer_encoding": "chunked"},
        {"content_length": "1, 1"},
        {"content_length": "-1"},
        {"content_length": ""},
        {"content_length": "\u0661"},
    ],
)
def test_a_head_that_could_hide_another_is_refused(headers: dict[str, str]) -> None:
    assert refusal("/bucket/key", **headers).code == "InvalidRequest"


def test_a_head_is_bounded_as_a_whole() -> None:
    """Target, names and values count together, to the character."""
    left = 65_536 - len("/abc/k") - len("host") - len("127.0.0.1")
    many = {f"x-{number:03}": "v" * 100 for number in range(200)}
    left -= sum(len(name) + len(value) for name, value in many.items())

    assert read("/abc/k", host="127.0.0.1", **many, y="v" * (left - 1)).key == "k"
    assert refusal("/abc/k", **many, y="v" * left).code == "RequestHeaderSectionTooLarge"


def test_the_query_is_decoded_in_order_and_the_signature_is_not_part_of_it() -> None:
    request = read("/bucket?prefix=a+b%2B&list-type=2&&delimiter=&X-Amz-Signature=ff&x-id=ListObjects")

    assert request.query == (("prefix", "a b+"), ("list-type", "2"), ("delimiter", ""))
    assert request.store_query == "prefix=a+b%2B&list-type=2&delimiter="


def test_no_query_is_no_query() -> None:
    assert (read("/bucket").query, read("/bucket").store_query) == ((), "")


SIGNED = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0a"


def test_headers_that_a_presigner_put_into_the_query_are_headers() -> None:
    """Some SDKs hoist x-amz- headers; S3 reads them as if they were sent."""
    request = read(f"/bucket/key?{SIGNED}&x-amz-acl=private&X-Amz-Content-Sha256=00&versionId=1")

    assert request.headers["x-amz-acl"] == "private"
    assert request.headers["x-amz-content-sha256"] == "00"
    assert request.query == (("versionId", "1"),)
    assert request.store_query == "versionId=1"


@pytest.mark.parametrize("value", ["public-read", "a%0Db"])
def test_a_hoisted_header_may_not_contradict_or_smuggle(value: str) -> None:
    error = refusal(f"/bucket/key?{SIGNED}&x-amz-acl={value}", x_amz_acl="private")
    twice = refusal(f"/bucket/key?{SIGNED}&x-amz-acl=private&X-Amz-Acl={value}")

    assert (error.code, twice.code) == ("InvalidArgument", "InvalidArgument")


def test_without_a_signature_in_the_query_nothing_is_hoisted() -> None:
    assert "x-amz-acl" not in read("/bucket/key?x-amz-acl=private").headers


def test_the_repr_holds_no_signature_and_no_header() -> None:
    """It may end in a log."""
    request = read(f"/bucket/key?{SIGNED}", authorization="AWS4 Signature=secret")

    assert "0a" not in repr(request)
    assert "secret" not in repr(request)


@given(st.text(max_size=40).filter(lambda key: ".." not in key))
def test_a_key_comes_out_as_it_was_encoded(key: str) -> None:
    """Encoded byte by byte, every key that is let in is read back."""
    raw = "".join(f"%{byte:02X}" for byte in key.encode(errors="replace"))
    expected = key.encode(errors="replace").decode()

    assert read(f"/bucket/{raw}").key == expected


@pytest.mark.parametrize(
    ("key", "store_path"),
    [("a/b", "/bucket/a/b"), ("a b+c~", "/bucket/a%20b%2Bc~"), ("\u00fc/%2F", "/bucket/%C3%BC/%252F")],
)
def test_a_renamed_request_asks_the_store_for_the_new_name(key: str, store_path: str) -> None:
    """What was signed stays what it was."""
    request = renamed(read("/bucket/old?versionId=1"), key)

    assert (request.bucket, request.key, request.store_path) == ("bucket", key, store_path)
    assert (request.raw_path, request.query) == ("/bucket/old", (("versionId", "1"),))


@pytest.mark.parametrize(("key", "code"), [("", "InvalidRequest"), ("a/../..", "InvalidURI")])
def test_a_request_is_not_renamed_to_what_is_no_name(key: str, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        renamed(read("/bucket/old"), key)

    assert caught.value.code == code
