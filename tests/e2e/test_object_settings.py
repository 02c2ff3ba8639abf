"""What hangs on an object: tags, who may read it, what holds it. As headers of the write, and by itself."""

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import client, refused, request_id
from tests.e2e.trail import Trail
from tests.e2e.wire import send
from tests.stores.sealgate import Sealgate, config_for, serving
from tests.stores.seaweedfs import Store

PLAIN = plaintext(2000)
LARGE = plaintext(3 << 20)
TAGS = [{"Key": "team", "Value": "storage"}, {"Key": "kind", "Value": "a/b: c"}]
UNTIL = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=1)


@pytest.fixture(scope="module")
def locked(s3: Any) -> str:
    name = f"locked-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


@pytest.mark.parametrize("plain", [PLAIN, LARGE], ids=["held", "streamed"])
def test_tags_come_with_the_object(
    *, s3: Any, raw: Any, bucket: str, key: str, sealed_on_store: AtRest, plain: bytes
) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=plain, Tagging="team=storage&kind=a%2Fb%3A+c")

    for who in (s3, raw):
        assert _sorted(who.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]) == _sorted(TAGS)
    assert s3.head_object(Bucket=bucket, Key=key)["TagCount"] == 2
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == plain
    sealed_on_store(bucket, key, plain)


def test_tags_are_set_and_taken_away(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest, trail: Trail
) -> None:
    """And the object stays what it was, and openable."""
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)

    put = s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": TAGS})
    assert _sorted(s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]) == _sorted(TAGS)
    s3.delete_object_tagging(Bucket=bucket, Key=key)

    assert s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] == []
    assert trail.of(request_id(put))["requestParameters"]["key"] == key
    sealed_on_store(bucket, key, PLAIN)


