"""What the gateway does with an operation, and with which: the operations table has the rest of each row."""

from enum import Enum, auto


class Treatment(Enum):
    """What the gateway does."""

    SEAL = auto()
    """The body is sealed on its way to the store."""
    SEAL_FORM = auto()
    """As SEAL, what a form's file holds."""
    OPEN = auto()
    """The store's body is opened on its way to the client."""
    HEAD = auto()
    """As OPEN, without a body: the envelope is read, sizes are the plaintext's."""
    ATTRIBUTES = auto()
    """Answered from the object's head and its index."""
    LIST_BUCKETS = auto()
    """Forwarded, or put together from several stores."""
    LIST = auto()
    """Forwarded; sizes in the answer become the plaintext's and reserved keys are left out."""
    CREATE_UPLOAD = auto()
    UPLOAD_PART = auto()
    """The body is sealed on its way to the store, as a part."""
    COMPLETE_UPLOAD = auto()
    ABORT_UPLOAD = auto()
    LIST_PARTS = auto()
    LIST_UPLOADS = auto()
    DELETE = auto()
    """Forwarded, a condition only where the store obeys it."""
    DELETE_BUCKET = auto()
    """Forwarded; the proxy's own state is no reason to refuse it."""
    DELETE_MANY = auto()
    """The body names keys, and each is decided for itself."""
    BUCKET_ENCRYPTION = auto()
    """Answered from what the proxy keeps of the bucket."""
    BUCKET_POLICY = auto()
    """Forwarded, but for the statements that are judged here."""
    UPDATE_ENCRYPTION = auto()
    """The object gets another envelope, by a copy onto itself."""
    COPY = auto()
    """The source's body gets another name: on the store with a new envelope, or through us."""
    COPY_PART = auto()
    """The source's plaintext is sealed as a part."""
    FORWARD = auto()
    """Sent on, re-signed, bodies as they are."""
    PREFLIGHT = auto()
    """A browser's question, which nobody signed: answered from the store's CORS rules."""
    REFUSE = auto()
    """NotImplemented, by name."""


# Who serves what today; all else is refused.
_FORWARDED = """
    CreateBucket DeleteBucketAnalyticsConfiguration DeleteBucketCors
    DeleteBucketIntelligentTieringConfiguration DeleteBucketInventoryConfiguration DeleteBucketLifecycle
    DeleteBucketMetricsConfiguration DeleteBucketOwnershipControls DeleteBucketReplication
    DeleteBucketTagging DeleteBucketWebsite DeleteObjectTagging DeletePublicAccessBlock GetBucketAbac
    GetBucketAccelerateConfiguration GetBucketAcl GetBucketAnalyticsConfiguration GetBucketCors
    GetBucketIntelligentTieringConfiguration GetBucketInventoryConfiguration
    GetBucketLifecycleConfiguration GetBucketLocation GetBucketLogging GetBucketMetricsConfiguration
    GetBucketNotificationConfiguration GetBucketOwnershipControls GetBucketPolicyStatus
    GetBucketReplication GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite
    GetObjectAcl GetObjectLegalHold GetObjectLockConfiguration GetObjectRetention GetObjectTagging
    GetPublicAccessBlock HeadBucket ListBucketAnalyticsConfigurations
    ListBucketIntelligentTieringConfigurations ListBucketInventoryConfigurations
    ListBucketMetricsConfigurations PutBucketAbac PutBucketAccelerateConfiguration PutBucketAcl
    PutBucketAnalyticsConfiguration PutBucketCors PutBucketIntelligentTieringConfiguration
    PutBucketInventoryConfiguration PutBucketLifecycleConfiguration PutBucketLogging
    PutBucketMetricsConfiguration PutBucketNotificationConfiguration PutBucketOwnershipControls
    PutBucketReplication PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite
    PutObjectAcl PutObjectLegalHold PutObjectLockConfiguration PutObjectRetention PutObjectTagging
    PutPublicAccessBlock RestoreObject
"""
SERVED = {
    **dict.fromkeys(_FORWARDED.split(), Treatment.FORWARD),
    "DeleteBucketPolicy": Treatment.BUCKET_POLICY,
    "GetBucketPolicy": Treatment.BUCKET_POLICY,
    "PutBucketPolicy": Treatment.BUCKET_POLICY,
    "DeleteBucketEncryption": Treatment.BUCKET_ENCRYPTION,
    "GetBucketEncryption": Treatment.BUCKET_ENCRYPTION,
    "PutBucketEncryption": Treatment.BUCKET_ENCRYPTION,
    "DeleteObject": Treatment.DELETE,
    "CopyObject": Treatment.COPY,
    "UpdateObjectEncryption": Treatment.UPDATE_ENCRYPTION,
    "AbortMultipartUpload": Treatment.ABORT_UPLOAD,
    "CompleteMultipartUpload": Treatment.COMPLETE_UPLOAD,
    "CreateMultipartUpload": Treatment.CREATE_UPLOAD,
    "ListMultipartUploads": Treatment.LIST_UPLOADS,
    "ListParts": Treatment.LIST_PARTS,
    "UploadPart": Treatment.UPLOAD_PART,
    "UploadPartCopy": Treatment.COPY_PART,
    "DeleteBucket": Treatment.DELETE_BUCKET,
    "DeleteObjects": Treatment.DELETE_MANY,
    "GetObject": Treatment.OPEN,
    "GetObjectAttributes": Treatment.ATTRIBUTES,
    "HeadObject": Treatment.HEAD,
    "ListBuckets": Treatment.LIST_BUCKETS,
    "ListObjectVersions": Treatment.LIST,
    "ListObjects": Treatment.LIST,
    "ListObjectsV2": Treatment.LIST,
    "PostObject": Treatment.SEAL_FORM,
    "PreflightBucket": Treatment.PREFLIGHT,
    "PreflightObject": Treatment.PREFLIGHT,
    "PutObject": Treatment.SEAL,
}
