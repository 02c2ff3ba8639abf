"""Settings of buckets, with boto3: what the store has is set, told, and taken away as on the store itself."""

import json
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.sdk import refused, request_id
from tests.e2e.trail import Trail
from tests.e2e.wire import send, send_as_is
from tests.stores.sealgate import Sealgate

CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}]}
LIFECYCLE = {
    "Rules": [{"ID": "old", "Filter": {"Prefix": "x"}, "Status": "Enabled", "Expiration": {"Days": 3}}]
}
OWNERSHIP = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
TAGS = {"TagSet": [{"Key": "team", "Value": "storage: one"}]}


@pytest.fixture
def own(s3: Any) -> str:
    """A bucket for one test: some settings change what a bucket is."""
    name = f"set-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


Wish = Callable[[str], dict[str, Any]]


def policy(bucket: str) -> dict[str, Any]:
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    statement = allow | {"Resource": f"arn:aws:s3:::{bucket}/public/*"}
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


SETTINGS: list[tuple[str, Wish, str]] = [
    ("bucket_cors", lambda _: {"CORSConfiguration": CORS}, "NoSuchCORSConfiguration"),
    ("bucket_tagging", lambda _: {"Tagging": TAGS}, "NoSuchTagSet"),
    (
        "bucket_lifecycle_configuration",
        lambda _: {"LifecycleConfiguration": LIFECYCLE},
        "NoSuchLifecycleConfiguration",
    ),
    ("bucket_policy", policy, "NoSuchBucketPolicy"),
]


@pytest.mark.parametrize(("name", "wish", "missing"), SETTINGS, ids=[each[0] for each in SETTINGS])
def test_a_setting_comes_stays_and_goes(
    *, s3: Any, raw: Any, own: str, trail: Trail, name: str, wish: Wish, missing: str
) -> None:
    wanted = wish(own)
    [(field, value)] = wanted.items()

    put = getattr(s3, f"put_{name}")(Bucket=own, **wanted)

    told = {who: getattr(who, f"get_{name}")(Bucket=own) for who in (s3, raw)}
    assert _plain(told[s3]) == _plain(told[raw])
    assert _holds(told[s3], json.loads(value) if field == "Policy" else value)
    assert trail.of(request_id(put))["requestParameters"]["bucketName"] == own
    getattr(s3, f"delete_{name.removesuffix('_configuration')}")(Bucket=own)
    with pytest.raises(ClientError) as caught:
        getattr(s3, f"get_{name}")(Bucket=own)
    assert refused(caught.value) == (404, missing)
    s3.head_bucket(Bucket=own)


def _plain(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _holds(told: dict[str, Any], value: dict[str, Any]) -> bool:
    """Whether each leaf that was set is told somewhere."""
    text = json.dumps(_plain(told)).replace("\\", "")
    leaves: list[Any] = [value]
    while leaves:
        leaf = leaves.pop()
        if isinstance(leaf, dict | list):
            leaves += leaf.values() if isinstance(leaf, dict) else leaf
        elif str(leaf) not in text:
            return False
    return True


def test_versioning(s3: Any, raw: Any, own: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=own)

    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket=own, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=own)["Status"] == status
        assert raw.get_bucket_versioning(Bucket=own)["Status"] == status


def test_ownership(s3: Any, own: str) -> None:
    s3.put_bucket_ownership_controls(Bucket=own, OwnershipControls=OWNERSHIP)

    assert s3.get_bucket_ownership_controls(Bucket=own)["OwnershipControls"] == OWNERSHIP
    s3.delete_bucket_ownership_controls(Bucket=own)
    s3.head_bucket(Bucket=own)


def test_an_acl_by_header_and_by_document(s3: Any, raw: Any, own: str) -> None:
    s3.put_bucket_ownership_controls(Bucket=own, OwnershipControls=OWNERSHIP)

    s3.put_bucket_acl(Bucket=own, ACL="public-read")
    told = s3.get_bucket_acl(Bucket=own)
    assert _plain(told) == _plain(raw.get_bucket_acl(Bucket=own))
    assert [each["Permission"] for each in told["Grants"] if "URI" in each["Grantee"]] == ["READ"]

    private = {
        "Owner": told["Owner"],
        "Grants": [each for each in told["Grants"] if "URI" not in each["Grantee"]],
    }
    s3.put_bucket_acl(Bucket=own, AccessControlPolicy=private)
    assert not [each for each in s3.get_bucket_acl(Bucket=own)["Grants"] if "URI" in each["Grantee"]]


