"""`Expect: 100-continue`: who may send is told to, and who may not is refused before a byte of the body."""

from typing import Any

import pytest

from tests.e2e.at_rest import plaintext
from tests.e2e.own_keys import NAME, OTHER, OWN
from tests.e2e.wire import UNSIGNED, sign
from tests.faults.wire import talking, target_of

CONTINUE = 100


def names(raw: Any, bucket: str, key: str) -> list[str]:
    return [each["Key"] for each in raw.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])]


def expecting(url: str, size: int, method: str = "PUT", **more: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in more.items()}
    signed = sign(method, url, named, payload_hash=UNSIGNED)
    return signed | {"Content-Length": str(size), "Expect": "100-continue"}


@pytest.mark.parametrize("size", [1, 70_000, 3 * 1024 * 1024])
def test_who_may_send_is_told_to(*, url: str, s3: Any, bucket: str, key: str, size: int) -> None:
    """Held or streamed; the connection serves on afterwards."""
    plain = plaintext(size)
    with talking(url) as talk:
        talk.head("PUT", target_of(url), expecting(url, size))
        assert talk.status_ahead() == CONTINUE
        talk.send(plain)
        assert talk.got().status == 200
        talk.head("HEAD", target_of(url), sign("HEAD", url, {}, payload_hash=UNSIGNED))
        assert talk.got("HEAD").headers["content-length"] == str(size)

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plain


def test_a_body_that_comes_unasked_is_taken(*, url: str, s3: Any, bucket: str, key: str) -> None:
    """A client need not wait (RFC 9110, 10.1.1)."""
    plain = plaintext(1000)
    with talking(url) as talk:
        talk.head("PUT", target_of(url), expecting(url, len(plain)))
        talk.send(plain)
        assert talk.got().status == 200

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plain


NO_BODY = {
    "wrong signature": ({"Authorization": "0"}, {}, 403),
    "header that is not signed": ({"x-amz-acl": "public-read"}, {}, 403),
    "a header that is not served": ({}, {"x-amz-write-offset-bytes": "1"}, 501),
    "a key whose MD5 is another's": ({}, OWN.headers | {f"{NAME}-key-md5": OTHER.md5}, 400),
    "an algorithm that is none": ({}, {"x-amz-server-side-encryption": "AES128"}, 400),
    "the envelope's own header": ({}, {"x-amz-meta-sealgate": "1.AA"}, 400),
    "a checksum that is none": ({}, {"x-amz-checksum-crc32": "no base64"}, 400),
    "a digest that is none": ({}, {"content-md5": "no base64"}, 400),
}


@pytest.mark.parametrize("why", NO_BODY)
def test_who_may_not_is_refused_before_the_body(
    *, url: str, raw: Any, bucket: str, key: str, why: str
) -> None:
    """No interim answer, the refusal at once, and the connection ends: the body may come or not."""
    changed, asked, status = NO_BODY[why]
    headers = expecting(url, 70_000, **asked)
    if "Authorization" in changed:
        changed = {"Authorization": headers["Authorization"][:-8] + "00000000"}
    with talking(url) as talk:
        talk.head("PUT", target_of(url), headers | changed)
        assert talk.status_ahead() == status
        answer = talk.got()
        assert answer.headers["connection"] == "close"
        assert talk.is_over()

    assert names(raw, bucket, key) == []


@pytest.mark.parametrize(
    ("target", "status"), [("?torrent", 405), ("?no-such-thing", 501), ("/../../../x", 400)]
)
def test_what_is_no_operation_is_refused_before_the_body(*, url: str, target: str, status: int) -> None:
    with talking(url) as talk:
        talk.head("PUT", target_of(url) + target, expecting(url + target, 70_000))
        assert talk.status_ahead() == status
