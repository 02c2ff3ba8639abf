"""The operations table: every operation of S3's API, how it is known, what is done, what must be allowed.

Names, markers and parameters are those of the S3 API reference (a test walks botocore's model of it).
Actions are those of Amazon's Service Authorization Reference, "Actions, resources, and condition keys for
Amazon S3". An operation that nobody serves has its row all the same, so that it is refused by name.
"""

from dataclasses import dataclass
from enum import Enum, auto

from proxy.s3.treatments import SERVED, Treatment


class Level(Enum):
    SERVICE = auto()
    BUCKET = auto()
    OBJECT = auto()


class Scope(Enum):
    """Upon what an action must be allowed."""

    SERVICE = auto()
    TARGET = auto()
    """The bucket or object that the request names."""
    SOURCE = auto()
    """The object that the copy source names."""
    EACH_KEY = auto()
    """Every key that the body names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    name: str
    method: str
    level: Level
    markers: frozenset[str]
    """Query names that single this operation out: all are there, or it is another one."""
    queries: frozenset[str]
    """Further query names that it has."""
    copies: bool
    """Known by an x-amz-copy-source header."""
    treatment: Treatment
    actions: tuple[tuple[str, Scope], ...]


# The same request under its older name.
ALIASES = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
}

# Where versionId is named, another action is asked for.
VERSIONED_ACTIONS = {
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:DeleteObjectAnnotation": "s3:DeleteObjectVersionAnnotation",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
    "s3:GetObjectAnnotation": "s3:GetObjectVersionAnnotation",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
    "s3:ListObjectAnnotations": "s3:ListObjectVersionAnnotations",
    "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
    "s3:PutObjectAnnotation": "s3:PutObjectVersionAnnotation",
    "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
}

_OVERRIDES = (
    "response-cache-control response-content-disposition response-content-encoding "
    "response-content-language response-content-type response-expires"
)
_READ = f"{_OVERRIDES} versionId partNumber"
_LIST = "delimiter encoding-type max-keys prefix"
_LIST_V2 = f"{_LIST} allow-unordered continuation-token fetch-owner start-after"
_LIST_VERSIONS = f"{_LIST} key-marker version-id-marker"
_LIST_UPLOADS = "delimiter encoding-type key-marker max-uploads prefix upload-id-marker"
_LIST_ANNOTATIONS = "versionId max-annotation-results annotation-prefix continuation-token"
_CONTINUED = "continuation-token"
_V = "versionId"

_SCOPES = {"DeleteObjects": Scope.EACH_KEY}
_COPIES = {"CopyObject", "UploadPartCopy"}

# Method, name, markers, further query names, actions ("s3:" where no service is named).
_SERVICE_ROWS = (
    ("GET", "ListBuckets", "", "max-buckets continuation-token prefix bucket-region", "ListAllMyBuckets"),
    (
        "GET",
        "ListDirectoryBuckets",
        "max-directory-buckets",
        _CONTINUED,
        "s3express:ListAllMyDirectoryBuckets",
    ),
    # Object Lambda has a host of its own; its path, read as a bucket's name, is refused by `request`.
    ("POST", "WriteGetObjectResponse", "", "", "s3-object-lambda:WriteGetObjectResponse"),
)
_BUCKET_ROWS = (
    ("DELETE", "DeleteBucket", "", "", "DeleteBucket"),
    ("DELETE", "DeleteBucketAnalyticsConfiguration", "analytics id", "", "PutAnalyticsConfiguration"),
    ("DELETE", "DeleteBucketCors", "cors", "", "PutBucketCORS"),
    ("DELETE", "DeleteBucketEncryption", "encryption", "", "PutEncryptionConfiguration"),
    (
        "DELETE",
        "DeleteBucketIntelligentTieringConfiguration",
        "intelligent-tiering id",
        "",
        "PutIntelligentTieringConfiguration",
    ),
    ("DELETE", "DeleteBucketInventoryConfiguration", "inventory id", "", "PutInventoryConfiguration"),
    ("DELETE", "DeleteBucketLifecycle", "lifecycle", "", "PutLifecycleConfiguration"),
    (
        "DELETE",
        "DeleteBucketMetadataConfiguration",
        "metadataConfiguration",
        "",
        "DeleteBucketMetadataTableConfiguration",
    ),
    (
        "DELETE",
        "DeleteBucketMetadataTableConfiguration",
        "metadataTable",
        "",
        "DeleteBucketMetadataTableConfiguration",
    ),
    ("DELETE", "DeleteBucketMetricsConfiguration", "metrics id", "", "PutMetricsConfiguration"),
    ("DELETE", "DeleteBucketOwnershipControls", "ownershipControls", "", "PutBucketOwnershipControls"),
    ("DELETE", "DeleteBucketPolicy", "policy", "", "DeleteBucketPolicy"),
    ("DELETE", "DeleteBucketReplication", "replication", "", "PutReplicationConfiguration"),
    ("DELETE", "DeleteBucketTagging", "tagging", "", "PutBucketTagging"),
    ("DELETE", "DeleteBucketWebsite", "website", "", "DeleteBucketWebsite"),
    ("DELETE", "DeletePublicAccessBlock", "publicAccessBlock", "", "PutBucketPublicAccessBlock"),
    ("GET", "CreateSession", "session", "", "s3express:CreateSession"),
    ("GET", "GetBucketAbac", "abac", "", "GetBucketAbac"),
    ("GET", "GetBucketAccelerateConfiguration", "accelerate", "", "GetAccelerateConfiguration"),
    ("GET", "GetBucketAcl", "acl", "", "GetBucketAcl"),
    ("GET", "GetBucketAnalyticsConfiguration", "analytics id", "", "GetAnalyticsConfiguration"),
    ("GET", "GetBucketCors", "cors", "", "GetBucketCORS"),
    ("GET", "GetBucketEncryption", "encryption", "", "GetEncryptionConfiguration"),
    (
        "GET",
        "GetBucketIntelligentTieringConfiguration",
        "intelligent-tiering id",
        "",
        "GetIntelligentTieringConfiguration",
    ),
    ("GET", "GetBucketInventoryConfiguration", "inventory id", "", "GetInventoryConfiguration"),
    ("GET", "GetBucketLifecycleConfiguration", "lifecycle", "", "GetLifecycleConfiguration"),
    ("GET", "GetBucketLocation", "location", "", "GetBucketLocation"),
    ("GET", "GetBucketLogging", "logging", "", "GetBucketLogging"),
    (
        "GET",
        "GetBucketMetadataConfiguration",
        "metadataConfiguration",
        "",
        "GetBucketMetadataTableConfiguration",
    ),
    (
        "GET",
        "GetBucketMetadataTableConfiguration",
        "metadataTable",
        "",
        "GetBucketMetadataTableConfiguration",
    ),
    ("GET", "GetBucketMetricsConfiguration", "metrics id", "", "GetMetricsConfiguration"),
    ("GET", "GetBucketNotificationConfiguration", "notification", "", "GetBucketNotification"),
    ("GET", "GetBucketOwnershipControls", "ownershipControls", "", "GetBucketOwnershipControls"),
    ("GET", "GetBucketPolicy", "policy", "", "GetBucketPolicy"),
    ("GET", "GetBucketPolicyStatus", "policyStatus", "", "GetBucketPolicyStatus"),
    ("GET", "GetBucketReplication", "replication", "", "GetReplicationConfiguration"),
    ("GET", "GetBucketRequestPayment", "requestPayment", "", "GetBucketRequestPayment"),
    ("GET", "GetBucketTagging", "tagging", "", "GetBucketTagging"),
    ("GET", "GetBucketVersioning", "versioning", "", "GetBucketVersioning"),
    ("GET", "GetBucketWebsite", "website", "", "GetBucketWebsite"),
    ("GET", "GetObjectLockConfiguration", "object-lock", "", "GetBucketObjectLockConfiguration"),
    ("GET", "GetPublicAccessBlock", "publicAccessBlock", "", "GetBucketPublicAccessBlock"),
    ("GET", "ListBucketAnalyticsConfigurations", "analytics", _CONTINUED, "GetAnalyticsConfiguration"),
    (
        "GET",
        "ListBucketIntelligentTieringConfigurations",
        "intelligent-tiering",
        _CONTINUED,
        "GetIntelligentTieringConfiguration",
    ),
    ("GET", "ListBucketInventoryConfigurations", "inventory", _CONTINUED, "GetInventoryConfiguration"),
    ("GET", "ListBucketMetricsConfigurations", "metrics", _CONTINUED, "GetMetricsConfiguration"),
    ("GET", "ListMultipartUploads", "uploads", _LIST_UPLOADS, "ListBucketMultipartUploads"),
    ("GET", "ListObjectVersions", "versions", _LIST_VERSIONS, "ListBucketVersions"),
    ("GET", "ListObjects", "", f"{_LIST} allow-unordered marker", "ListBucket"),
    ("GET", "ListObjectsV2", "list-type", _LIST_V2, "ListBucket"),
    ("HEAD", "HeadBucket", "", "", "ListBucket"),
    ("OPTIONS", "PreflightBucket", "", ""),
    (
        "POST",
        "CreateBucketMetadataConfiguration",
        "metadataConfiguration",
        "",
        "CreateBucketMetadataTableConfiguration",
    ),
    (
        "POST",
        "CreateBucketMetadataTableConfiguration",
        "metadataTable",
        "",
        "CreateBucketMetadataTableConfiguration",
    ),
    ("POST", "DeleteObjects", "delete", "", "DeleteObject"),
    # Not in botocore's model: a browser's form upload.
    ("POST", "PostObject", "", "", "PutObject"),
    ("PUT", "CreateBucket", "", "", "CreateBucket"),
    ("PUT", "PutBucketAbac", "abac", "", "PutBucketAbac"),
    ("PUT", "PutBucketAccelerateConfiguration", "accelerate", "", "PutAccelerateConfiguration"),
    ("PUT", "PutBucketAcl", "acl", "", "PutBucketAcl"),
    ("PUT", "PutBucketAnalyticsConfiguration", "analytics id", "", "PutAnalyticsConfiguration"),
    ("PUT", "PutBucketCors", "cors", "", "PutBucketCORS"),
    ("PUT", "PutBucketEncryption", "encryption", "", "PutEncryptionConfiguration"),
    (
        "PUT",
        "PutBucketIntelligentTieringConfiguration",
        "intelligent-tiering id",
        "",
        "PutIntelligentTieringConfiguration",
    ),
    ("PUT", "PutBucketInventoryConfiguration", "inventory id", "", "PutInventoryConfiguration"),
    ("PUT", "PutBucketLifecycleConfiguration", "lifecycle", "", "PutLifecycleConfiguration"),
    ("PUT", "PutBucketLogging", "logging", "", "PutBucketLogging"),
    ("PUT", "PutBucketMetricsConfiguration", "metrics id", "", "PutMetricsConfiguration"),
    ("PUT", "PutBucketNotificationConfiguration", "notification", "", "PutBucketNotification"),
    ("PUT", "PutBucketOwnershipControls", "ownershipControls", "", "PutBucketOwnershipControls"),
    ("PUT", "PutBucketPolicy", "policy", "", "PutBucketPolicy"),
    ("PUT", "PutBucketReplication", "replication", "", "PutReplicationConfiguration"),
    ("PUT", "PutBucketRequestPayment", "requestPayment", "", "PutBucketRequestPayment"),
    ("PUT", "PutBucketTagging", "tagging", "", "PutBucketTagging"),
    ("PUT", "PutBucketVersioning", "versioning", "", "PutBucketVersioning"),
    ("PUT", "PutBucketWebsite", "website", "", "PutBucketWebsite"),
    ("PUT", "PutObjectLockConfiguration", "object-lock", "", "PutBucketObjectLockConfiguration"),
    ("PUT", "PutPublicAccessBlock", "publicAccessBlock", "", "PutBucketPublicAccessBlock"),
    (
        "PUT",
        "UpdateBucketMetadataAnnotationTableConfiguration",
        "metadataAnnotationTable",
        "",
        "UpdateBucketMetadataAnnotationTableConfiguration",
    ),
    (
        "PUT",
        "UpdateBucketMetadataInventoryTableConfiguration",
        "metadataInventoryTable",
        "",
        "UpdateBucketMetadataInventoryTableConfiguration",
    ),
    (
        "PUT",
        "UpdateBucketMetadataJournalTableConfiguration",
        "metadataJournalTable",
        "",
        "UpdateBucketMetadataJournalTableConfiguration",
    ),
)
_OBJECT_ROWS = (
    ("DELETE", "AbortMultipartUpload", "uploadId", "", "AbortMultipartUpload"),
    ("DELETE", "DeleteObject", "", _V, "DeleteObject"),
    ("DELETE", "DeleteObjectAnnotation", "annotation annotationName", _V, "DeleteObjectAnnotation"),
    ("DELETE", "DeleteObjectTagging", "tagging", _V, "DeleteObjectTagging"),
    ("GET", "GetObject", "", _READ, "GetObject"),
    ("GET", "GetObjectAcl", "acl", _V, "GetObjectAcl"),
    ("GET", "GetObjectAnnotation", "annotation annotationName", _V, "GetObjectAnnotation"),
    ("GET", "GetObjectAttributes", "attributes", _V, "GetObject", "GetObjectAttributes"),
    ("GET", "GetObjectLegalHold", "legal-hold", _V, "GetObjectLegalHold"),
    ("GET", "GetObjectRetention", "retention", _V, "GetObjectRetention"),
    ("GET", "GetObjectTagging", "tagging", _V, "GetObjectTagging"),
    ("GET", "GetObjectTorrent", "torrent", "", "GetObjectTorrent"),
    ("GET", "ListObjectAnnotations", "annotation", _LIST_ANNOTATIONS, "ListObjectAnnotations"),
    ("GET", "ListParts", "uploadId", "max-parts part-number-marker", "ListMultipartUploadParts"),
    ("HEAD", "HeadObject", "", _READ, "GetObject"),
    ("OPTIONS", "PreflightObject", "", ""),
    ("POST", "CompleteMultipartUpload", "uploadId", "", "PutObject"),
    ("POST", "CreateMultipartUpload", "uploads", "", "PutObject"),
    ("POST", "RestoreObject", "restore", _V, "RestoreObject"),
    ("POST", "SelectObjectContent", "select select-type", "", "GetObject"),
    ("PUT", "CopyObject", "", "", "PutObject"),
    ("PUT", "PutObject", "", "", "PutObject"),
    ("PUT", "PutObjectAcl", "acl", _V, "PutObjectAcl"),
    ("PUT", "PutObjectAnnotation", "annotation annotationName", _V, "PutObjectAnnotation"),
    ("PUT", "PutObjectLegalHold", "legal-hold", _V, "PutObjectLegalHold"),
    ("PUT", "PutObjectRetention", "retention", _V, "PutObjectRetention"),
    ("PUT", "PutObjectTagging", "tagging", _V, "PutObjectTagging"),
    ("PUT", "RenameObject", "renameObject", "", "s3express:CreateSession"),
    ("PUT", "UpdateObjectEncryption", "encryption", _V, "PutObject", "UpdateObjectEncryption"),
    ("PUT", "UploadPart", "partNumber uploadId", "", "PutObject"),
    ("PUT", "UploadPartCopy", "partNumber uploadId", "", "PutObject"),
)


def _row(level: Level, method: str, name: str, markers: str, queries: str, *actions: str) -> Operation:
    scope = Scope.SERVICE if level is Level.SERVICE else _SCOPES.get(name, Scope.TARGET)
    full = ((action if ":" in action else f"s3:{action}", scope) for action in actions)
    return Operation(
        name=name,
        method=method,
        level=level,
        markers=frozenset(markers.split()),
        queries=frozenset(queries.split()),
        copies=name in _COPIES,
        treatment=SERVED.get(name, Treatment.REFUSE),
        actions=(*full, *((("s3:GetObject", Scope.SOURCE),) if name in _COPIES else ())),
    )


ROWS: tuple[Operation, ...] = (
    *(_row(Level.SERVICE, *row) for row in _SERVICE_ROWS),
    *(_row(Level.BUCKET, *row) for row in _BUCKET_ROWS),
    *(_row(Level.OBJECT, *row) for row in _OBJECT_ROWS),
)
