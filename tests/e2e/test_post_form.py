"""Uploads by a browser's form: sealed like any other, and let by the policy alone."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from recovery.envelope import Mode
from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.forms import post, signed
from tests.e2e.no_wishes import NO_WISH
from tests.e2e.own_keys import NAME, OWN
from tests.e2e.ruled import DOMAIN, Buckets
from tests.e2e.sdk import client, refused
from tests.e2e.sums import KINDS, digest_of, header_of, told
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


OWN_KEY = OWN.headers
DOUBLE = {"x-amz-server-side-encryption": "aws:kms:dsse"}
MANAGED = {"x-amz-server-side-encryption": "aws:kms"}
OWNED = {"x-amz-server-side-encryption": "AES256"}


@pytest.mark.parametrize(
    ("wish", "mode"),
    [
        ({}, Mode.SERVICE_OWNED),
        (OWNED, Mode.SERVICE_OWNED),
        (MANAGED, Mode.KEY_SERVICE),
        (DOUBLE, Mode.TWO_LAYERS),
    ],
)
def test_a_form_says_how_it_is_sealed(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, wish: dict[str, str], mode: Mode
) -> None:
    """As a PUT does, and the answer tells it."""
    answer = post(*signed(s3, bucket, key, **wish), PLAIN)

    assert answer.status == 204
    assert answer.headers["x-amz-server-side-encryption"] == wish.get(
        "x-amz-server-side-encryption", "AES256"
    )
    assert sealed_on_store(bucket, key, PLAIN, opens=False).envelope.flags.mode is mode
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN


@pytest.mark.parametrize("status", ["201", "204"])
def test_a_form_may_bring_a_key_of_its_own(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, status: str
) -> None:
    """SSE-C: the object opens with that key alone."""
    url, fields = signed(s3, bucket, key, success_action_status=status, **OWN_KEY)

    answer = post(url, fields, PLAIN)

    assert answer.status == int(status)
    assert answer.headers[f"{NAME}-key-md5"] == OWN.md5
    assert "x-amz-server-side-encryption" not in answer.headers
    sealed_on_store(bucket, key, PLAIN, client_key=OWN.plain)
    assert s3.get_object(Bucket=bucket, Key=key, **OWN.wish)["Body"].read() == PLAIN
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key=key)
    assert refused(caught.value) == (400, "InvalidRequest")


@pytest.mark.parametrize("algorithm", KINDS)
def test_a_form_may_bring_a_checksum_or_name_one(s3: Any, bucket: str, key: str, algorithm: str) -> None:
    """As fields, which are its headers: proven, kept and told, or computed; a wrong one leaves nothing."""
    header, right = header_of(algorithm), told(digest_of(algorithm, PLAIN))

    for fields in ({header: right}, {"x-amz-checksum-algorithm": algorithm}):
        answer = post(*signed(s3, bucket, key, **fields), PLAIN)
        assert (answer.status, answer.headers[header]) == (204, right)
        head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        assert head[f"Checksum{algorithm}"] == right
    answer = post(*signed(s3, bucket, f"{key}-wrong", **{header: right}), b"other")

    assert (answer.status, answer.code) == (400, "BadDigest")
    assert s3.list_objects_v2(Bucket=bucket, Prefix=f"{key}-wrong")["KeyCount"] == 0


@pytest.mark.parametrize("what", NO_WISH)
def test_a_form_that_asks_for_what_is_none_is_refused(
    *, s3: Any, raw: Any, bucket: str, key: str, what: str
) -> None:
    """With S3's code for the same headers of a PUT, and nothing is written."""
    wish, code = NO_WISH[what]
    answer = post(*signed(s3, bucket, key, **wish), PLAIN)

    assert (answer.status, answer.code) == (400, code)
    assert raw.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0


def test_what_the_form_asks_of_encryption_must_be_in_the_policy(s3: Any, bucket: str, key: str) -> None:
    """Or whoever got the form could choose the key."""
    for more in (MANAGED, OWN_KEY):
        url, fields = signed(s3, bucket, key)

        answer = post(url, fields | more, PLAIN)

        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert b"Extra input fields: x-amz-server-side-encryption" in answer.body