def test_an_object_lock_configuration(s3: Any, raw: Any) -> None:
    bucket = f"locked-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}

    s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )

    for who in (s3, raw):
        told = who.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        assert (told["ObjectLockEnabled"], told["Rule"]) == ("Enabled", rule)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("get_bucket_website", {}),
        ("get_bucket_replication", {}),
        ("get_bucket_policy_status", {}),
        ("get_bucket_logging", {}),
        ("get_bucket_notification_configuration", {}),
        ("get_bucket_accelerate_configuration", {}),
        ("get_bucket_request_payment", {}),
        ("get_public_access_block", {}),
        ("get_bucket_analytics_configuration", {"Id": "a"}),
        ("list_bucket_metrics_configurations", {}),
        ("list_bucket_inventory_configurations", {}),
    ],
)
def test_a_read_is_answered_as_on_the_store_itself(
    *, s3: Any, raw: Any, own: str, call: str, arguments: dict[str, str]
) -> None:
    told = []
    for who in (s3, raw):
        try:
            told.append(_plain(getattr(who, call)(Bucket=own, **arguments)))
        except ClientError as error:
            told.append({"refused": refused(error)})

    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<Tagging", (400, "MalformedXML")),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><Tagging>&b;</Tagging>', (400, "MalformedXML")),
        (b"x" * (2 * 1024 * 1024 + 1), (400, "MaxMessageLengthExceeded")),
    ],
    ids=["broken", "dtd", "large"],
)
def test_a_body_that_is_no_document_is_refused(
    sealgate: Sealgate, own: str, body: bytes, expected: tuple[int, str]
) -> None:
    answer = send("PUT", f"{sealgate.url}/{own}?tagging", body)

    assert (answer.status, answer.code) == expected


def test_a_wrong_digest_is_found_before_the_store_sees_it(sealgate: Sealgate, s3: Any, own: str) -> None:
    body = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"

    answer = send("PUT", f"{sealgate.url}/{own}?tagging", body, headers={"content-md5": "A" * 22 + "=="})

    assert (answer.status, answer.code) == (400, "BadDigest")
    with pytest.raises(ClientError):
        s3.get_bucket_tagging(Bucket=own)


def test_a_browser_is_answered_from_the_store_s_rules(
    *, sealgate: Sealgate, s3: Any, own: str, trail: Trail
) -> None:
    """The question is unsigned; the answer to the real request says it too."""
    s3.put_bucket_cors(Bucket=own, CORSConfiguration=CORS)
    s3.put_object(Bucket=own, Key="key", Body=b"plain")
    url = f"{sealgate.url}/{own}/key"
    asking = {"origin": "https://a.example", "access-control-request-method": "GET"}

    allowed = send_as_is("OPTIONS", url, headers=asking)
    denied = send_as_is("OPTIONS", url, headers=asking | {"origin": "https://b.example"})

    assert (allowed.status, allowed.body) == (200, b"")
    assert allowed.headers["access-control-allow-origin"] == "https://a.example"
    assert (denied.status, denied.code) == (403, "AccessForbidden")
    assert "access-control-allow-origin" not in denied.headers
    event = trail.of(allowed.headers["x-amz-request-id"])
    assert event["eventName"] == "PreflightObject"
    got = send("GET", url, headers={"origin": "https://a.example"})
    assert (got.headers["access-control-allow-origin"], got.body) == ("https://a.example", b"plain")
    missing = send("GET", f"{url}-missing", headers={"origin": "https://a.example"})
    assert (missing.status, missing.headers["access-control-allow-origin"]) == (404, "https://a.example")


@pytest.mark.parametrize("headers", [{}, {"origin": "https://a.example"}])
def test_a_question_that_is_none_is_refused(sealgate: Sealgate, own: str, headers: dict[str, str]) -> None:
    answer = send_as_is("OPTIONS", f"{sealgate.url}/{own}/key", headers=headers)

    assert (answer.status, answer.code) == (400, "BadRequest")


def test_a_question_about_reserved_names_is_refused(sealgate: Sealgate, own: str) -> None:
    asking = {"origin": "https://a.example", "access-control-request-method": "GET"}

    answer = send_as_is("OPTIONS", f"{sealgate.url}/{own}/.sealgate/x", headers=asking)

    assert (answer.status, answer.code) == (403, "AccessDenied")


def test_a_public_policy_on_the_store_does_not_open_the_proxy(
    *, sealgate: Sealgate, s3: Any, own: str
) -> None:
    """The policy is the store's, about its own port: who asks the proxy must still be known to it."""
    s3.put_bucket_policy(Bucket=own, **policy(own))
    s3.put_object(Bucket=own, Key="public/key", Body=b"plain")

    with pytest.raises(urllib.request.HTTPError) as caught:
        urllib.request.urlopen(f"{sealgate.url}/{own}/public/key", timeout=10)  # noqa: S310  # our own loopback URL

    with caught.value:
        assert caught.value.code == 403
