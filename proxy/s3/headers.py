"""Headers on their way to the store and back, as tables.

Only what a table names passes. On a write, a header of S3's that no table names is refused by name, and so is
one that may be a kin of theirs, so that nothing a client asks for is dropped in silence. Any other `x-amz-`
header means nothing to S3 and stays here, as all of them do on reads and on bucket operations. Transport,
signature, checksum and encryption headers are ours to read, never the store's.
"""

from collections.abc import Mapping

from proxy.s3.errors import S3Error
from proxy.s3.header_wishes import BYPASS_HEADER
from proxy.s3.request import S3Request

META = "x-amz-meta-"
ENVELOPE = "x-amz-meta-sealgate"
# Amazon's "Working with object metadata": the sum of names and values, without the prefix.
MAX_METADATA_BYTES = 2048

# Origin: the store tells a browser by its CORS rules whether it may read the answer.
_ALWAYS = frozenset({"origin", "x-amz-expected-bucket-owner", "x-amz-request-payer"})
_ACL = frozenset(
    {
        "x-amz-acl",
        "x-amz-grant-full-control",
        "x-amz-grant-read",
        "x-amz-grant-read-acp",
        "x-amz-grant-write",
        "x-amz-grant-write-acp",
    }
)
_READ = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"})
# Content-Encoding is kept too, by `_content_encoding`.
_CONTENT = frozenset({"cache-control", "content-disposition", "content-language", "content-type", "expires"})
_WRITE = _CONTENT | frozenset(
    {
        "if-match",
        "if-none-match",
        "x-amz-object-lock-legal-hold",
        "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date",
        "x-amz-storage-class",
        "x-amz-tagging",
        "x-amz-website-redirect-location",
    }
    | _ACL
)
# The source and its conditions are not the client's to word: the gateway binds the copy to what it looked at.
_COPY = _WRITE
_LIST = frozenset({"x-amz-optional-object-attributes"})
_DELETE = frozenset({"if-match", "x-amz-mfa", BYPASS_HEADER})
_CREATE_BUCKET = frozenset(
    {
        "content-type",
        "x-amz-bucket-namespace",
        "x-amz-bucket-object-lock-enabled",
        "x-amz-object-ownership",
    }
    | _ACL
)
# The conditions of an upload are its Complete's.
_UPLOAD = _WRITE - {"if-match", "if-none-match"}
_LEAST_SIZE = "x-amz-transition-default-minimum-object-size"
_LOCKED_BUCKET = "x-amz-bucket-object-lock-token"
# Operation -> what goes to the store. A body is the gateway's to describe (length, type, digest).
_TO_STORE: dict[str, frozenset[str]] = {
    "CopyObject": _ALWAYS | _COPY,
    "CompleteMultipartUpload": _ALWAYS | {"if-match", "if-none-match"},
    "CreateBucket": _ALWAYS | _CREATE_BUCKET,
    "CreateMultipartUpload": _ALWAYS | _UPLOAD,
    "DeleteObject": _ALWAYS | _DELETE,
    "DeleteObjects": _ALWAYS | {"x-amz-mfa", BYPASS_HEADER},
    "GetObject": _ALWAYS | _READ,
    "HeadObject": _ALWAYS | _READ,
    "ListObjectVersions": _ALWAYS | _LIST,
    "ListObjects": _ALWAYS | _LIST,
    "ListObjectsV2": _ALWAYS | _LIST,
    "PutBucketAcl": _ALWAYS | _ACL | {"content-type"},
    "PutBucketLifecycleConfiguration": _ALWAYS | {"content-type", _LEAST_SIZE},
    "PutBucketNotificationConfiguration": _ALWAYS | {"content-type", "x-amz-skip-destination-validation"},
    "PutBucketPolicy": _ALWAYS | {"content-type", "x-amz-confirm-remove-self-bucket-access"},
    "PutBucketReplication": _ALWAYS | {"content-type", _LOCKED_BUCKET},
    "PutBucketVersioning": _ALWAYS | {"content-type", "x-amz-mfa"},
    "PutObject": _ALWAYS | _WRITE,
    "PutObjectAcl": _ALWAYS | _ACL | {"content-type"},
    "PutObjectLockConfiguration": _ALWAYS | {"content-type", _LOCKED_BUCKET},
    "PutObjectRetention": _ALWAYS | {"content-type", BYPASS_HEADER},
}
_WRITES = frozenset({"CopyObject", "CreateMultipartUpload", "PutObject"})
_OTHERWISE = _ALWAYS | {"content-type"}
# What a write may carry for us to read. By beginning.
_OURS = (
    "x-amz-api-version",  # AWS's SDK for C++, and so pyarrow: S3 has had one version since 2006
    "x-amz-checksum-",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-metadata-directive",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-server-side-encryption",
    "x-amz-source-expected-bucket-owner",
    "x-amz-tagging-directive",
    "x-amz-trailer",
    "x-amz-user-agent",
)
# All that S3 has a meaning for, and room for its kin to come: what we do not know of these may ask for what
# would weaken an object if it were lost in silence. By beginning.
_MEANT = (
    "x-amz-acl",
    "x-amz-bucket-",
    "x-amz-bypass-",
    "x-amz-checksum-",
    "x-amz-client-token",
    "x-amz-confirm-",
    "x-amz-copy-source",
    "x-amz-create-session-",
    "x-amz-decoded-",
    "x-amz-expected-",
    "x-amz-fwd-",
    "x-amz-grant-",
    "x-amz-if-",
    "x-amz-max-parts",
    "x-amz-meta",
    "x-amz-mfa",
    "x-amz-mp-",
    "x-amz-object-",
    "x-amz-optional-",
    "x-amz-part-",
    "x-amz-rename-",
    "x-amz-request-",
    "x-amz-sdk-",
    "x-amz-server-side-",
    "x-amz-skip-",
    "x-amz-source-",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-trailer",
    "x-amz-transition-",
    "x-amz-website-",
    "x-amz-write-",
)
# What a browser asks for, and what an error of a versioned object tells beside its document.
_OF_ERRORS = frozenset(
    {
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
        "vary",
        "x-amz-delete-marker",
        "x-amz-version-id",
    }
)
_TO_CLIENT = _OF_ERRORS | frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "etag",
        "expires",
        "last-modified",
        "location",
        "retry-after",
        "x-amz-abort-date",
        "x-amz-abort-rule-id",
        "x-amz-access-point-alias",
        "x-amz-bucket-arn",
        "x-amz-bucket-location-name",
        "x-amz-bucket-location-type",
        "x-amz-bucket-region",
        "x-amz-expiration",
        "x-amz-missing-meta",
        "x-amz-object-lock-legal-hold",
        "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date",
        "x-amz-replication-status",
        "x-amz-request-charged",
        "x-amz-restore",
        "x-amz-restore-output-path",
        "x-amz-storage-class",
        "x-amz-tagging-count",
        _LEAST_SIZE,
        "x-amz-website-redirect-location",
    }
)
# Query name -> the response header that it sets.
_OVERRIDES = {
    f"response-{name}": name
    for name in (
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    )
}


