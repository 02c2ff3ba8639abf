"""Which operations that change a sub-resource a store carries out, by S3's names: a preset's `knows`.

Trying decides, or the store's own source or pages, and not what it answers to a read: SeaweedFS knows
GET ?website, and deletes the bucket on DELETE ?website.
"""


def _names(*groups: str) -> frozenset[str]:
    return frozenset(" ".join(groups).split())


_TAGS = "PutObjectTagging DeleteObjectTagging"
_BUCKET_TAGS = "PutBucketTagging DeleteBucketTagging"
_ACLS = "PutBucketAcl PutObjectAcl"
_LOCKS = "PutObjectLockConfiguration PutObjectRetention PutObjectLegalHold"
_CORS = "PutBucketCors DeleteBucketCors"
_LIFECYCLE = "PutBucketLifecycleConfiguration DeleteBucketLifecycle"
_POLICY = "PutBucketPolicy DeleteBucketPolicy"
_WEBSITE = "PutBucketWebsite DeleteBucketWebsite"
_OWNERSHIP = "PutBucketOwnershipControls DeleteBucketOwnershipControls"
_REPLICATION = "PutBucketReplication DeleteBucketReplication"
_VERSIONING = "PutBucketVersioning"
_NOTIFICATION = "PutBucketNotificationConfiguration"
_REPORTS = """
    DeleteBucketAnalyticsConfiguration DeleteBucketIntelligentTieringConfiguration
    DeleteBucketInventoryConfiguration DeleteBucketMetricsConfiguration PutBucketAnalyticsConfiguration
    PutBucketIntelligentTieringConfiguration PutBucketInventoryConfiguration PutBucketMetricsConfiguration
"""
_MORE_SETTINGS = """
    DeletePublicAccessBlock PutBucketAbac PutBucketAccelerateConfiguration PutBucketLogging
    PutBucketRequestPayment PutPublicAccessBlock RestoreObject
"""

# Its API reference: all that there are.
AWS = _names(
    *(_TAGS, _BUCKET_TAGS, _ACLS, _LOCKS, _CORS, _LIFECYCLE, _POLICY, _WEBSITE, _OWNERSHIP),
    *(_REPLICATION, _VERSIONING, _NOTIFICATION, _REPORTS, _MORE_SETTINGS),
)
# Its router (cmd/api-router.go): any other query name on a PUT makes a bucket or an object. Of ACLs it takes
# the private one alone.
MINIO = _names(
    *(_TAGS, _BUCKET_TAGS, _ACLS, _LOCKS, _LIFECYCLE, _POLICY, _REPLICATION, _VERSIONING, _NOTIFICATION)
)
# Its documentation ("Features Support", and the pages on bucket and object operations).
CEPH = _names(
    *(_TAGS, _BUCKET_TAGS, _ACLS, _LOCKS, _CORS, _LIFECYCLE, _POLICY, _WEBSITE, _VERSIONING, _NOTIFICATION),
    "PutBucketRequestPayment",
)
# Tried on 4.48: each was written and deleted, on a bucket and an object made for it. PUT with website,
# notification, logging, replication, accelerate, analytics, metrics, inventory, intelligent-tiering or abac
# made a bucket and kept nothing, and DELETE deleted the bucket; publicAccessBlock got 501, restore 405.
# Objects have ACLs, but x-amz-acl on a PUT is read past.
SEAWEEDFS = _names(
    *(_TAGS, _BUCKET_TAGS, _ACLS, _LOCKS, _CORS, _LIFECYCLE, _POLICY, _OWNERSHIP, _VERSIONING),
    "PutBucketRequestPayment",
)
# Its S3 gateway, tried on 1.4.2 in the same way: nearly all else gets 501, locks need a bucket that cannot be
# made, and DELETE with a word that it does not know deletes.
JUICEFS = _names(_TAGS, _BUCKET_TAGS, _POLICY)
# Its page on S3 compatibility.
GARAGE = _names(_CORS, _WEBSITE, _LIFECYCLE)