@pytest.mark.parametrize(
    ("conditions", "more", "code"),
    [
        ([["starts-with", "$x-amz-meta-kind", "re"]], {"x-amz-meta-kind": "report"}, ""),
        ([["starts-with", "$x-amz-meta-kind", "re"]], {"x-amz-meta-kind": "Report"}, "AccessDenied"),
        ([["starts-with", "$x-amz-meta-kind", ""]], {"x-amz-meta-kind": "anything"}, ""),
        ([["eq", "$x-amz-meta-kind", "report"]], {"x-amz-meta-kind": "report"}, ""),
        ([{"x-amz-meta-kind": "report"}], {"x-amz-meta-kind": "other"}, "AccessDenied"),
        ([{"x-amz-meta-kind": "report"}], {}, "AccessDenied"),
        ([["starts-with", "$Content-Type", "image/"]], {"Content-Type": "image/png"}, ""),
        ([["starts-with", "$Content-Type", "image/"]], {"Content-Type": "text/html"}, "AccessDenied"),
        ([{"acl": "private"}], {"acl": "public-read"}, "AccessDenied"),
        ([{"bucket": "another"}], {}, "AccessDenied"),
        ([], {"x-ignore-this": "anything"}, ""),
    ],
)
def test_each_condition_is_held_to(
    *, s3: Any, bucket: str, key: str, conditions: list[Any], more: dict[str, str], code: str
) -> None:
    url, fields = signed(s3, bucket, key, *conditions)

    answer = post(url, fields | more, PLAIN)

    assert (answer.status, answer.code) == (403 if code else 204, code)


def test_the_policy_bounds_the_name_that_the_object_gets(s3: Any, bucket: str, key: str) -> None:
    """A key that is nothing but the file's name is judged by the file's name."""
    url, fields = signed(s3, bucket, key, ["starts-with", "$key", "photo"])
    by_name = fields | {"key": "${filename}"}
    assert post(url, by_name, PLAIN).code == "AccessDenied"  # boto3 wrote the exact key into the policy too

    url, fields = signed(s3, bucket, "photo${filename}")
    assert post(url, fields | {"key": "${filename}"}, PLAIN).status == 204
    assert s3.head_object(Bucket=bucket, Key="photo.png")["ContentLength"] == len(PLAIN)
    url, fields = signed(s3, bucket, "video${filename}")
    assert post(url, fields | {"key": "${filename}"}, PLAIN).code == "AccessDenied"


def test_a_policy_that_is_over_is_refused(s3: Any, bucket: str, key: str) -> None:
    with client("s3", s3.meta.endpoint_url, signature_version="s3v4") as signing:
        made = signing.generate_presigned_post(bucket, key, ExpiresIn=-1)

    answer = post(made["url"], made["fields"], PLAIN)

    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"Policy expired" in answer.body


def test_a_form_to_a_bucket_in_the_hosts_name(
    *, ruled: Sealgate, ruled_s3: Any, buckets: Buckets, key: str, ruled_on_store: AtRest
) -> None:
    """It is told the object's place in the same style."""
    _, fields = signed(ruled_s3, buckets.mixed, f"{key} ü", success_action_status="201", **MANAGED)
    host = f"{buckets.mixed}.{DOMAIN}:{urlsplit(ruled.url).port}"

    answer = post(f"http://{host}/", fields, PLAIN, connect_to=ruled.url)

    place = f"http://{host}/{key}%20%C3%BC"
    assert (answer.status, answer.headers["location"]) == (201, place)
    assert f"<Location>{place}</Location>".encode() in answer.body
    ruled_on_store(buckets.mixed, f"{key} ü", PLAIN, opens=False)
    assert ruled_s3.get_object(Bucket=buckets.mixed, Key=f"{key} ü")["Body"].read() == PLAIN


def test_a_form_goes_below_no_floor(
    *, ruled_s3: Any, raw: Any, buckets: Buckets, key: str, ruled_on_store: AtRest
) -> None:
    """A rule's key, minimum and keys hold for forms, as for any other write."""
    answer = post(*signed(ruled_s3, buckets.keyed, key), PLAIN)
    assert answer.headers["x-amz-server-side-encryption"] == "aws:kms"
    ruled_on_store(buckets.keyed, key, PLAIN)
    for bucket in (buckets.floored, buckets.guarded):
        answer = post(*signed(ruled_s3, bucket, key, **OWNED), PLAIN)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert raw.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] == 0
