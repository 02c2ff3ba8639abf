"""What identities may do on the S3 side, row by row, with AWS's page for each answer."""
# ruff: noqa: E501 -- a row is best read as one line

from collections.abc import Mapping, Sequence
from datetime import timedelta

from tests.gateway.asking import ALICE, Asked
from tests.policy.judged import allow, deny

PAGE = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"
GLOBAL = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"
SIGV4 = "https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html"
TAGGING = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-and-policies.html"
LOCK = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html"

ALL = allow("s3:*")
OBJECTS = "arn:aws:s3:::bucket/*"
COPY = {"x-amz-copy-source": "from/it"}
SSE = "s3:x-amz-server-side-encryption"
KMS = {"x-amz-server-side-encryption": "aws:kms"}
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234"
ONLY_KMS = [ALL, deny("s3:PutObject", Condition={"StringNotEquals": {SSE: "aws:kms"}})]
ONLY_THAT_KEY = [ALL, deny("s3:PutObject", Condition={"ArnNotEquals": {f"{SSE}-aws-kms-key-id": KEY}})]
NO_SSE_C = [ALL, deny("s3:PutObject", Condition={"Null": {f"{SSE}-customer-algorithm": "false"}})]
WITHOUT_COPIES = [ALL, deny("s3:PutObject", Condition={"Null": {"s3:x-amz-copy-source": "false"}})]
FROM_HOME = allow("s3:*", Condition={"StringLike": {"s3:x-amz-copy-source": "from/*"}})
PRIVATE = [ALL, deny("s3:PutObject", Condition={"StringNotEqualsIfExists": {"s3:x-amz-acl": "private"}})]
HOME = allow("s3:ListBucket", Condition={"StringLike": {"s3:prefix": "home/${aws:username}/*"}})
FEW = allow("s3:ListBucket", Condition={"NumericLessThanEquals": {"s3:max-keys": "10"}})
SLASH = allow("s3:ListBucket", Condition={"StringEquals": {"s3:delimiter": "/"}})
TAGGED = allow("s3:PutObject*", Condition={"StringEquals": {"s3:RequestObjectTag/Project": "X"}})
KNOWN_TAGS = allow(
    "s3:PutObject*", Condition={"ForAllValues:StringLike": {"s3:RequestObjectTagKeys": ["Owner", "Project"]}}
)
SHORT_LOCK = [
    ALL,
    deny("s3:PutObject", Condition={"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}}),
]
UNTIL = "x-amz-object-lock-retain-until-date"
CONDITIONAL = [
    ALL,
    deny(
        "s3:PutObject",
        Condition={"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
    ),
]


def when(**conditions: object) -> list[object]:
    """Everything, under a condition on one key: operator__x is `x` below."""
    [(operator, block)] = conditions.items()
    return [allow("s3:*", Condition={operator: block})]


# page, what alice is allowed, the request, whether it is allowed
ROWS: list[tuple[str, Sequence[object], Asked, bool]] = [
    # Nothing is allowed that no statement allows.
    (GLOBAL, [], Asked(), False),
    (GLOBAL, [ALL], Asked(), True),
    (GLOBAL, [allow("kms:*")], Asked(), False),
    (GLOBAL, [ALL, deny("s3:GetObject")], Asked(), False),
    (f"{PAGE}#amazons3-GetObject", [allow("s3:GetObject", OBJECTS)], Asked(), True),
    (f"{PAGE}#amazons3-GetObject", [allow("s3:GetObject", OBJECTS)], Asked(target="/other/key"), False),
    (f"{PAGE}#amazons3-GetObject", [allow("s3:GetObject", OBJECTS)], Asked(method="HEAD"), True),
    (f"{PAGE}#amazons3-GetObject", [allow("s3:GetObject", OBJECTS)], Asked(target="/bucket/key?acl"), False),
    (f"{PAGE}#amazons3-GetObject", [allow("s3:GetObject")], Asked(target="/bucket/key?versionId=1"), False),
    (f"{PAGE}#amazons3-GetObject", [allow("s3:GetObject", OBJECTS)], Asked(target="/bucket"), False),
    (f"{PAGE}#amazons3-GetObjectVersion", [allow("s3:GetObjectVersion")], Asked(), False),
    (
        f"{PAGE}#amazons3-GetObjectVersion",
        [allow("s3:GetObjectVersion", Condition={"StringEquals": {"s3:versionid": "1"}})],
        Asked(target="/bucket/key?versionId=1"),
        True,
    ),
    (
        f"{PAGE}#amazons3-GetObjectVersion",
        [allow("s3:GetObjectVersion", Condition={"StringEquals": {"s3:VersionId": "1"}})],
        Asked(target="/bucket/key?versionId=2"),
        False,
    ),
    (f"{PAGE}#amazons3-ListAllMyBuckets", [allow("s3:ListAllMyBuckets")], Asked(target="/"), True),
    (f"{PAGE}#amazons3-ListAllMyBuckets", [allow("s3:*", "arn:aws:s3:::*")], Asked(target="/"), False),
    (f"{PAGE}#amazons3-ListAllMyBuckets", [allow("s3:ListBucket")], Asked(target="/"), False),
    # A name is judged as the store keeps it.
    (f"{PAGE}#amazons3-GetObject", [allow(resource="arn:aws:s3:::bucket/k e/y")], Asked(target="/bucket/k%20e/y"), True),
    (f"{PAGE}#amazons3-GetObject", [allow(resource="arn:aws:s3:::bucket/é")], Asked(target="/bucket/%C3%A9"), True),
    (f"{PAGE}#amazons3-GetObject", [allow(resource="arn:aws:s3:::bucket/*")], Asked(target="/bucket2/key"), False),
    # Lists.
    (f"{PAGE}#amazons3-ListBucket", [HOME], Asked(target="/bucket?prefix=home/alice/x"), True),
    (f"{PAGE}#amazons3-ListBucket", [HOME], Asked(target="/bucket?list-type=2&prefix=home%2Falice%2Fx"), True),
    (f"{PAGE}#amazons3-ListBucket", [HOME], Asked(target="/bucket?prefix=home/bob/"), False),
    (f"{PAGE}#amazons3-ListBucket", [HOME], Asked(target="/bucket"), False),
    (f"{PAGE}#amazons3-ListBucket", [HOME], Asked(method="HEAD", target="/bucket"), False),
    (f"{PAGE}#amazons3-ListBucket", [FEW], Asked(target="/bucket?max-keys=10"), True),
    (f"{PAGE}#amazons3-ListBucket", [FEW], Asked(target="/bucket?max-keys=11"), False),
    (f"{PAGE}#amazons3-ListBucket", [FEW], Asked(target="/bucket"), False),
    (f"{PAGE}#amazons3-ListBucket", [SLASH], Asked(target="/bucket?delimiter=%2F"), True),
    (f"{PAGE}#amazons3-ListBucket", [SLASH], Asked(target="/bucket?delimiter=-"), False),
    (f"{PAGE}#amazons3-ListBucketVersions", [HOME], Asked(target="/bucket?versions&prefix=home/alice/"), False),
    (
        f"{PAGE}#amazons3-ListBucketVersions",
        [allow("s3:ListBucketVersions", Condition={"StringEquals": {"s3:prefix": "a"}})],
        Asked(target="/bucket?versions&prefix=a"),
        True,
    ),
    (
        f"{PAGE}#amazons3-ListBucketMultipartUploads",
        [allow("s3:ListBucketMultipartUploads", Condition={"StringEquals": {"s3:prefix": "a"}})],
        Asked(target="/bucket?uploads&prefix=a"),
        False,  # the reference gives this action no s3:prefix
    ),
    # Encryption.
    (f"{PAGE}#amazons3-PutObject", ONLY_KMS, Asked(method="PUT", headers=KMS), True),
    (f"{PAGE}#amazons3-PutObject", ONLY_KMS, Asked(method="PUT"), False),
    (f"{PAGE}#amazons3-PutObject", ONLY_KMS, Asked(method="PUT", headers={SSE[3:]: "AES256"}), False),
    (f"{PAGE}#amazons3-PutObject", ONLY_KMS, Asked(), True),
    (f"{PAGE}#amazons3-PutObject", ONLY_KMS, Asked(method="POST", target="/bucket/key?uploads", headers=KMS), True),
    (f"{PAGE}#amazons3-PutObject", ONLY_KMS, Asked(method="POST", target="/bucket/key?uploads"), False),
    (
        f"{PAGE}#amazons3-PutObject",
        ONLY_THAT_KEY,
        Asked(method="PUT", headers=KMS | {f"{SSE[3:]}-aws-kms-key-id": KEY}),
        True,
    ),
    (
        f"{PAGE}#amazons3-PutObject",
        ONLY_THAT_KEY,
        Asked(method="PUT", headers=KMS | {f"{SSE[3:]}-aws-kms-key-id": KEY + "5"}),
        False,
    ),
    (f"{PAGE}#amazons3-PutObject", ONLY_THAT_KEY, Asked(method="PUT", headers=KMS), False),
    (
        f"{PAGE}#amazons3-PutObject",
        NO_SSE_C,
        Asked(method="PUT", headers={f"{SSE[3:]}-customer-algorithm": "AES256"}),
        False,
    ),
    (f"{PAGE}#amazons3-PutObject", NO_SSE_C, Asked(method="PUT"), True),
    # Copies: the source is read by this identity, too, and knows nothing of headers about the target.
    (f"{PAGE}#amazons3-PutObject", [allow("s3:PutObject", OBJECTS)], Asked(method="PUT", headers=COPY), False),
    (
        f"{PAGE}#amazons3-GetObject",
        [allow("s3:PutObject", OBJECTS), allow("s3:GetObject", "arn:aws:s3:::from/*")],
        Asked(method="PUT", headers=COPY),
        True,
    ),
    (
        f"{PAGE}#amazons3-GetObject",
        [allow("s3:PutObject", OBJECTS), allow("s3:GetObject", "arn:aws:s3:::from/*")],
        Asked(method="PUT", headers={"x-amz-copy-source": "/from/it?versionId=7"}),
        False,
    ),
    (
        f"{PAGE}#amazons3-GetObject",
        [allow("s3:PutObject"), allow("s3:GetObject", "arn:aws:s3:::from/a/it")],
        Asked(method="PUT", target="/bucket/key?partNumber=1&uploadId=u", headers={"x-amz-copy-source": "from/a//it"}),
        True,
    ),
    (f"{PAGE}#amazons3-PutObject", WITHOUT_COPIES, Asked(method="PUT", headers=COPY), False),
    (f"{PAGE}#amazons3-PutObject", WITHOUT_COPIES, Asked(method="PUT"), True),
    (f"{PAGE}#amazons3-GetObject", [FROM_HOME], Asked(method="PUT", headers=COPY), False),
    (f"{PAGE}#amazons3-PutObject", [FROM_HOME, allow()], Asked(method="PUT", headers=COPY), True),
    (
        f"{PAGE}#amazons3-PutObject",
        [
            allow(),
            allow("s3:PutObject", Condition={"StringEquals": {"s3:x-amz-metadata-directive": "COPY"}}),
        ],
        Asked(method="PUT", headers=COPY | {"x-amz-metadata-directive": "REPLACE"}),
        False,
    ),
    # Headers that need actions of their own, and what they say.
    (f"{PAGE}#amazons3-PutObjectAcl", [allow("s3:PutObject")], Asked(method="PUT", headers={"x-amz-acl": "private"}), False),
    (f"{PAGE}#amazons3-PutObjectAcl", PRIVATE, Asked(method="PUT", headers={"x-amz-acl": "private"}), True),
    (f"{PAGE}#amazons3-PutObjectAcl", PRIVATE, Asked(method="PUT", headers={"x-amz-acl": "public-read"}), False),
    (f"{PAGE}#amazons3-PutObjectAcl", PRIVATE, Asked(method="PUT"), False),  # absent counts as not equal
    (
        f"{PAGE}#amazons3-PutObject",
        [ALL, deny("s3:PutObject", Condition={"StringEquals": {"s3:x-amz-storage-class": "GLACIER"}})],
        Asked(method="PUT", headers={"x-amz-storage-class": "GLACIER"}),
        False,
    ),
    (f"{PAGE}#amazons3-PutObjectTagging", [allow("s3:PutObject")], Asked(method="PUT", headers={"x-amz-tagging": "a=b"}), False),
    (TAGGING, [TAGGED], Asked(method="PUT", headers={"x-amz-tagging": "Project=X"}), True),
    (TAGGING, [TAGGED], Asked(method="PUT", headers={"x-amz-tagging": "project=X&b=c"}), True),
    (TAGGING, [TAGGED], Asked(method="PUT", headers={"x-amz-tagging": "Project=Y"}), False),
    (TAGGING, [TAGGED], Asked(method="PUT"), False),
    (TAGGING, [KNOWN_TAGS], Asked(method="PUT", headers={"x-amz-tagging": "Owner=a&Project=%C3%A9"}), True),
    (TAGGING, [KNOWN_TAGS], Asked(method="PUT", headers={"x-amz-tagging": "Owner=a&Other=b"}), False),
    (LOCK, SHORT_LOCK, Asked(method="PUT", headers={UNTIL: "2026-05-11T12:00:00Z"}), True),
    (LOCK, SHORT_LOCK, Asked(method="PUT", headers={UNTIL: "2026-05-11T12:00:01Z"}), False),
    (LOCK, SHORT_LOCK, Asked(method="PUT"), True),
    (
        f"{PAGE}#amazons3-PutObjectRetention",
        [allow("s3:PutObject")],
        Asked(method="PUT", headers={"x-amz-object-lock-mode": "GOVERNANCE"}),
        False,
    ),
    (
        f"{PAGE}#amazons3-BypassGovernanceRetention",
        [allow("s3:DeleteObject")],
        Asked(method="DELETE", headers={"x-amz-bypass-governance-retention": "true"}),
        False,
    ),
    # Conditional writes.
    (f"{PAGE}#amazons3-PutObject", CONDITIONAL, Asked(method="PUT"), False),
    (f"{PAGE}#amazons3-PutObject", CONDITIONAL, Asked(method="PUT", headers={"if-none-match": "*"}), True),
    (f"{PAGE}#amazons3-PutObject", CONDITIONAL, Asked(method="PUT", target="/bucket/key?partNumber=1&uploadId=u"), True),
    (f"{PAGE}#amazons3-PutObject", CONDITIONAL, Asked(method="POST", target="/bucket/key?uploads"), True),
    (f"{PAGE}#amazons3-PutObject", CONDITIONAL, Asked(method="POST", target="/bucket/key?uploadId=u"), False),
    (
        f"{PAGE}#amazons3-DeleteObject",
        [allow("s3:DeleteObject", Condition={"StringEquals": {"s3:if-match": "x"}})],
        Asked(method="DELETE", headers={"if-match": "x"}),
        True,
    ),
    # How the request came.
    (SIGV4, when(StringEquals={"s3:authType": "REST-HEADER"}), Asked(), True),
    (SIGV4, when(StringEquals={"s3:authType": "REST-HEADER"}), Asked(presigned_for=timedelta(0)), False),
    (SIGV4, when(StringEquals={"s3:authType": "REST-QUERY-STRING"}), Asked(presigned_for=timedelta(0)), True),
    (SIGV4, when(StringEquals={"s3:authType": "POST"}), Asked(method="POST", target="/bucket"), True),
    (SIGV4, when(StringEquals={"s3:authType": "REST-HEADER"}), Asked(signed=False), False),
    (SIGV4, when(StringEquals={"s3:signatureversion": "AWS4-HMAC-SHA256"}), Asked(), True),
    (SIGV4, when(StringEquals={"s3:signatureversion": "AWS"}), Asked(), False),
    (
        SIGV4,
        [ALL, deny("s3:*", Condition={"NumericGreaterThan": {"s3:signatureAge": "600000"}})],
        Asked(presigned_for=timedelta(minutes=10)),
        True,
    ),
    (
        SIGV4,
        [ALL, deny("s3:*", Condition={"NumericGreaterThan": {"s3:signatureAge": "600000"}})],
        Asked(presigned_for=timedelta(minutes=10, milliseconds=1)),
        False,
    ),
    (SIGV4, when(NumericLessThan={"s3:signatureAge": "600000"}), Asked(), False),
    (
        SIGV4,
        [ALL, deny("s3:*", Condition={"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}})],
        Asked(headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}),
        False,
    ),
    (
        SIGV4,
        [ALL, deny("s3:*", Condition={"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}})],
        Asked(presigned_for=timedelta(0)),
        False,
    ),
    (
        SIGV4,
        [ALL, deny("s3:*", Condition={"StringEquals": {"s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD"}})],
        Asked(headers={"x-amz-content-sha256": "ab" * 32}),
        True,
    ),
    (f"{PAGE}#amazons3-policy-keys", when(NumericLessThan={"s3:TlsVersion": "1.3"}), Asked(secure=True, tls_version="1.2"), True),
    (f"{PAGE}#amazons3-policy-keys", when(NumericLessThan={"s3:TlsVersion": "1.3"}), Asked(secure=True, tls_version="1.3"), False),
    (f"{PAGE}#amazons3-policy-keys", when(NumericLessThan={"s3:TlsVersion": "1.3"}), Asked(), False),
    (GLOBAL, when(IpAddress={"aws:SourceIp": "10.0.0.0/8"}), Asked(), True),
    (GLOBAL, when(IpAddress={"aws:SourceIp": "10.0.0.0/8"}), Asked(source_ip="11.1.2.3"), False),
    (GLOBAL, when(NotIpAddress={"aws:SourceIp": "10.0.0.0/8"}), Asked(source_ip="2001:db8::1"), True),
    (GLOBAL, when(Bool={"aws:SecureTransport": "true"}), Asked(secure=True), True),
    (GLOBAL, when(Bool={"aws:SecureTransport": "true"}), Asked(), False),
    (GLOBAL, when(StringLike={"aws:UserAgent": "aws-cli/*"}), Asked(headers={"user-agent": "aws-cli/2"}), True),
    (GLOBAL, when(StringLike={"aws:UserAgent": "aws-cli/*"}), Asked(), False),
    (GLOBAL, when(StringLike={"aws:Referer": "https://a/*"}), Asked(headers={"referer": "https://a/b"}), True),
    (GLOBAL, when(StringLike={"aws:Referer": "https://a/*"}), Asked(headers={"referer": "https://b/b"}), False),
    (GLOBAL, when(DateLessThan={"aws:CurrentTime": "2026-05-01T12:00:01Z"}), Asked(), True),
    (GLOBAL, when(DateLessThan={"aws:CurrentTime": "2026-05-01T12:00:00Z"}), Asked(), False),
    (GLOBAL, when(NumericEquals={"aws:EpochTime": "1777636800"}), Asked(), True),
    (GLOBAL, when(DateEquals={"aws:EpochTime": "2026-05-01T12:00:00Z"}), Asked(), True),
    (GLOBAL, when(ArnEquals={"aws:PrincipalArn": ALICE}), Asked(), True),
    (GLOBAL, when(ArnLike={"aws:PrincipalArn": "arn:aws:iam::*:user/bob"}), Asked(), False),
    (GLOBAL, when(StringEquals={"aws:PrincipalAccount": "111122223333"}), Asked(), True),
    (GLOBAL, when(StringEquals={"aws:PrincipalTag/Team": "red"}), Asked(), True),
    (GLOBAL, when(StringEquals={"aws:PrincipalTag/Team": "blue"}), Asked(), False),
    (GLOBAL, when(Null={"aws:PrincipalTag/Other": "true"}), Asked(), True),
    (GLOBAL, when(StringEquals={"aws:PrincipalType": "User"}), Asked(), True),
    (GLOBAL, when(StringEquals={"aws:username": "alice"}), Asked(), True),
    (GLOBAL, when(Null={"aws:username": "true"}), Asked(arn="arn:aws:iam::111122223333:role/reader"), True),
    (GLOBAL, when(StringEquals={"aws:RequestedRegion": "eu-central-1"}), Asked(), True),
    (GLOBAL, when(Bool={"aws:ViaAWSService": "false"}), Asked(), True),
    (GLOBAL, when(BoolIfExists={"aws:MultiFactorAuthPresent": "true"}), Asked(), True),
    (GLOBAL, when(Bool={"aws:MultiFactorAuthPresent": "true"}), Asked(), False),
    (GLOBAL, when(Null={"aws:TokenIssueTime": "true"}), Asked(), True),
    (GLOBAL, [allow(resource="arn:aws:s3:::bucket/${aws:PrincipalTag/team}")], Asked(target="/bucket/red"), True),
    (GLOBAL, [allow(resource="arn:aws:s3:::bucket/${aws:PrincipalTag/team}")], Asked(target="/bucket/blue"), False),
    (GLOBAL, [allow(resource="arn:aws:s3:::bucket/${aws:username}/*")], Asked(target="/bucket/alice/x"), True),
    (GLOBAL, [allow(resource="arn:aws:s3:::bucket/${aws:username}/*")], Asked(target="/bucket/bob/x"), False),
]  # fmt: skip

TAG_SET = b"<Tagging><TagSet><Tag><Key>Project</Key><Value>%s</Value></Tag></TagSet></Tagging>"
RETAINED = b"<Retention><Mode>%s</Mode><RetainUntilDate>2026-05-20T12:00:00Z</RetainUntilDate></Retention>"
IN = b"<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>"
HOLD = b"<LegalHold><Status>%s</Status></LegalHold>"
UNDER = b"<ObjectEncryption><SSE-KMS><KMSKeyArn>%s</KMSKeyArn></SSE-KMS></ObjectEncryption>"

# What of the reference it is, target, the condition, and the body that is allowed or not.
DOCUMENTS: list[tuple[str, str, Mapping[str, object], bytes, bool]] = [
    ("PutObjectTagging", "/bucket/key?tagging", {"s3:RequestObjectTag/Project": "X"}, TAG_SET % b"X", True),
    ("PutObjectTagging", "/bucket/key?tagging", {"s3:RequestObjectTag/Project": "X"}, TAG_SET % b"Y", False),
    ("PutObjectTagging", "/bucket/key?tagging", {"s3:RequestObjectTagKeys": "Project"}, TAG_SET % b"Y", True),
    ("PutObjectRetention", "/bucket/key?retention", {"s3:object-lock-mode": "GOVERNANCE"}, RETAINED % b"GOVERNANCE", True),
    ("PutObjectRetention", "/bucket/key?retention", {"s3:object-lock-mode": "GOVERNANCE"}, RETAINED % b"COMPLIANCE", False),
    ("PutObjectRetention", "/bucket/key?retention", {"s3:object-lock-remaining-retention-days": "19"}, RETAINED % b"X", True),
    ("PutObjectLegalHold", "/bucket/key?legal-hold", {"s3:object-lock-legal-hold": "OFF"}, HOLD % b"OFF", True),
    ("PutObjectLegalHold", "/bucket/key?legal-hold", {"s3:object-lock-legal-hold": "OFF"}, HOLD % b"ON", False),
    ("CreateBucket", "/bucket", {"s3:locationconstraint": "eu-west-1"}, IN % b"eu-west-1", True),
    ("CreateBucket", "/bucket", {"s3:locationconstraint": "eu-west-1"}, IN % b"eu-west-2", False),
    ("CreateBucket", "/bucket", {"s3:locationconstraint": "eu-west-1"}, b"", False),
    ("*", "/bucket/key?encryption", {f"{SSE}-aws-kms-key-id": KEY}, UNDER % KEY.encode(), True),  # s3:PutObject sees the new key, too
    ("UpdateObjectEncryption", "/bucket/key?encryption", {f"{SSE}-aws-kms-key-id": KEY}, UNDER % b"arn", False),
]  # fmt: skip
