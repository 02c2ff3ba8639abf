"""What identities may do, tried as they would: the tables of tests/gateway and tests/s3 say the rest."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from botocore.exceptions import ClientError

from tests.e2e.forms import post, signed_by
from tests.e2e.sdk import client, refused
from tests.e2e.trail import Trail
from tests.stores.sealgate import IDLE, LIMITED, Sealgate

DENIED = (403, "AccessDenied")
BUCKET = f"limited-{uuid.uuid4()}"


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    """Filled by Alice."""
    s3.create_bucket(Bucket=BUCKET)
    for key in ("open/a", "open/b", "open/fresh/c", "closed/a", "inbox/old", "home/limited/a", "home/bob/a"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    s3.put_object(Bucket=BUCKET, Key="open/tagged", Body=b"t", Tagging="project=blue")
    s3.put_object(Bucket=BUCKET, Key="open/ours", Body=b"o", Tagging="project=red")
    return BUCKET


@pytest.fixture(scope="module")
def limited(sealgate: Sealgate) -> Iterator[Any]:
    with client("s3", sealgate.url, LIMITED) as made:
        yield made


def denied(call: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """The refusal's error."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    status, code = refused(caught.value)
    assert (status, code) in {DENIED, (403, "403")}
    return dict(caught.value.response)


def test_a_refusal_says_what_is_missing_and_is_an_event(limited: Any, bucket: str, trail: Trail) -> None:
    answer = denied(limited.get_object, Bucket=bucket, Key="closed/a")

    told = answer["Error"]["Message"]
    assert told == (
        f"User: {LIMITED.arn} is not authorized to perform: s3:GetObject on resource: "
        f'"arn:aws:s3:::{bucket}/closed/a" because no identity-based policy allows the s3:GetObject action'
    )
    event = trail.of(answer["ResponseMetadata"]["RequestId"])
    assert (event["errorCode"], event["errorMessage"]) == ("AccessDenied", told)
    assert event["userIdentity"]["arn"] == LIMITED.arn


def test_a_write_is_refused_before_its_body_is_read_or_a_key_is_made(
    limited: Any, raw: Any, bucket: str, trail: Trail
) -> None:
    answer = denied(limited.put_object, Bucket=bucket, Key="closed/new", Body=b"x" * 100_000)

    [event] = trail.all_of(answer["ResponseMetadata"]["RequestId"])
    assert event["additionalEventData"]["bytesTransferredIn"] == 0
    assert "keyArn" not in event["additionalEventData"]
    assert "Contents" not in raw.list_objects_v2(Bucket=bucket, Prefix="closed/new")


def test_what_is_allowed_is_served(limited: Any, bucket: str) -> None:
    assert limited.get_object(Bucket=bucket, Key="open/a")["Body"].read() == b"open/a"
    assert limited.head_object(Bucket=bucket, Key="home/limited/a")["ContentLength"] == 14
    limited.put_object(Bucket=bucket, Key="home/limited/b", Body=b"b")
    denied(limited.get_object, Bucket=bucket, Key="home/bob/a")
    denied(limited.head_object, Bucket=bucket, Key="closed/a")


def test_headers_that_do_more_need_more(limited: Any, bucket: str) -> None:
    key = {"Bucket": bucket, "Key": "inbox/new", "Body": b"n"}

    denied(limited.put_object, **key, ACL="private")
    denied(limited.put_object, **key, Tagging="project=blue")
    denied(limited.put_object, **key, ObjectLockLegalHoldStatus="ON")
    limited.put_object(**key, Tagging="project=red&more=1")
    denied(limited.put_object, Bucket=bucket, Key="inbox/kms/a", Body=b"n")
    denied(limited.create_multipart_upload, Bucket=bucket, Key="inbox/kms/a")


def test_what_a_body_says_is_decided_before_the_store_is_asked(limited: Any, s3: Any, bucket: str) -> None:
    """s3:RequestObjectTag of PutObjectTagging is in its document."""

    def tag(value: str) -> dict[str, Any]:
        return {"TagSet": [{"Key": "project", "Value": value}]}

    limited.put_object_tagging(Bucket=bucket, Key="inbox/old", Tagging=tag("red"))
    denied(limited.put_object_tagging, Bucket=bucket, Key="inbox/old", Tagging=tag("blue"))

    assert s3.get_object_tagging(Bucket=bucket, Key="inbox/old")["TagSet"] == tag("red")["TagSet"]