def store_headers(operation: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The client's headers that go to the store with the operation of that name.

    Raises S3Error: on writes of objects NotImplemented for what is not served (by name), InvalidArgument for
    a client's own envelope.
    """
    kept_names = _TO_STORE.get(operation, _OTHERWISE)
    kept = {name: value for name, value in headers.items() if name in kept_names}
    if operation in _WRITES:
        kept |= _metadata(headers) | _content_encoding(headers)
        _refuse_unknown(headers, kept)
    return kept


def client_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The store's headers that the client gets: the object's own, without the envelope.

    Left out, since they tell of the ciphertext or are said anew: lengths and ranges, checksums,
    encryption, request ids.
    """
    return {
        name: value
        for name, value in headers.items()
        if name in _TO_CLIENT or (name.startswith(META) and name != ENVELOPE)
    }


def kept_description(headers: Mapping[str, str]) -> dict[str, str]:
    """The store's headers that a copy keeps of its source: content headers and metadata, no envelope."""
    return {name: value for name, value in headers.items() if _describes(name) and name != ENVELOPE}


def undescribed(headers: Mapping[str, str]) -> dict[str, str]:
    """The rest of a copy's headers, where the source's description is kept."""
    return {name: value for name, value in headers.items() if not _describes(name)}


def _describes(name: str) -> bool:
    return name.startswith(META) or name in _CONTENT or name == "content-encoding"


def error_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of the store's that go with its refusal."""
    return {name: value for name, value in headers.items() if name in _OF_ERRORS}


def check_metadata(headers: Mapping[str, str], *, envelope_length: int) -> None:
    """MetadataTooLarge where the client's metadata and the envelope's value of that length do not fit."""
    own = len(ENVELOPE) - len(META) + envelope_length
    size = sum(
        len(name) - len(META) + len(value.encode(errors="surrogateescape"))
        for name, value in headers.items()
        if name.startswith(META)
    )
    if size + own > MAX_METADATA_BYTES:
        raise S3Error("MetadataTooLarge", Size=str(size), MaxSizeAllowed=str(MAX_METADATA_BYTES - own))


def response_overrides(request: S3Request, *, signed: bool) -> dict[str, str]:
    """The response headers that the query sets; InvalidRequest where nobody signed for them."""
    wanted = {_OVERRIDES[name]: value for name, value in request.query if name in _OVERRIDES}
    if wanted and not signed:
        raise S3Error(
            "InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests."
        )
    return wanted


def _metadata(headers: Mapping[str, str]) -> dict[str, str]:
    if ENVELOPE in headers:
        raise S3Error("InvalidArgument", "This metadata name is reserved.", ArgumentName=ENVELOPE)
    return {name: value for name, value in headers.items() if name.startswith(META)}


def _content_encoding(headers: Mapping[str, str]) -> dict[str, str]:
    """Without aws-chunked, which tells how the body travels and not what the object is."""
    codings = [coding.strip() for coding in headers.get("content-encoding", "").split(",")]
    kept = ",".join(coding for coding in codings if coding and coding.lower() != "aws-chunked")
    return {"content-encoding": kept} if kept else {}


def _refuse_unknown(headers: Mapping[str, str], kept: Mapping[str, str]) -> None:
    for name in headers:
        if name.startswith(_MEANT) and name not in kept and not name.startswith(_OURS):
            raise S3Error("NotImplemented", f"The header {name} is not implemented.", Header=name)
