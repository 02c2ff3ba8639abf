"""Which actions a request needs, upon what: AWS's Service Authorization Reference, row by row."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session

from proxy.s3.actions import Need, copied_tags_needs, delete_needs, needs_of
from proxy.s3.condition_keys import KEYS_OF, SAID
from proxy.s3.header_wishes import HEADER_PERMISSIONS
from proxy.s3.operation_rows import ALIASES, ROWS, VERSIONED_ACTIONS, Level, Scope
from proxy.s3.operations import classify, copy_source
from proxy.s3.request import S3Request, parse_request

PAGE = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"
REFERENCE: dict[str, Any] = json.loads(
    Path(__file__).with_name("authorization_reference.json").read_text("utf-8")
)["actions"]
BUCKET, OBJECT, SOURCE = "arn:aws:s3:::bucket", "arn:aws:s3:::bucket/key", "arn:aws:s3:::from/it"

# What the request is, and the action that it needs: upon the bucket where no key is named, else upon the key.
PLAIN: list[tuple[str, str, str]] = [
    ("PUT", "/bucket", "CreateBucket"),
    ("DELETE", "/bucket", "DeleteBucket"),
    ("HEAD", "/bucket", "ListBucket"),
    ("GET", "/bucket", "ListBucket"),
    ("GET", "/bucket?prefix=a&delimiter=/", "ListBucket"),
    ("GET", "/bucket?list-type=2", "ListBucket"),
    ("GET", "/bucket?versions", "ListBucketVersions"),
    ("GET", "/bucket?uploads", "ListBucketMultipartUploads"),
    ("GET", "/bucket?location", "GetBucketLocation"),
    ("GET", "/bucket?accelerate", "GetAccelerateConfiguration"),
    ("PUT", "/bucket?accelerate", "PutAccelerateConfiguration"),
    ("GET", "/bucket?acl", "GetBucketAcl"),
    ("PUT", "/bucket?acl", "PutBucketAcl"),
    ("GET", "/bucket?analytics&id=1", "GetAnalyticsConfiguration"),
    ("GET", "/bucket?analytics", "GetAnalyticsConfiguration"),
    ("PUT", "/bucket?analytics&id=1", "PutAnalyticsConfiguration"),
    ("DELETE", "/bucket?analytics&id=1", "PutAnalyticsConfiguration"),
    ("GET", "/bucket?cors", "GetBucketCORS"),
    ("PUT", "/bucket?cors", "PutBucketCORS"),
    ("DELETE", "/bucket?cors", "PutBucketCORS"),
    ("GET", "/bucket?encryption", "GetEncryptionConfiguration"),
    ("PUT", "/bucket?encryption", "PutEncryptionConfiguration"),
    ("DELETE", "/bucket?encryption", "PutEncryptionConfiguration"),
    ("GET", "/bucket?intelligent-tiering&id=1", "GetIntelligentTieringConfiguration"),
    ("PUT", "/bucket?intelligent-tiering&id=1", "PutIntelligentTieringConfiguration"),
    ("DELETE", "/bucket?intelligent-tiering&id=1", "PutIntelligentTieringConfiguration"),
    ("GET", "/bucket?inventory&id=1", "GetInventoryConfiguration"),
    ("PUT", "/bucket?inventory&id=1", "PutInventoryConfiguration"),
    ("DELETE", "/bucket?inventory&id=1", "PutInventoryConfiguration"),
    ("GET", "/bucket?lifecycle", "GetLifecycleConfiguration"),
    ("PUT", "/bucket?lifecycle", "PutLifecycleConfiguration"),
    ("DELETE", "/bucket?lifecycle", "PutLifecycleConfiguration"),
    ("GET", "/bucket?logging", "GetBucketLogging"),
    ("PUT", "/bucket?logging", "PutBucketLogging"),
    ("GET", "/bucket?metrics&id=1", "GetMetricsConfiguration"),
    ("PUT", "/bucket?metrics&id=1", "PutMetricsConfiguration"),
    ("DELETE", "/bucket?metrics&id=1", "PutMetricsConfiguration"),
    ("GET", "/bucket?notification", "GetBucketNotification"),
    ("PUT", "/bucket?notification", "PutBucketNotification"),
    ("GET", "/bucket?object-lock", "GetBucketObjectLockConfiguration"),
    ("PUT", "/bucket?object-lock", "PutBucketObjectLockConfiguration"),
    ("GET", "/bucket?ownershipControls", "GetBucketOwnershipControls"),
    ("PUT", "/bucket?ownershipControls", "PutBucketOwnershipControls"),
    ("DELETE", "/bucket?ownershipControls", "PutBucketOwnershipControls"),
    ("GET", "/bucket?policy", "GetBucketPolicy"),
    ("PUT", "/bucket?policy", "PutBucketPolicy"),
    ("DELETE", "/bucket?policy", "DeleteBucketPolicy"),
    ("GET", "/bucket?policyStatus", "GetBucketPolicyStatus"),
    ("GET", "/bucket?publicAccessBlock", "GetBucketPublicAccessBlock"),
    ("PUT", "/bucket?publicAccessBlock", "PutBucketPublicAccessBlock"),
    ("DELETE", "/bucket?publicAccessBlock", "PutBucketPublicAccessBlock"),
    ("GET", "/bucket?replication", "GetReplicationConfiguration"),
    ("PUT", "/bucket?replication", "PutReplicationConfiguration"),
    ("DELETE", "/bucket?replication", "PutReplicationConfiguration"),
    ("GET", "/bucket?requestPayment", "GetBucketRequestPayment"),
    ("PUT", "/bucket?requestPayment", "PutBucketRequestPayment"),
    ("GET", "/bucket?tagging", "GetBucketTagging"),
    ("PUT", "/bucket?tagging", "PutBucketTagging"),
    ("DELETE", "/bucket?tagging", "PutBucketTagging"),
    ("GET", "/bucket?versioning", "GetBucketVersioning"),
    ("PUT", "/bucket?versioning", "PutBucketVersioning"),
    ("GET", "/bucket?website", "GetBucketWebsite"),
    ("PUT", "/bucket?website", "PutBucketWebsite"),
    ("DELETE", "/bucket?website", "DeleteBucketWebsite"),
    ("GET", "/bucket/key", "GetObject"),
    ("GET", "/bucket/key?partNumber=1", "GetObject"),
    ("GET", "/bucket/key?response-expires=x", "GetObject"),
    ("HEAD", "/bucket/key", "GetObject"),
    ("GET", "/bucket/key?acl", "GetObjectAcl"),
    ("GET", "/bucket/key?tagging", "GetObjectTagging"),
    ("GET", "/bucket/key?legal-hold", "GetObjectLegalHold"),
    ("GET", "/bucket/key?legal-hold&versionId=1", "GetObjectLegalHold"),
    ("GET", "/bucket/key?retention", "GetObjectRetention"),
    ("GET", "/bucket/key?retention&versionId=1", "GetObjectRetention"),
    ("GET", "/bucket/key?uploadId=1", "ListMultipartUploadParts"),
    ("PUT", "/bucket/key", "PutObject"),
    ("PUT", "/bucket/key?acl", "PutObjectAcl"),
    ("PUT", "/bucket/key?tagging", "PutObjectTagging"),
    ("PUT", "/bucket/key?legal-hold", "PutObjectLegalHold"),
    ("PUT", "/bucket/key?retention", "PutObjectRetention"),
    ("PUT", "/bucket/key?partNumber=1&uploadId=1", "PutObject"),
    ("POST", "/bucket/key?uploads", "PutObject"),
    ("POST", "/bucket/key?uploadId=1", "PutObject"),
    ("POST", "/bucket/key?restore", "RestoreObject"),
    ("DELETE", "/bucket/key", "DeleteObject"),
    ("DELETE", "/bucket/key?tagging", "DeleteObjectTagging"),
    ("DELETE", "/bucket/key?uploadId=1", "AbortMultipartUpload"),
    ("GET", "/bucket/key?versionId=1", "GetObjectVersion"),
    ("HEAD", "/bucket/key?versionId=1", "GetObjectVersion"),
    ("GET", "/bucket/key?acl&versionId=1", "GetObjectVersionAcl"),
    ("GET", "/bucket/key?tagging&versionId=1", "GetObjectVersionTagging"),
    ("PUT", "/bucket/key?acl&versionId=1", "PutObjectVersionAcl"),
    ("PUT", "/bucket/key?tagging&versionId=1", "PutObjectVersionTagging"),
    ("DELETE", "/bucket/key?versionId=1", "DeleteObjectVersion"),
    ("DELETE", "/bucket/key?tagging&versionId=1", "DeleteObjectVersionTagging"),
]

LOCK = {"x-amz-bucket-object-lock-enabled": "true"}
FROM = {"x-amz-copy-source": "from/it"}
FROM_VERSION = {"x-amz-copy-source": "from/it?versionId=2"}
BYPASS = {"x-amz-bypass-governance-retention": "true"}
PART = "/bucket/key?partNumber=1&uploadId=1"

# Several actions: those that headers ask for, a copy's source, attributes.
SEVERAL: list[tuple[str, str, dict[str, str], list[tuple[str, str]]]] = [
    ("GET", "/", {}, [("ListAllMyBuckets", "*")]),
    ("PUT", "/bucket/key", {"x-amz-date": "d"}, [("PutObject", OBJECT)]),
    ("PUT", "/bucket/key", {"x-amz-acl": "private"}, [("PutObject", OBJECT), ("PutObjectAcl", OBJECT)]),
    ("PUT", "/bucket/key", {"x-amz-grant-read": "id=1"}, [("PutObject", OBJECT), ("PutObjectAcl", OBJECT)]),
    ("PUT", "/bucket/key", {"x-amz-tagging": "a=b"}, [("PutObject", OBJECT), ("PutObjectTagging", OBJECT)]),
    (
        "PUT",
        "/bucket/key",
        {"x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-retain-until-date": "2030-01-01"},
        [("PutObject", OBJECT), ("PutObjectRetention", OBJECT)],
    ),
    (
        "PUT",
        "/bucket/key",
        {"x-amz-object-lock-legal-hold": "ON"},
        [("PutObject", OBJECT), ("PutObjectLegalHold", OBJECT)],
    ),
    (
        "PUT",
        "/bucket/key",
        {"x-amz-tagging": "a=b", "x-amz-grant-read": "id=1"},
        [("PutObject", OBJECT), ("PutObjectTagging", OBJECT), ("PutObjectAcl", OBJECT)],
    ),
    (
        "POST",
        "/bucket/key?uploads",
        {"x-amz-tagging": "a=b", "x-amz-acl": "private"},
        [("PutObject", OBJECT), ("PutObjectTagging", OBJECT), ("PutObjectAcl", OBJECT)],
    ),
    (
        "POST",
        "/bucket/key?uploads",
        {"x-amz-object-lock-legal-hold": "ON"},
        [("PutObject", OBJECT), ("PutObjectLegalHold", OBJECT)],
    ),
    ("PUT", PART, {"x-amz-tagging": "a=b"}, [("PutObject", OBJECT)]),
    ("PUT", "/bucket/key", FROM, [("PutObject", OBJECT), ("GetObject", SOURCE)]),
    ("PUT", "/bucket/key", FROM_VERSION, [("PutObject", OBJECT), ("GetObjectVersion", SOURCE)]),
    (
        "PUT",
        "/bucket/key",
        FROM | {"x-amz-tagging-directive": "REPLACE", "x-amz-tagging": "a=b"},
        [("PutObject", OBJECT), ("GetObject", SOURCE), ("PutObjectTagging", OBJECT)],
    ),
    (
        "PUT",
        "/bucket/key",
        FROM | {"x-amz-tagging-directive": "REPLACE"},
        [("PutObject", OBJECT), ("GetObject", SOURCE)],
    ),
    (
        "PUT",
        "/bucket/key",
        FROM | {"x-amz-acl": "private"},
        [("PutObject", OBJECT), ("GetObject", SOURCE), ("PutObjectAcl", OBJECT)],
    ),
    ("PUT", PART, FROM, [("PutObject", OBJECT), ("GetObject", SOURCE)]),
    ("PUT", PART, FROM_VERSION, [("PutObject", OBJECT), ("GetObjectVersion", SOURCE)]),
    ("GET", "/bucket/key?attributes", {}, [("GetObject", OBJECT), ("GetObjectAttributes", OBJECT)]),
    (
        "GET",
        "/bucket/key?attributes&versionId=1",
        {},
        [("GetObjectVersion", OBJECT), ("GetObjectVersionAttributes", OBJECT)],
    ),
    ("PUT", "/bucket/key?encryption", {}, [("PutObject", OBJECT), ("UpdateObjectEncryption", OBJECT)]),
    ("DELETE", "/bucket/key", BYPASS, [("DeleteObject", OBJECT), ("BypassGovernanceRetention", OBJECT)]),
    (
        "DELETE",
        "/bucket/key?versionId=1",
        BYPASS,
        [("DeleteObjectVersion", OBJECT), ("BypassGovernanceRetention", OBJECT)],
    ),
    (
        "PUT",
        "/bucket/key?retention",
        BYPASS,
        [("PutObjectRetention", OBJECT), ("BypassGovernanceRetention", OBJECT)],
    ),
    ("PUT", "/bucket", {"x-amz-acl": "private"}, [("CreateBucket", BUCKET), ("PutBucketAcl", BUCKET)]),
    (
        "PUT",
        "/bucket",
        LOCK,
        [
            ("CreateBucket", BUCKET),
            ("PutBucketObjectLockConfiguration", BUCKET),
            ("PutBucketVersioning", BUCKET),
        ],
    ),
    ("PUT", "/bucket", {"x-amz-bucket-object-lock-enabled": "False"}, [("CreateBucket", BUCKET)]),
    (
        "PUT",
        "/bucket",
        {"x-amz-object-ownership": "ObjectWriter"},
        [("CreateBucket", BUCKET), ("PutBucketOwnershipControls", BUCKET)],
    ),
    ("POST", "/bucket", {}, [("PutObject", BUCKET)]),
    ("POST", "/bucket?delete", {}, []),
    ("OPTIONS", "/bucket/key", {}, []),
]  # fmt: skip


def read(method: str, target: str, headers: dict[str, str] | None = None) -> S3Request:
    return parse_request(method=method, target=target, headers=headers or {}, domains=())


def needs(request: S3Request) -> list[tuple[str, str]]:
    source = copy_source(request) if "x-amz-copy-source" in request.headers else None
    return [(need.action, need.resource) for need in needs_of(classify(request), request, source)]


@pytest.mark.parametrize(
    ("page", "method", "target", "action"), [(f"{PAGE}#amazons3-{row[2]}", *row) for row in PLAIN]
)
def test_most_requests_need_one_action(page: str, method: str, target: str, action: str) -> None:
    """Each row's page is the action's own line of the reference."""
    resource = OBJECT if "/key" in target else BUCKET
    assert page.endswith(action)

    assert needs(read(method, target)) == [(f"s3:{action}", resource)]


@pytest.mark.parametrize(("method", "target", "headers", "expected"), SEVERAL)
def test_some_requests_need_several(
    method: str, target: str, headers: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    """Each header that does more than its operation's name says, asks for an action of its own."""
    assert needs(read(method, target, headers)) == [(f"s3:{name}", arn) for name, arn in expected]


