"""What a copy keeps of its source's description, what the request sets anew, and copies onto themselves."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import refused

PLAIN = plaintext(2000)
CONTENT = {
    "CacheControl": "max-age=60",
    "ContentDisposition": 'attachment; filename="a.txt"',
    "ContentEncoding": "gzip",
    "ContentLanguage": "de",
    "ContentType": "text/plain; charset=utf-8",
    "Metadata": {"name": "value", "other": "x" * 300},
}
TAGS = [{"Key": "k 1", "Value": "v=+ü"}, {"Key": "l", "Value": ""}]


@pytest.fixture
def described(s3: Any, raw: Any, bucket: str, key: str) -> dict[str, str]:
    """A source with all that can be said of one."""
    expires = datetime(2037, 10, 21, 7, 28, tzinfo=UTC)
    s3.put_object(
        Bucket=bucket, Key=key, Body=PLAIN, Expires=expires, WebsiteRedirectLocation="/there",
        ChecksumAlgorithm="CRC32", **CONTENT,
    )  # fmt: skip
    raw.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": TAGS})
    return {"Bucket": bucket, "Key": key}


# Through the store, and through the proxy (a checksum that nobody knows yet takes a reading of the body).
WAYS: list[dict[str, str]] = [{}, {"ChecksumAlgorithm": "SHA1"}]


@pytest.mark.parametrize("way", WAYS, ids=["on the store", "through"])
def test_a_copy_keeps_the_description_of_its_source(
    *,
    s3: Any,
    raw: Any,
    bucket: str,
    key: str,
    described: dict[str, str],
    sealed_on_store: AtRest,
    way: dict[str, str],
) -> None:
    """Content headers, metadata and tags; what the request says of them without REPLACE means nothing."""
    target = f"{key}-copy"

    s3.copy_object(
        Bucket=bucket,
        Key=target,
        CopySource=described,
        ContentType="image/png",
        Metadata={"not": "kept"},
        **way,
    )

    for answer in (s3.get_object(Bucket=bucket, Key=target), s3.head_object(Bucket=bucket, Key=target)):
        assert {name: answer[name] for name in CONTENT} == CONTENT
        assert answer["ExpiresString"] == "Wed, 21 Oct 2037 07:28:00 GMT"
        assert "WebsiteRedirectLocation" not in answer
    assert sorted(tags_of(raw, bucket, target)) == sorted(tags_of(raw, bucket, key)) != []
    assert sealed_on_store(bucket, target, PLAIN).metadata == CONTENT["Metadata"]


@pytest.mark.parametrize("way", WAYS, ids=["on the store", "through"])
def test_replace_takes_the_requests_own_description(
    *, s3: Any, raw: Any, bucket: str, key: str, described: dict[str, str], way: dict[str, str]
) -> None:
    """Nothing of the source's stays, but the tags, which have a directive of their own."""
    target = f"{key}-copy"

    s3.copy_object(
        Bucket=bucket, Key=target, CopySource=described, MetadataDirective="REPLACE",
        ContentType="image/png", Metadata={"mine": "1"}, StorageClass="STANDARD_IA", **way,
    )  # fmt: skip

    head = s3.head_object(Bucket=bucket, Key=target)
    assert (head["ContentType"], head["Metadata"], head["StorageClass"]) == (
        "image/png",
        {"mine": "1"},
        "STANDARD_IA",
    )
    assert not {"CacheControl", "ContentEncoding", "ContentLanguage", "ExpiresString"} & head.keys()
    assert len(tags_of(raw, bucket, target)) == len(TAGS)


@pytest.mark.parametrize("way", WAYS, ids=["on the store", "through"])
@pytest.mark.parametrize(("tagging", "expected"), [("a=b&c=d%20e", [("a", "b"), ("c", "d e")]), ("", [])])
def test_tags_are_replaced_on_their_own(
    *, s3: Any, raw: Any, bucket: str, key: str, described: dict[str, str], way: dict[str, str],
    tagging: str, expected: list[tuple[str, str]],
) -> None:  # fmt: skip
    target = f"{key}-copy"

    s3.copy_object(
        Bucket=bucket, Key=target, CopySource=described, TaggingDirective="REPLACE", Tagging=tagging, **way
    )

    assert tags_of(raw, bucket, target) == expected
    assert s3.head_object(Bucket=bucket, Key=target)["Metadata"] == CONTENT["Metadata"]


def test_a_copy_onto_itself_changes_the_metadata(
    s3: Any, bucket: str, key: str, described: dict[str, str], sealed_on_store: AtRest
) -> None:
    before = s3.head_object(Bucket=bucket, Key=key)

    s3.copy_object(
        Bucket=bucket, Key=key, CopySource=described, MetadataDirective="REPLACE", Metadata={"new": "1"}
    )

    after = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    assert after["Body"].read() == PLAIN
    assert (after["Metadata"], after["ETag"]) == ({"new": "1"}, before["ETag"])
    assert "ChecksumCRC32" in after
    sealed_on_store(bucket, key, PLAIN)


