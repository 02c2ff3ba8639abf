"""Uploads by a browser's form: sealed like any other, and let by the policy alone."""

from typing import Any

import pytest

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.forms import post, signed
from tests.e2e.trail import Trail
from tests.e2e.wire import send
from tests.stores.sealgate import Sealgate

PLAIN = plaintext(200_000)


def test_a_form_is_sealed_like_a_put(
    *, s3: Any, bucket: str, key: str, key_arn: str, sealed_on_store: AtRest, trail: Trail
) -> None:
    """Metadata, headers and key of the form are those of the object."""
    encryption = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": key_arn,
    }
    url, fields = signed(
        s3, bucket, key, **{"x-amz-meta-from": "a form", "Content-Type": "image/x-test"}, **encryption
    )

    answer = post(url, fields, PLAIN)

    assert (answer.status, answer.body) == (204, b"")
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == PLAIN
    assert (got["Metadata"], got["ContentType"]) == ({"from": "a form"}, "image/x-test")
    assert answer.headers["etag"] == got["ETag"]
    sealed_on_store(bucket, key, PLAIN)
    event = trail.of(answer.headers["x-amz-request-id"])
    assert event["eventName"] == "PostObject"


def test_tags_and_acl_of_a_form_are_the_object_s(s3: Any, bucket: str, key: str) -> None:
    """The field `tagging` is a document, where a PUT has a header."""
    tags = "<Tagging><TagSet><Tag><Key>a b</Key><Value>c/d</Value></Tag></TagSet></Tagging>"
    url, fields = signed(s3, bucket, key, tagging=tags, acl="public-read")

    assert post(url, fields, PLAIN).status == 204
    assert s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] == [{"Key": "a b", "Value": "c/d"}]
    url, fields = signed(s3, bucket, key, tagging="a=b")
    assert post(url, fields, PLAIN).code == "MalformedXML"


def test_the_answer_is_what_the_form_asks_for(s3: Any, bucket: str, key: str) -> None:
    for status in ("200", "201", "204", "418"):
        url, fields = signed(s3, bucket, key, success_action_status=status)
        answer = post(url, fields, PLAIN)
        assert answer.status == (int(status) if status != "418" else 204)
        if status == "201":
            assert f"<Key>{key}</Key>".encode() in answer.body
    url, fields = signed(s3, bucket, key, success_action_redirect="http://127.0.0.1/done?a=b")
    answer = post(url, fields, PLAIN)
    assert answer.status == 303
    assert answer.headers["location"].startswith(f"http://127.0.0.1/done?a=b&bucket={bucket}&key={key}&etag=")


def test_the_files_name_can_be_part_of_the_key(s3: Any, bucket: str, key: str) -> None:
    url, fields = signed(s3, bucket, key + "/${filename}")

    assert post(url, fields, b"").status == 204
    assert s3.head_object(Bucket=bucket, Key=key + "/photo.png")["ContentLength"] == 0


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"x-amz-signature": "0" * 64}, 403, "SignatureDoesNotMatch"),
        ({"x-amz-credential": "AKIANOBODY000000/20260101/us-east-1/s3/aws4_request"}, 400, "InvalidArgument"),
        ({"key": "another"}, 403, "AccessDenied"),
        ({"x-amz-meta-extra": "field"}, 403, "AccessDenied"),
        ({"policy": "e30="}, 403, "SignatureDoesNotMatch"),
        ({"policy": None}, 403, "AccessDenied"),
        ({"x-amz-date": None}, 400, "InvalidArgument"),
        ({"AWSAccessKeyId": "x", "signature": "x"}, 400, "InvalidRequest"),
        ({"key": None}, 403, "AccessDenied"),
    ],
)
def test_what_the_policy_was_not_signed_for_is_refused(
    *, s3: Any, bucket: str, key: str, change: dict[str, str | None], status: int, code: str
) -> None:
    """And nothing is written."""
    url, fields = signed(s3, bucket, key)
    changed = {name: value for name, value in (fields | change).items() if value is not None}

    answer = post(url, changed, PLAIN)

    assert (answer.status, answer.code) == (status, code)
    assert s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0
    assert s3.list_objects_v2(Bucket=bucket, Prefix="another")["KeyCount"] == 0


@pytest.mark.parametrize(
    ("size", "status", "code"), [(9, 400, "EntityTooSmall"), (10, 204, ""), (21, 400, "EntityTooLarge")]
)
def test_the_policy_bounds_the_files_size(
    *, s3: Any, bucket: str, key: str, size: int, status: int, code: str
) -> None:
    url, fields = signed(s3, bucket, key, ["content-length-range", 10, 20])

    answer = post(url, fields, bytes(size))

    assert (answer.status, answer.code) == (status, code)


def test_reserved_names_are_no_forms_either(s3: Any, bucket: str) -> None:
    url, fields = signed(s3, bucket, ".sealgate/x")

    answer = post(url, fields, PLAIN)

    assert (answer.status, answer.code) == (403, "AccessDenied")


def test_a_form_that_is_too_large_is_refused(s3: Any, bucket: str, key: str) -> None:
    """It is held whole, so it has a bound; larger objects have multipart uploads."""
    url, fields = signed(s3, bucket, key)

    answer = post(url, fields, bytes(33 * 1024 * 1024))

    assert (answer.status, answer.code) == (400, "EntityTooLarge")


def test_a_signed_post_without_a_form_is_refused(sealgate: Sealgate, bucket: str) -> None:

    answer = send("POST", f"{sealgate.url}/{bucket}", b"no form")

    assert (answer.status, answer.code) == (412, "PreconditionFailed")
