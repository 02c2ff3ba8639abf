"""Requests at and beyond the edges of HTTP and of S3's limits: one answer of S3's, and no side effect.

What two parsers could read in two ways is refused and the connection closed, so that nothing behind it on the
wire is ever taken for a request.
"""

import hashlib
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.e2e.wire import UNSIGNED, sign
from tests.faults.evidence import Evidence
from tests.faults.wire import Got, ask, talking, target_of
from tests.stores.sealgate import Sealgate, serving
from tests.stores.seaweedfs import Store, free_ports

PLAIN = plaintext(500)
BAD_REQUEST = (400, "BadRequest")
INVALID = (400, "InvalidRequest")
TOO_LARGE = {BAD_REQUEST, (400, "RequestHeaderSectionTooLarge")}
"""The first where the parser gives up, the second where the lines are fine and too many."""


def names(raw: Any, bucket: str, key: str = "") -> list[str]:
    return [each["Key"] for each in raw.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])]


def head_of(method: str, url: str, **headers: str) -> list[str]:
    """The lines of a good, signed head."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    signed = sign(method, url, named, payload_hash=UNSIGNED)
    host = url.split("/")[2]
    return [
        f"{method} {target_of(url)} HTTP/1.1",
        f"Host: {host}",
        *(f"{name}: {value}" for name, value in signed.items()),
    ]


def say(url: str, lines: list[str], body: bytes = b"") -> tuple[Got, bool]:
    """The first answer, and whether the connection ended after it."""
    with talking(url) as talk:
        talk.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        answer = talk.got()
        return answer, talk.is_over()


TWICE_READ = {
    "length and chunks": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "two lengths": ["Content-Length: 5", "Content-Length: 6"],
    "the same length twice": ["Content-Length: 5", "Content-Length: 5"],
    "a list of lengths": ["Content-Length: 5, 5"],
    "a negative length": ["Content-Length: -5"],
    "a length with a sign": ["Content-Length: +5"],
    "a length in hex": ["Content-Length: 0x5"],
    "a length of 30 digits": ["Content-Length: 500000000000000000000000000000"],
    "an unknown coding": ["Transfer-Encoding: gzip"],
    "chunks that are none": ["Transfer-Encoding: xchunked"],
    "a folded line": ["Content-Length: 5", "x-amz-meta-a: b", " folded"],
    "NUL in a value": ["Content-Length: 5", "x-other: a\0b"],
    "a bare CR in a value": ["Content-Length: 5", "x-other: a\rb"],
    "a bare LF": ["Content-Length: 5", "x-other: a\nx-more: b"],
    "a blank before the colon": ["Content-Length : 5"],
    "a name with a blank": ["Content-Length: 5", "x other: a"],
    "no name": ["Content-Length: 5", ": a"],
    "no colon": ["Content-Length: 5", "nothing"],
}


@pytest.mark.parametrize("lines", TWICE_READ.values(), ids=TWICE_READ)
def test_a_head_that_can_be_read_twice(
    *, url: str, raw: Any, bucket: str, key: str, lines: list[str]
) -> None:
    """Refused with S3's 400, closed, and nothing written, neither by it nor by what stands behind it."""
    smuggled = "\r\n".join(head_of("PUT", f"{url}-smuggled", Content_Length="5")).encode() + b"\r\n\r\nhello"

    answer, over = say(url, head_of("PUT", url) + lines, b"hello" + smuggled)

    assert answer.status in {400, 411}
    assert answer.code
    assert over
    assert names(raw, bucket, key) == []