def test_delete_objects_is_decided_key_by_key() -> None:
    plain = read("POST", "/bucket?delete")
    bypassing = read("POST", "/bucket?delete", BYPASS)

    assert delete_needs(plain, "key", "") == [Need("s3:DeleteObject", OBJECT)]
    assert delete_needs(bypassing, "key", "v") == [
        Need("s3:DeleteObjectVersion", OBJECT, "v"),
        Need("s3:BypassGovernanceRetention", OBJECT),
    ]


def test_a_copy_that_takes_tags_along_needs_to_read_and_to_write_them() -> None:
    """API reference of CopyObject, "Permissions"."""
    request = read("PUT", "/bucket/key", FROM)

    assert copied_tags_needs(request, ("from", "it", "")) == [
        Need("s3:GetObjectTagging", SOURCE),
        Need("s3:PutObjectTagging", OBJECT),
    ]
    assert copied_tags_needs(request, ("from", "it", "v"))[0] == Need(
        "s3:GetObjectVersionTagging", SOURCE, "v"
    )


def test_a_version_is_told_with_what_it_is_a_version_of() -> None:
    request = read("PUT", "/bucket/key", FROM_VERSION)

    assert needs_of(classify(request), request, copy_source(request)) == [
        Need("s3:PutObject", OBJECT),
        Need("s3:GetObjectVersion", SOURCE, "2"),
    ]


