"""Headers (by their beginning) that do more than their operation's name says, as tables.

Each asks for an action of its own to be allowed, and for a store that has the operation which does the same.
"""

BYPASS_HEADER = "x-amz-bypass-governance-retention"
BYPASS_ACTION = "s3:BypassGovernanceRetention"
_WRITE_HEADERS = (
    ("x-amz-acl", "s3:PutObjectAcl"),
    ("x-amz-grant-", "s3:PutObjectAcl"),
    ("x-amz-tagging", "s3:PutObjectTagging"),
    ("x-amz-object-lock-mode", "s3:PutObjectRetention"),
    ("x-amz-object-lock-retain-until-date", "s3:PutObjectRetention"),
    ("x-amz-object-lock-legal-hold", "s3:PutObjectLegalHold"),
    ("x-amz-object-lock-event-hold", "s3:PutObjectLegalHold"),
)
# Headers (by their beginning) that do more than their operation's name says.
HEADER_PERMISSIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "PutObject": _WRITE_HEADERS,
    "PostObject": _WRITE_HEADERS,
    "CopyObject": _WRITE_HEADERS,
    "CreateMultipartUpload": _WRITE_HEADERS,
    "DeleteObject": ((BYPASS_HEADER, BYPASS_ACTION),),
    "PutObjectRetention": ((BYPASS_HEADER, BYPASS_ACTION),),
    "CreateBucket": (
        ("x-amz-acl", "s3:PutBucketAcl"),
        ("x-amz-grant-", "s3:PutBucketAcl"),
        ("x-amz-object-ownership", "s3:PutBucketOwnershipControls"),
        ("x-amz-bucket-object-lock-enabled", "s3:PutBucketObjectLockConfiguration"),
        ("x-amz-bucket-object-lock-enabled", "s3:PutBucketVersioning"),
    ),
}

# Headers (by their beginning) that do what an operation of a sub-resource does: a store that does not know
# the one does not know the other, and would drop the wish in silence.
_WRITE_WISHES = (
    ("x-amz-acl", "PutObjectAcl"),
    ("x-amz-grant-", "PutObjectAcl"),
    ("x-amz-tagging", "PutObjectTagging"),
    ("x-amz-object-lock-mode", "PutObjectRetention"),
    ("x-amz-object-lock-retain-until-date", "PutObjectRetention"),
    ("x-amz-object-lock-legal-hold", "PutObjectLegalHold"),
    ("x-amz-object-lock-event-hold", "PutObjectLegalHold"),
)
HEADER_WISHES: dict[str, tuple[tuple[str, str], ...]] = {
    "PutObject": _WRITE_WISHES,
    "PostObject": _WRITE_WISHES,
    "CopyObject": _WRITE_WISHES,
    "CreateMultipartUpload": _WRITE_WISHES,
    "CreateBucket": (
        ("x-amz-acl", "PutBucketAcl"),
        ("x-amz-grant-", "PutBucketAcl"),
        ("x-amz-object-ownership", "PutBucketOwnershipControls"),
        ("x-amz-bucket-object-lock-enabled", "PutObjectLockConfiguration"),
    ),
}