@pytest.mark.parametrize(
    "first",
    [
        "GET http://127.0.0.1/bucket/key HTTP/1.1",
        "GET //127.0.0.1/bucket/key HTTP/1.1",
        "GET bucket/key HTTP/1.1",
        "GET * HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT 127.0.0.1:80 HTTP/1.1",
        "GET /bucket/key#fragment HTTP/1.1",
        "GET /bucket/k\xe4y HTTP/1.1",
        "GET /bucket/%zz HTTP/1.1",
        "GET /bucket/key HTTP/9.1",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
)
def test_a_target_that_is_no_s3_path(sealgate: Sealgate, first: str) -> None:
    """400 in XML; for what is no path at all the connection ends."""
    answer, _ = say(sealgate.url, [first, "Host: 127.0.0.1"])

    assert answer.status == 400
    assert answer.code in {"BadRequest", "InvalidURI", "InvalidBucketName", "InvalidRequest"}


def test_heads_have_a_bound(*, url: str, raw: Any, bucket: str, key: str) -> None:
    """64 KiB: below it is read, above it is refused, whether by one header, by many or by the target."""
    for lines in (
        [f"x-other: {'a' * 66_000}"],
        [f"x-other-{number}: {'a' * 400}" for number in range(180)],
        [f"x-{number}: a" for number in range(1000)],
    ):
        answer, _ = say(url, [*head_of("PUT", url), "Content-Length: 5", *lines], b"hello")
        assert answer.told in TOO_LARGE
    assert say(url, [f"GET /{'a' * 66_000} HTTP/1.1", "Host: x"])[0].told in TOO_LARGE
    assert names(raw, bucket, key) == []
    below = [*head_of("PUT", url), "Content-Length: 5", f"x-other: {'a' * 60_000}"]
    assert say(url, below, b"hello")[0].status == 200
    raw.delete_object(Bucket=bucket, Key=key)


def test_metadata_has_a_bound(*, url: str, s3: Any, raw: Any, bucket: str, key: str) -> None:
    """Two KiB less the envelope: what does not fit is S3's MetadataTooLarge, and what fits comes back."""
    answer = ask("PUT", url, {"x-amz-meta-a": "b" * 1900}, body=PLAIN)
    assert answer.told == (400, "MetadataTooLarge")
    answer = ask("PUT", url, {f"x-amz-meta-{n}": "b" * 40 for n in range(50)}, body=PLAIN)
    assert answer.told == (400, "MetadataTooLarge")
    assert ask("PUT", url, {"x-amz-meta-a": "b" * 1900}, body=plaintext(2 * 1024 * 1024)).status == 400
    assert names(raw, bucket, key) == []

    assert ask("PUT", url, {"x-amz-meta-a": "b" * 1000}, body=PLAIN).status == 200
    assert s3.head_object(Bucket=bucket, Key=key)["Metadata"] == {"a": "b" * 1000}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_names_have_a_bound(*, sealgate: Sealgate, raw: Any, bucket: str, method: str) -> None:
    """1,024 bytes of UTF-8."""
    for name in ("k" * 1025, "%C3%BC" * 513):
        answer = ask(method, f"{sealgate.url}/{bucket}/{name}", body=PLAIN if method == "PUT" else b"")
        assert answer.told == (400, "" if method == "HEAD" else "KeyTooLongError")
    assert names(raw, bucket, "k" * 20) == []


@pytest.mark.parametrize("bad", ["%00", "%0D", "%0A", "a%0D%0ASet-Cookie:%20x=1", "a%0D%0A%0D%0A<html>"])
@pytest.mark.parametrize("name", ["content-type", "content-disposition", "cache-control", "expires"])
def test_an_override_cannot_split_an_answer(*, url: str, bad: str, name: str) -> None:
    """NUL, CR and LF have no place in a header, however they are signed."""
    assert ask("PUT", url, body=PLAIN).status == 200

    answer = ask("GET", f"{url}?response-{name}={bad}")

    assert answer.told == (400, "InvalidArgument")
    assert "set-cookie" not in answer.headers
    assert PLAIN not in answer.body


def delete_objects(url: str, document: bytes, **headers: str) -> Got:
    digest = {"content-md5": b64encode(hashlib.md5(document, usedforsecurity=False).digest()).decode()}
    return ask("POST", f"{url}?delete", digest | headers, body=document)


def wish(*keys: str) -> bytes:
    inner = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    return f"<Delete>{inner}</Delete>".encode()


LAUGHS = b"<!DOCTYPE Delete [" + b"".join(
    b'<!ENTITY l%d "%b">' % (level, (b"&l%d;" % (level - 1)) * 10 if level else b"lol" * 100)
    for level in range(10)
)
BOMBS = {
    "a billion laughs": LAUGHS + b"]><Delete><Object><Key>&l9;</Key></Object></Delete>",
    "a file": b'<!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    b"<Delete><Object><Key>&f;</Key></Object></Delete>",
    "a DTD elsewhere": b'<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd">' + wish("a"),
    "an entity that is not": b"<Delete><Object><Key>&nope;</Key></Object></Delete>",
    "depth": b"<Delete>" + b"<a>" * 100_000,
    "1001 keys": wish(*(f"k{number}" for number in range(1001))),
    "no keys": wish(),
    "an empty key": wish(""),
    "no XML": b"delete everything",
    "nothing": b"",
    "half a document": wish("a")[:-5],
    "two documents": wish("a") * 2,
    "not UTF-8": b"<Delete><Object><Key>\xff\xfe</Key></Object></Delete>",
    "NUL": b"<Delete><Object><Key>a\0b</Key></Object></Delete>",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_document_that_is_a_trap(*, sealgate: Sealgate, raw: Any, bucket: str, bomb: str) -> None:
    """MalformedXML at once, and nothing deleted."""
    raw.put_object(Bucket=bucket, Key="a", Body=b"")
    started = time.monotonic()

    answer = delete_objects(f"{sealgate.url}/{bucket}", BOMBS[bomb])

    assert answer.told in {(400, "MalformedXML"), (400, "MissingRequestBodyError")}
    assert time.monotonic() - started < 2
    assert b"root:" not in answer.body
    assert "a" in names(raw, bucket)


def test_a_document_has_a_bound(*, sealgate: Sealgate, raw: Any, bucket: str) -> None:
    """2 MiB, refused by what it declares."""
    raw.put_object(Bucket=bucket, Key="a", Body=b"")
    document = wish("a") + b" " * (2 * 1024 * 1024)

    answer = delete_objects(f"{sealgate.url}/{bucket}", document)

    assert answer.told == (400, "MaxMessageLengthExceeded")
    assert "a" in names(raw, bucket)


def test_a_deletion_must_prove_its_document(*, sealgate: Sealgate, raw: Any, bucket: str) -> None:
    """A wrong digest, or none, deletes nothing."""
    raw.put_object(Bucket=bucket, Key="a", Body=b"")
    url = f"{sealgate.url}/{bucket}"
    wrong = b64encode(bytes(16)).decode()

    assert delete_objects(url, wish("a"), **{"content-md5": wrong}).told == (400, "BadDigest")
    assert ask("POST", f"{url}?delete", body=wish("a")).told == INVALID

    assert "a" in names(raw, bucket)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("key", [".sealgate/state", ".sealgate/", "%2Esealgate/x", "%2e%73ealgate%2Fx"])
def test_reserved_names(*, sealgate: Sealgate, raw: Any, bucket: str, method: str, key: str) -> None:
    """Nobody's to read, write or delete, however they are spelled."""
    raw.put_object(Bucket=bucket, Key=".sealgate/state", Body=b"ours")

    answer = ask(method, f"{sealgate.url}/{bucket}/{key}", body=PLAIN if method == "PUT" else b"")

    assert answer.told == (403, "" if method == "HEAD" else "AccessDenied")
    assert raw.get_object(Bucket=bucket, Key=".sealgate/state")["Body"].read() == b"ours"


def test_reserved_names_in_lists_and_in_deletions(
    *, sealgate: Sealgate, raw: Any, s3: Any, bucket: str
) -> None:
    """Not shown, not asked for, not deleted; the others in the same document are."""
    raw.put_object(Bucket=bucket, Key=".sealgate/state", Body=b"ours")
    s3.put_object(Bucket=bucket, Key="mine", Body=PLAIN)
    url = f"{sealgate.url}/{bucket}"

    for query in ("?prefix=.sealgate%2F", "?list-type=2&prefix=.sealgate%2Fstate"):
        assert ask("GET", url + query).told == (403, "AccessDenied")
    listed = ask("GET", f"{url}?list-type=2")
    assert (listed.status, b".sealgate" in listed.body, b"mine" in listed.body) == (200, False, True)
    done = delete_objects(url, wish(".sealgate/state", "mine"))

    assert done.status == 200
    assert b"<Error><Key>.sealgate/state</Key><Code>AccessDenied</Code>" in done.body.replace(b"\n", b"")
    assert raw.get_object(Bucket=bucket, Key=".sealgate/state")["Body"].read() == b"ours"
    assert "mine" not in names(raw, bucket)


@pytest.mark.parametrize("name", ["x-amz-meta-sealgate", "X-Amz-Meta-SealGate"])
def test_the_envelopes_header_is_not_the_clients(
    *, url: str, raw: Any, bucket: str, key: str, name: str
) -> None:
    answer = ask("PUT", url, {name: "1.AA"}, body=PLAIN)

    assert answer.status == 400
    assert names(raw, bucket, key) == []


@pytest.fixture(scope="module")
def hurried(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealgate]:
    """Waits a second for a head, and two for a byte."""
    directory = Path(tmp_path_factory.mktemp("hurried"))
    [port] = free_ports(1)
    listen = {"port": port, "head_timeout_seconds": 1.0, "idle_timeout_seconds": 2.0}
    with serving(store, directory, listen=listen) as running:
        yield running


def test_a_head_must_arrive_in_time(hurried: Sealgate) -> None:
    """From its first byte to its last, however steadily it trickles; others are served meanwhile."""
    with talking(hurried.url) as silent, talking(hurried.url) as slow:
        started = time.monotonic()
        silent.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        slow.send(b"GET / HTTP/1.1\r\nx-slow: ")
        while time.monotonic() - started < 0.8:
            slow.send(b"x")
            assert ask("GET", f"{hurried.url}/").status == 200
        for talk in (silent, slow):
            assert talk.got().told == BAD_REQUEST
            assert talk.is_over()
        assert 0.9 < time.monotonic() - started < 3


def test_a_connection_must_speak(hurried: Sealgate) -> None:
    """Before its first request as between two: the idle time is the bound."""
    with talking(hurried.url) as mute, talking(hurried.url) as once:
        once.head("GET", "/", sign("GET", f"{hurried.url}/", {}, payload_hash=UNSIGNED))
        assert once.got().status == 200
        assert mute.is_over(within_seconds=5)
        assert once.is_over(within_seconds=5)


def test_a_body_must_keep_moving(*, hurried: Sealgate, raw: Any, bucket: str, key: str) -> None:
    """Silence ends it, with nothing written; a body that trickles is waited for."""
    url = f"{hurried.url}/{bucket}/{key}"
    signed = sign("PUT", url, {}, payload_hash=UNSIGNED) | {"Content-Length": str(len(PLAIN))}
    with talking(url) as silent, talking(f"{url}-trickled") as steady:
        trickled = sign("PUT", f"{url}-trickled", {}, payload_hash=UNSIGNED)
        silent.head("PUT", target_of(url), signed)
        silent.send(PLAIN[:-1])
        steady.head("PUT", target_of(f"{url}-trickled"), trickled | {"Content-Length": str(len(PLAIN))})
        for at in range(0, len(PLAIN), 100):
            steady.send(PLAIN[at : at + 100])
            time.sleep(0.6)
        assert steady.got().status == 200
        assert Evidence(hurried).about(key)["additionalEventData"]["outcome"] == "timeout"
    assert names(raw, bucket, key) == [f"{key}-trickled"]