def test_every_operation_of_the_model_has_a_row_and_its_actions() -> None:
    model = get_session().get_service_model("s3")  # type: ignore[no-untyped-call]  # botocore has no annotations
    rows = {row.name: row for row in ROWS}

    assert {ALIASES.get(name, name) for name in model.operation_names} - rows.keys() == set()
    assert [row.name for row in ROWS if not row.actions] == ["PreflightBucket", "PreflightObject"]


def test_every_action_is_one_of_the_reference_and_upon_its_resource() -> None:
    """What the page does not know nobody can allow."""
    kinds = {Level.SERVICE: "*", Level.BUCKET: "bucket", Level.OBJECT: "object"}
    for row in ROWS:
        for action, scope in row.actions:
            if not action.startswith("s3:"):
                continue  # of other services, which nobody here serves
            wanted = (
                "object" if scope is not Scope.TARGET and row.level is not Level.SERVICE else kinds[row.level]
            )
            wanted = "object" if row.name == "PostObject" else wanted
            assert REFERENCE[action]["resource"] == wanted, (row.name, action)
    asked = {action for rows in HEADER_PERMISSIONS.values() for _, action in rows}
    assert {*VERSIONED_ACTIONS.values(), *asked} <= REFERENCE.keys()


EVERYWHERE = {
    "s3:signatureage",
    "s3:authtype",
    "s3:signatureversion",
    "s3:tlsversion",
    "s3:x-amz-content-sha256",
}
"""Of every action, and said by how a request came."""
NOT_HERE = {
    "s3:accessgrantsinstancearn",  # access grants and access points are not S3's general-purpose API
    "s3:accesspointnetworkorigin",
    "s3:accesspointtag/",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:existingobjecttag/",  # the store alone knows: refused at load
    "s3:resourceaccount",
    "aws:resourcetag/",  # a bucket has none without ABAC
    "s3:inventoryaccessibleoptionalfields",  # of documents that go to the store as they are
    "s3:isreplicationpauserequest",
    "s3:annotation-prefix",  # of operations that nobody serves
    "s3:max-annotation-results",
    "s3:x-amz-object-if-match",
}


def test_every_action_has_the_condition_keys_of_the_reference() -> None:
    for action, row in REFERENCE.items():
        listed = {key.lower().replace("<key>", "").replace("${tagkey}", "") for key in row["keys"]}
        assert KEYS_OF.get(action, frozenset()) == listed - EVERYWHERE - NOT_HERE, action


def test_every_condition_key_has_a_reader() -> None:
    keys = {key for keys in KEYS_OF.values() for key in keys if not key.endswith("/")}

    assert keys == SAID.keys()
