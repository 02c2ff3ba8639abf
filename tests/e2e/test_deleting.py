"""Deletions, one and many."""

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest
from tests.e2e.sdk import refused, request_id
from tests.e2e.trail import Trail
from tests.e2e.wire import send
from tests.stores.sealgate import Sealgate

NAMES = ["a", "b+c", "ä €", "x&<y>", "deep/er"]


def objects(keys: list[str], *, quiet: bool = False) -> dict[str, Any]:
    return {"Objects": [{"Key": key} for key in keys], "Quiet": quiet}


@pytest.fixture
def full(s3: Any, bucket: str, key: str) -> list[str]:
    """Names of objects that are there, under a prefix of the test's own."""
    keys = [f"{key}/{name}" for name in NAMES]
    for each in keys:
        s3.put_object(Bucket=bucket, Key=each, Body=b"something")
    return keys


def test_one_is_deleted_on_the_store(
    *, s3: Any, bucket: str, full: list[str], sealed_on_store: AtRest, trail: Trail
) -> None:
    gone = s3.delete_object(Bucket=bucket, Key=full[0])

    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert full[0] not in sealed_on_store.keys(bucket)
    assert set(full[1:]) <= set(sealed_on_store.keys(bucket))
    event = trail.of(request_id(gone))
    assert (event["eventName"], event["requestParameters"]["key"]) == ("DeleteObject", full[0])


def test_what_is_not_there_is_deleted_too(s3: Any, bucket: str, key: str) -> None:
    """S3 answers so: after it, the name is free."""
    assert s3.delete_object(Bucket=bucket, Key=key)["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_many_are_deleted_and_told(
    *, s3: Any, bucket: str, full: list[str], sealed_on_store: AtRest, trail: Trail
) -> None:
    gone = s3.delete_objects(Bucket=bucket, Delete=objects([*full, "was-never-there"]))

    assert {each["Key"] for each in gone["Deleted"]} == {*full, "was-never-there"}
    assert "Errors" not in gone
    assert not set(full) & set(sealed_on_store.keys(bucket))
    assert trail.of(request_id(gone))["eventName"] == "DeleteObjects"


def test_quiet_tells_only_what_failed(s3: Any, bucket: str, full: list[str], sealed_on_store: AtRest) -> None:
    """Reserved names are refused one by one; the others go."""
    wish = objects([*full, ".sealgate/state"], quiet=True)

    gone = s3.delete_objects(Bucket=bucket, Delete=wish)

    assert "Deleted" not in gone
    assert [(each["Key"], each["Code"]) for each in gone["Errors"]] == [(".sealgate/state", "AccessDenied")]
    assert not set(full) & set(sealed_on_store.keys(bucket))


def test_a_thousand_go_and_one_more_does_not(s3: Any, bucket: str) -> None:
    names = [f"never-there-{number}" for number in range(1001)]

    assert len(s3.delete_objects(Bucket=bucket, Delete=objects(names[:1000]))["Deleted"]) == 1000
    for wrong in (names, []):
        with pytest.raises(ClientError) as caught:
            s3.delete_objects(Bucket=bucket, Delete=objects(wrong))
        assert refused(caught.value) == (400, "MalformedXML")


XML = b"<Delete><Object><Key>%s</Key></Object></Delete>"


def test_a_body_without_a_digest_deletes_nothing(
    sealgate: Sealgate, bucket: str, full: list[str], sealed_on_store: AtRest
) -> None:
    body = XML % full[0].encode()

    answer = send("POST", f"{sealgate.url}/{bucket}?delete", body)

    assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert full[0] in sealed_on_store.keys(bucket)


@pytest.mark.parametrize(
    ("right", "expected"), [(True, (200, "")), (False, (400, "BadDigest"))], ids=["right", "wrong"]
)
def test_the_digest_is_proven(
    *,
    sealgate: Sealgate,
    bucket: str,
    full: list[str],
    sealed_on_store: AtRest,
    right: bool,
    expected: tuple[int, str],
) -> None:
    body = XML % full[0].encode()
    digest = hashlib.md5(body if right else b"other", usedforsecurity=False).digest()

    answer = send(
        "POST",
        f"{sealgate.url}/{bucket}?delete",
        body,
        headers={"content-md5": base64.b64encode(digest).decode()},
    )

    assert (answer.status, answer.code) == expected
    assert (full[0] in sealed_on_store.keys(bucket)) is not right


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no xml",
        b"<Delete></Delete>",
        b"<Other/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>',
    ],
)
def test_a_body_that_is_no_list_is_refused(sealgate: Sealgate, bucket: str, body: bytes) -> None:
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()

    answer = send("POST", f"{sealgate.url}/{bucket}?delete", body, headers={"content-md5": digest})

    assert (answer.status, answer.code) == (400, "MalformedXML")