def test_a_copy_needs_to_read_its_source_and_to_write_its_target(limited: Any, bucket: str) -> None:
    def copied(source: str, target: str) -> dict[str, Any]:
        return {"Bucket": bucket, "Key": target, "CopySource": {"Bucket": bucket, "Key": source}}

    limited.copy_object(**copied("open/a", "inbox/a"))
    denied(limited.copy_object, **copied("closed/a", "inbox/a"))
    denied(limited.copy_object, **copied("open/a", "closed/b"))
    upload = {"Bucket": bucket, "Key": "inbox/large"}
    upload["UploadId"] = limited.create_multipart_upload(**upload)["UploadId"]
    denied(limited.upload_part_copy, **upload, PartNumber=1, CopySource=f"{bucket}/closed/a")
    limited.upload_part_copy(**upload, PartNumber=1, CopySource=f"{bucket}/open/a")
    denied(limited.abort_multipart_upload, **upload)


def test_a_copy_that_takes_tags_along_needs_to_write_them(limited: Any, bucket: str) -> None:
    """Which tags it takes is known once the source was looked at; one without tags needs nothing more."""
    source = {"Bucket": bucket, "Key": "open/tagged"}

    answer = denied(limited.copy_object, Bucket=bucket, Key="home/limited/t", CopySource=source)
    limited.copy_object(Bucket=bucket, Key="home/limited/t", CopySource=source, TaggingDirective="REPLACE")

    assert "s3:PutObjectTagging" in answer["Error"]["Message"]


def test_each_key_of_a_deletion_is_decided_for_itself(limited: Any, s3: Any, bucket: str) -> None:
    for key in ("inbox/1", "inbox/2"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"d")
    keys = [{"Key": key} for key in ("inbox/1", "closed/a", "inbox/2", "open/a")]

    answer = limited.delete_objects(Bucket=bucket, Delete={"Objects": keys})

    assert {each["Key"] for each in answer["Deleted"]} == {"inbox/1", "inbox/2"}
    assert {(each["Key"], each["Code"]) for each in answer["Errors"]} == {
        ("closed/a", "AccessDenied"),
        ("open/a", "AccessDenied"),
    }
    assert s3.get_object(Bucket=bucket, Key="closed/a")["Body"].read() == b"closed/a"


def test_lists_are_allowed_by_prefix(limited: Any, bucket: str) -> None:
    listed = limited.list_objects_v2(Bucket=bucket, Prefix="open/")["Contents"]

    assert {each["Key"] for each in listed} >= {"open/a", "open/b"}
    denied(limited.list_objects_v2, Bucket=bucket)
    denied(limited.list_objects, Bucket=bucket, Prefix="closed/")
    denied(limited.list_object_versions, Bucket=bucket, Prefix="open/")
    denied(limited.head_bucket, Bucket=bucket)
    denied(limited.list_buckets)


def test_what_is_missing_is_not_told_to_who_may_not_list(limited: Any, s3: Any, bucket: str) -> None:
    answer = denied(limited.get_object, Bucket=bucket, Key="open/missing")

    assert "s3:ListBucket" in answer["Error"]["Message"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="open/missing")


def test_a_presigned_url_is_decided_when_it_is_used(sealgate: Sealgate, limited: Any, bucket: str) -> None:
    """Whoever may sign may sign anything; what the URL is good for, the policies say."""

    def got(key: str) -> int:
        with client("s3", sealgate.url, LIMITED, signature_version="s3v4") as signer:
            url = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
        return int(urllib3.request("GET", url, retries=False).status)

    assert got("open/a") == 200
    assert got("closed/a") == 403
    assert got("open/fresh/c") == 403
    assert limited.get_object(Bucket=bucket, Key="open/fresh/c")["Body"].read() == b"open/fresh/c"


def test_a_form_is_decided_by_its_fields(limited: Any, s3: Any, bucket: str) -> None:
    def posted(key: str, **fields: str) -> int:
        conditions = [{name: value} for name, value in fields.items()]
        url, signed = signed_by(LIMITED, limited, bucket, key, *conditions, **fields)
        assert urlsplit(url).path
        return post(url, signed, b"from a form").status

    assert posted("inbox/form") == 204
    assert posted("closed/form") == 403
    assert posted("inbox/form", acl="private") == 403
    assert s3.get_object(Bucket=bucket, Key="inbox/form")["Body"].read() == b"from a form"
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="closed/form")


def test_an_identity_without_policies_may_do_nothing(sealgate: Sealgate, bucket: str) -> None:
    with client("s3", sealgate.url, IDLE) as idle:
        denied(idle.list_buckets)
        denied(idle.create_bucket, Bucket=f"limited-{uuid.uuid4()}")
        denied(idle.get_object, Bucket=bucket, Key="open/a")
        denied(idle.put_object, Bucket=bucket, Key="inbox/idle", Body=b"x")
        denied(idle.delete_object, Bucket=bucket, Key="inbox/old")
        denied(idle.get_bucket_acl, Bucket=bucket)