@pytest.mark.parametrize(
    "change",
    [
        {"StorageClass": "STANDARD_IA"},
        {"WebsiteRedirectLocation": "/elsewhere"},
        {"ServerSideEncryption": "AES256"},
        {"MetadataDirective": "REPLACE"},
    ],
    ids=str,
)
def test_a_copy_onto_itself_needs_a_change(
    s3: Any, bucket: str, key: str, described: dict[str, str], change: dict[str, str]
) -> None:
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key=key, CopySource=described)
    s3.copy_object(Bucket=bucket, Key=key, CopySource=described, **change)

    assert refused(caught.value) == (400, "InvalidRequest")
    assert "without changing the object's metadata" in str(caught.value)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN


@pytest.mark.parametrize(
    "condition",
    [
        lambda etag, _: {"CopySourceIfMatch": etag},
        lambda etag, _: {"CopySourceIfMatch": etag.strip('"')},
        lambda _, __: {"CopySourceIfNoneMatch": '"0123456789abcdef0123456789abcdef"'},
        lambda _, date: {"CopySourceIfModifiedSince": date - timedelta(hours=1)},
        lambda _, date: {"CopySourceIfUnmodifiedSince": date},
        lambda etag, date: {
            "CopySourceIfMatch": etag,
            "CopySourceIfUnmodifiedSince": date - timedelta(hours=1),
        },
    ],
)
def test_a_condition_that_holds_lets_the_copy_pass(
    s3: Any, bucket: str, key: str, described: dict[str, str], condition: Any
) -> None:
    """An ETag that matches outweighs a date that does not."""
    head = s3.head_object(**described)

    s3.copy_object(
        Bucket=bucket,
        Key=f"{key}-copy",
        CopySource=described,
        **condition(head["ETag"], head["LastModified"]),
    )

    assert s3.get_object(Bucket=bucket, Key=f"{key}-copy")["Body"].read() == PLAIN


@pytest.mark.parametrize(
    "condition",
    [
        lambda _, __: {"CopySourceIfMatch": '"0123456789abcdef0123456789abcdef"'},
        lambda etag, _: {"CopySourceIfNoneMatch": etag},
        lambda _, date: {"CopySourceIfModifiedSince": date},
        lambda _, date: {"CopySourceIfUnmodifiedSince": date - timedelta(seconds=1)},
        lambda etag, date: {
            "CopySourceIfNoneMatch": etag,
            "CopySourceIfModifiedSince": date - timedelta(hours=1),
        },
    ],
)
def test_a_condition_that_fails_makes_no_copy(
    *, s3: Any, bucket: str, key: str, described: dict[str, str], sealed_on_store: AtRest, condition: Any
) -> None:
    head = s3.head_object(**described)

    with pytest.raises(ClientError) as caught:
        s3.copy_object(
            Bucket=bucket, Key=f"{key}-copy", CopySource=described,
            **condition(head["ETag"], head["LastModified"]),
        )  # fmt: skip

    assert refused(caught.value) == (412, "PreconditionFailed")
    assert f"{key}-copy" not in sealed_on_store.keys(bucket)


@pytest.mark.parametrize("way", WAYS, ids=["on the store", "through"])
def test_a_condition_on_the_target_is_the_stores(
    *, s3: Any, bucket: str, key: str, described: dict[str, str], way: dict[str, str]
) -> None:
    """If-None-Match: what is there already is not overwritten, and it is not taken for a changed source."""
    s3.put_object(Bucket=bucket, Key=f"{key}-copy", Body=b"first")

    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource=described, IfNoneMatch="*", **way)

    assert refused(caught.value) == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key=f"{key}-copy")["Body"].read() == b"first"


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ({"MetadataDirective": "MOVE"}, "InvalidArgument"),
        ({"TaggingDirective": "MOVE"}, "InvalidArgument"),
        ({"ChecksumAlgorithm": "CRC16"}, "InvalidRequest"),
        ({"MetadataDirective": "REPLACE", "Metadata": {"sealgate": "1.x"}}, "InvalidArgument"),
        ({"MetadataDirective": "REPLACE", "Metadata": {"much": "x" * 2000}}, "MetadataTooLarge"),
        ({"ServerSideEncryption": "aws:rot13"}, "InvalidEncryptionAlgorithmError"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else value,
)
def test_what_makes_no_sense_is_refused(
    *, s3: Any, bucket: str, key: str, described: dict[str, str], argument: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key=f"{key}-copy", CopySource=described, **argument)

    assert refused(caught.value) == (400, code)


def test_metadata_that_no_longer_fits_with_a_longer_envelope_is_told(
    s3: Any, bucket: str, key: str, key_arn: str
) -> None:
    """The client's context lies in the envelope, and both share S3's 2 KiB."""
    s3.put_object(Bucket=bucket, Key=key, Body=b"x", Metadata={"much": "x" * 1200})
    context = base64.b64encode(json.dumps({"long": "y" * 400}).encode()).decode()

    with pytest.raises(ClientError) as caught:
        s3.copy_object(
            Bucket=bucket, Key=f"{key}-copy", CopySource={"Bucket": bucket, "Key": key},
            ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn, SSEKMSEncryptionContext=context,
        )  # fmt: skip

    assert refused(caught.value) == (400, "MetadataTooLarge")


def tags_of(raw: Any, bucket: str, key: str) -> list[tuple[str, str]]:
    tags = raw.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    return [(tag["Key"], tag["Value"]) for tag in tags]