def _sorted(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(tags, key=lambda tag: tag["Key"])


@pytest.mark.parametrize("call", ["put_object_tagging", "get_object_tagging", "delete_object_tagging"])
def test_what_is_not_there_has_no_tags(s3: Any, bucket: str, key: str, call: str) -> None:
    further = {"Tagging": {"TagSet": TAGS}} if call.startswith("put") else {}

    with pytest.raises(ClientError) as caught:
        getattr(s3, call)(Bucket=bucket, Key=key, **further)

    assert refused(caught.value) == (404, "NoSuchKey")


def test_an_acl_does_not_overwrite_the_object(s3: Any, raw: Any, key: str, sealed_on_store: AtRest) -> None:
    bucket = f"acl-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    s3.put_object(Bucket=bucket, Key=key, Body=PLAIN, ACL="public-read")  # taken, and read past by this store
    s3.put_object_acl(Bucket=bucket, Key=key, ACL="public-read")

    assert _public(s3.get_object_acl(Bucket=bucket, Key=key)) == ["READ"]
    s3.put_object_acl(Bucket=bucket, Key=key, ACL="private")
    assert _public(s3.get_object_acl(Bucket=bucket, Key=key)) == []
    told = s3.get_object_acl(Bucket=bucket, Key=key)
    everyone = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
    grants = [*told["Grants"], {"Grantee": everyone, "Permission": "READ"}]
    s3.put_object_acl(Bucket=bucket, Key=key, AccessControlPolicy={"Owner": told["Owner"], "Grants": grants})

    assert _public(raw.get_object_acl(Bucket=bucket, Key=key)) == ["READ"]
    sealed_on_store(bucket, key, PLAIN)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == PLAIN


def _public(acl: dict[str, Any]) -> list[str]:
    return [each["Permission"] for each in acl["Grants"] if "URI" in each["Grantee"]]


@pytest.mark.parametrize("plain", [PLAIN, LARGE], ids=["held", "streamed"])
def test_a_write_may_hold_its_object(
    *, s3: Any, raw: Any, locked: str, key: str, sealed_on_store: AtRest, plain: bytes
) -> None:
    wish = {
        "ObjectLockMode": "GOVERNANCE",
        "ObjectLockRetainUntilDate": UNTIL,
        "ObjectLockLegalHoldStatus": "ON",
    }

    put = s3.put_object(Bucket=locked, Key=key, Body=plain, **wish)

    for who in (s3, raw):
        told = who.head_object(Bucket=locked, Key=key)
        assert {name: told[name] for name in wish} == wish
        assert told["VersionId"] == put["VersionId"]
    sealed_on_store(locked, key, plain)
    version = {"Bucket": locked, "Key": key, "VersionId": put["VersionId"]}
    with pytest.raises(ClientError) as caught:
        s3.delete_object(**version, BypassGovernanceRetention=True)
    assert refused(caught.value) == (403, "AccessDenied")
    s3.put_object_legal_hold(**version, LegalHold={"Status": "OFF"})
    with pytest.raises(ClientError) as caught:
        s3.delete_object(**version)
    assert refused(caught.value) == (403, "AccessDenied")
    s3.delete_object(**version, BypassGovernanceRetention=True)
    with pytest.raises(ClientError) as caught:
        s3.get_object(**version)
    assert refused(caught.value)[0] == 404


def test_a_hold_is_set_afterwards(s3: Any, raw: Any, locked: str, key: str) -> None:
    version = s3.put_object(Bucket=locked, Key=key, Body=PLAIN)["VersionId"]
    named = {"Bucket": locked, "Key": key, "VersionId": version}

    s3.put_object_retention(**named, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": UNTIL})
    s3.put_object_legal_hold(**named, LegalHold={"Status": "ON"})

    for who in (s3, raw):
        retention = who.get_object_retention(**named)["Retention"]
        assert retention == {"Mode": "GOVERNANCE", "RetainUntilDate": UNTIL}
        assert who.get_object_legal_hold(**named)["LegalHold"] == {"Status": "ON"}
    with pytest.raises(ClientError) as caught:
        s3.put_object_retention(
            **named, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": UNTIL - dt.timedelta(hours=1)}
        )
    assert refused(caught.value) == (403, "AccessDenied")
    assert s3.get_object(**named)["Body"].read() == PLAIN


def test_nothing_is_held_where_the_bucket_has_no_lock(
    *, s3: Any, bucket: str, key: str, sealed_on_store: AtRest
) -> None:
    """The store's refusal, and nothing is written."""
    with pytest.raises(ClientError) as caught:
        s3.put_object(
            Bucket=bucket, Key=key, Body=PLAIN, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=UNTIL
        )

    assert refused(caught.value) == (400, "InvalidRequest")
    assert key not in sealed_on_store.keys(bucket)


@pytest.mark.parametrize("wrong", ["1", "nobody", "999999999999"])
def test_the_expected_owner_goes_to_the_store(sealgate: Sealgate, bucket: str, key: str, wrong: str) -> None:
    """Whether it looks at it is the store's: it must not be refused here."""
    answer = send(
        "PUT",
        f"{sealgate.url}/{bucket}/{key}",
        PLAIN,
        headers={"x-amz-expected-bucket-owner": wrong, "x-amz-request-payer": "requester"},
    )

    assert answer.status in {200, 403}


@pytest.fixture(scope="module")
def stranger(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealgate]:
    """The same store, of which nothing is known."""
    directory: Path = tmp_path_factory.mktemp("generic")
    [upstream] = config_for(store, directory)["upstreams"]
    with serving(store, directory, upstreams=[upstream | {"preset": "generic"}]) as service:
        yield service


@pytest.mark.parametrize(
    ("method", "query", "name"),
    [
        ("PUT", "acl", "PutObjectAcl"),
        ("PUT", "tagging", "PutObjectTagging"),
        ("DELETE", "tagging", "DeleteObjectTagging"),
        ("PUT", "retention", "PutObjectRetention"),
        ("PUT", "legal-hold", "PutObjectLegalHold"),
        ("POST", "restore", "RestoreObject"),
    ],
)
def test_a_store_of_which_nothing_is_known_is_not_asked(
    *, stranger: Sealgate, raw: Any, bucket: str, key: str, method: str, query: str, name: str
) -> None:
    """It might overwrite the object, or delete it."""
    with client("s3", stranger.url) as s3:
        s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)
        before = raw.head_object(Bucket=bucket, Key=key)["ETag"]

        answer = send(
            method, f"{stranger.url}/{bucket}/{key}?{query}", b"<a/>" if method != "DELETE" else b""
        )

        assert (answer.status, answer.code) == (501, "NotImplemented")
        assert name.encode() in answer.body
        assert raw.head_object(Bucket=bucket, Key=key)["ETag"] == before
        assert s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-tagging": "a=b"},
        {"x-amz-acl": "public-read"},
        {"x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'},
        {"x-amz-object-lock-legal-hold": "ON"},
    ],
)
def test_nor_is_it_sent_a_wish_that_it_might_drop(
    *, stranger: Sealgate, raw: Any, bucket: str, key: str, headers: dict[str, str]
) -> None:
    answer = send("PUT", f"{stranger.url}/{bucket}/{key}", PLAIN, headers=headers)

    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert next(iter(headers)).encode() in answer.body
    with pytest.raises(ClientError):
        raw.head_object(Bucket=bucket, Key=key)


def test_nor_a_condition_that_it_might_ignore(stranger: Sealgate, raw: Any, bucket: str, key: str) -> None:
    with client("s3", stranger.url) as s3:
        etag = s3.put_object(Bucket=bucket, Key=key, Body=PLAIN)["ETag"]
        with pytest.raises(ClientError) as caught:
            s3.delete_object(Bucket=bucket, Key=key, IfMatch=etag)
        many = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key, "ETag": etag}]})

    assert refused(caught.value) == (501, "NotImplemented")
    assert [each["Code"] for each in many["Errors"]] == ["NotImplemented"]
    raw.head_object(Bucket=bucket, Key=key)
