"""Names of objects: every byte that S3 and the store allow, however it is encoded, bound as decoded."""

import urllib.parse
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import refused
from tests.e2e.wire import send
from tests.stores.sealgate import Sealgate

PLAIN = plaintext(200)
KEYS = [
    "a",
    "a/b/c",
    "plus+plus",
    "blank blank  two",
    "100%",
    "%2F",
    "a%2Fb%20c",
    "ä€😀 日本",
    "a\u0308",  # the same letter as above, decomposed: another name
    "quotes'\"",
    "<xml>&amp;",
    "a;b=c&d?e#f",
    "~-_.!*()@:,$",
    "tab\tand\x01control",
    "..name/name..",
    "a/...",
    ".sealgate",
    ".sealgate-not/reserved",
    "/".join(["x" * 170] * 6)[:1000],
]


@pytest.mark.parametrize("key", KEYS)
def test_a_name_is_kept_to_the_byte(
    *, s3: Any, bucket: str, key_arn: str, sealed_on_store: AtRest, key: str
) -> None:
    """The store has it under the same name, the envelope is bound to it, and lists show it."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn)

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(PLAIN)
    sealed_on_store(bucket, key, PLAIN)
    for operation in ("list_objects", "list_objects_v2"):
        [found] = getattr(s3, operation)(Bucket=bucket, Prefix=key, Delimiter="\x7f")["Contents"][:1]
        assert (found["Key"], found["Size"]) == (key, len(PLAIN))
    s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(ClientError):
        s3.head_object(Bucket=bucket, Key=key)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a%2Bb", "a+b"),
        ("a+b", "a%2bb"),
        ("a%7Eb", "a~b"),
        ("%61%2Fb", "a/b"),
        ("caf%C3%A9", "caf%c3%a9"),
    ],
)
def test_one_name_in_two_spellings_is_one_object(
    *, sealgate: Sealgate, bucket: str, sealed_on_store: AtRest, written: str, read: str
) -> None:
    """What is bound is the decoded name: a `+` in a path is a plus, never a blank."""
    base = f"{sealgate.url}/{bucket}/spelling-"

    assert send("PUT", base + written, PLAIN).status == 200

    answer = send("GET", base + read)
    assert (answer.status, answer.body) == (200, PLAIN)
    sealed_on_store(bucket, "spelling-" + urllib.parse.unquote(written), PLAIN)


def test_a_name_may_have_1024_bytes_and_no_more(s3: Any, raw: Any, bucket: str) -> None:
    """The bare store refuses what it refuses; with one byte more it is not even asked."""
    longest = "/".join(["x" * 127] * 8) + "x"
    assert len(longest) == 1024

    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key=longest + "x", Body=PLAIN)
    assert refused(caught.value) == (400, "KeyTooLongError")
    assert caught.value.response["Error"]["MaxSizeAllowed"] == "1024"
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="ü" * 512 + "x", Body=PLAIN)
    assert refused(caught.value) == (400, "KeyTooLongError")
    raw.put_object(Bucket=bucket, Key=longest, Body=b"")
    s3.put_object(Bucket=bucket, Key=longest, Body=PLAIN)
    assert s3.get_object(Bucket=bucket, Key=longest)["Body"].read() == PLAIN


@pytest.mark.parametrize("key", ["..", "../x", "a/../../x", "./../x", "a//../../x"])
def test_a_name_cannot_climb_out_of_its_bucket(s3: Any, bucket: str, key: str) -> None:
    """A store that cleans paths would act on another bucket than the one that was asked for."""
    for operation, more in (("put_object", {"Body": PLAIN}), ("get_object", {}), ("delete_object", {})):
        with pytest.raises(ClientError) as caught:
            getattr(s3, operation)(Bucket=bucket, Key=key, **more)
        assert refused(caught.value) == (400, "InvalidURI")


def test_dots_within_a_name_are_the_stores_to_judge(s3: Any, raw: Any, bucket: str) -> None:
    answers = []
    for client in (s3, raw):
        try:
            client.put_object(Bucket=bucket, Key="x/../y", Body=PLAIN)
            answers.append((200, ""))
        except ClientError as refusal:
            answers.append(refused(refusal))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("key", [".sealgate/x", "%2Esealgate%2Fx", "a/../.sealgate/x", "/.sealgate/x"])
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
def test_reserved_names_are_nobodys(sealgate: Sealgate, bucket: str, method: str, key: str) -> None:
    answer = send(method, f"{sealgate.url}/{bucket}/{key}", PLAIN if method == "PUT" else b"")

    assert answer.status == 403
    assert answer.code == ("" if method == "HEAD" else "AccessDenied")
