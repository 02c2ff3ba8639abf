"""What an audit event is, and the JSON record that it becomes.

One class serves S3 operations and KMS calls. Names are CloudTrail's where CloudTrail has them, so that tools
which read its records read ours; the rest stands in additionalEventData, its own place for extensions.
An `Event` is made on the request's path and costs little; `line` forms the JSON later, elsewhere. What must
never be kept is cut there, so that no caller can forget it. Pure: ids and times are arguments.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]

EVENT_VERSION = "1.11"
S3 = "s3.amazonaws.com"
KMS = "kms.amazonaws.com"
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
"""CloudTrail's own word for a value that it does not keep."""

MAX_TEXT = 1024
"""Characters of one value: as long as an S3 key may be, and CloudTrail's bound for userAgent."""
MAX_ITEMS = 100
MAX_DEPTH = 6


class Outcome(StrEnum):
    """How a request ended, whatever its status."""

    COMPLETED = "completed"
    """The answer, refusals included, went out whole."""
    CANCELLED = "cancelled"
    """The client left."""
    TIMEOUT = "timeout"
    TORN = "torn"
    """Cut by us after the head had gone out, because the rest could not be proven."""
    FAILED = "failed"
    """An error of ours or of what is behind us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserIdentity:
    """Who asked. Nobody proven: type `Unknown`, with the access key id that was claimed."""

    type: str = "Unknown"
    """As CloudTrail's; AWSAccount is anonymous. Or Operator, who has the key service's store and root key."""
    arn: str = ""
    account_id: str = ""
    access_key_id: str = ""
    user_name: str = ""
    invoked_by: str = ""
    """The service that called for this principal, such as s3.amazonaws.com."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    arn: str
    type: str
    """CloudFormation's name: AWS::S3::Object, AWS::S3::Bucket, AWS::KMS::Key."""
    account_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """Where the time went, in microseconds; None: the request never came there."""

    auth_us: int | None = None
    kms_us: int | None = None
    store_us: int | None = None
    """From the request to the store until its answer's first byte."""
    crypto_us: int | None = None
    """Sealing or opening."""
    client_us: int | None = None
    """Waiting for the client to send or to take."""
    total_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What CloudTrail has no field for (or has in additionalEventData)."""

    bytes_transferred_in: int = 0
    """Of the body, as the client sent it (aws-chunked framing included)."""
    bytes_transferred_out: int = 0
    key_arn: str = ""
    kms_region: str = ""
    data_key_scope: str = ""
    """bucket or object."""
    cache_hit: bool | None = None
    """True: the data key was here, no KMS was asked. None: no data key was needed."""
    encryption_mode: str = ""
    """SSE_S3, SSE_KMS, SSE_C, passthrough."""
    phases: Phases = Phases()
    store_request_id: str = ""
    http_status: int | None = None
    """None: no head was sent."""
    outcome: Outcome = Outcome.COMPLETED
    integrity_violation: str = ""
    """What did not prove itself (segment, envelope, wrapped_key, ...); empty: nothing of the sort."""
    damaged_upload: str = ""
    """How it was found that the store did not receive what was sent, and what became of it."""
    plaintext_read: bool = False
    """What was read is not sealed, where everything written now is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One S3 operation or KMS call, however it ended."""

    event_id: str
    """A UUID."""
    event_time: datetime
    """When the request arrived, UTC."""
    event_source: str
    """`S3` or `KMS`."""
    event_name: str
    """CloudTrail's: for S3, `s3_event_name` of the operation."""
    aws_region: str
    source_ip_address: str
    user_agent: str = ""
    user_identity: UserIdentity = UserIdentity()
    request_id: str
    request_parameters: Mapping[str, Json] = field(default_factory=dict)
    """bucketName, key, versionId, range, ...; anything in it that must not be kept is cut."""
    response_elements: Mapping[str, Json] = field(default_factory=dict)
    """What a write made: versionId, keyId, ..."""
    resources: tuple[Resource, ...] = ()
    error_code: str = ""
    """S3's or KMS's, as the client saw it."""
    error_message: str = ""
    recipient_account_id: str = ""
    """The account whose trail the event belongs to; empty for keys that no account sees."""
    shared_event_id: str = ""
    """The same in the events of two accounts about one call."""
    details: Details = Details()

    @property
    def read_only(self) -> bool:
        return is_read_only(self.event_name)


class Recorder(Protocol):
    """Takes events.

    `record` costs microseconds, never waits and never raises; it may be called from the loop's thread at any
    time, also while the caller is being cancelled.
    """

    def record(self, event: Event) -> None: ...


# --- Names ----------------------------------------------------------------------------------------

# S3 operation (botocore's name) -> CloudTrail's event name, where the two differ: CloudTrail User Guide and
# "Amazon S3 CloudTrail events" in the S3 User Guide. Everything else keeps its name.
S3_EVENT_NAMES = {
    "ListObjectsV2": "ListObjects",
    "GetBucketLifecycleConfiguration": "GetBucketLifecycle",
    "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
    "GetObjectLegalHold": "GetObjectLockLegalHold",
    "PutObjectLegalHold": "PutObjectLockLegalHold",
    "GetObjectRetention": "GetObjectLockRetention",
    "PutObjectRetention": "PutObjectLockRetention",
}

READ_ONLY_PREFIXES = ("Get", "Head", "List", "Select", "Describe")
# KMS calls that change no key: CloudTrail marks them readOnly, whatever they encrypt.
READ_ONLY_CALLS = frozenset(
    {"Decrypt", "DeriveSharedSecret", "Encrypt", "ReEncrypt", "Sign", "Verify", "VerifyMac"}
    | {"GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GenerateRandom"}
    | {"GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"}
)
# S3's data events without "Object" in their names; its others, and all of KMS's, are management events.
DATA_EVENTS = frozenset(
    {"HeadBucket", "ListParts", "ListMultipartUploads", "UploadPart", "UploadPartCopy"}
    | {"CreateMultipartUpload", "CompleteMultipartUpload", "AbortMultipartUpload"}
)


def s3_event_name(operation: str) -> str:
    """CloudTrail's name for an operation of botocore's S3 model."""
    return S3_EVENT_NAMES.get(operation, operation)


def is_read_only(event_name: str) -> bool:
    return event_name.startswith(READ_ONLY_PREFIXES) or event_name in READ_ONLY_CALLS


def is_data_event(event_source: str, event_name: str) -> bool:
    if event_source != S3 or event_name.endswith("BucketObjectLockConfiguration"):
        return False
    return "Object" in event_name or event_name in DATA_EVENTS


# --- What is never kept ---------------------------------------------------------------------------

# Header, query, form and JSON names, in lower case without dashes and underscores, to find any spelling.
CUT = frozenset(
    {"authorization", "proxyauthorization", "cookie", "signature", "xamzsignature", "policy", "sig"}
    | {"xamzsecuritytoken", "securitytoken", "sessiontoken", "xamzs3sessiontoken", "awsaccesskeyid"}
    | {
        "xamzserversideencryptioncontext",
        "xamzserversideencryptionawskmsencryptioncontext",
        "ssekmsencryptioncontext",
    }
    | {"secretaccesskey", "keystorepassword", "xksproxyauthenticationcredential", "rawsecretaccesskey"}
    | {
        "plaintext",
        "privatekeyplaintext",
        "sharedsecret",
        "ciphertextblob",
        "privatekeyciphertextblob",
        "message",
        "mac",
    }
    | {"encryptedkeymaterial", "importtoken", "granttokens", "recipient", "attestationdocument"}
)
# Each header and parameter of a customer's key (SSE-C), also of a copy's source; the algorithm stays.
CUT_CUSTOMER_KEY = re.compile(r"(xamz|copysource)*(serversideencryption|sse)customerkey(md5)?")
# The pairs' names are kept, for they say what a key was used for; their values are the client's.
CUT_VALUES = frozenset(
    {
        "encryptioncontext",
        "sourceencryptioncontext",
        "destinationencryptioncontext",
        "encryptioncontextequals",
    }
    | {"encryptioncontextsubset"}
)
# A presigned URL inside other text (a Referer, a message) carries the same secrets.
CUT_IN_TEXT = re.compile(r"(?i)\b(x-amz-(?:signature|security-token)|signature)((?:=|%3d)\s*)[^&\s\"',;]+")


def cut(parameters: Mapping[str, Json]) -> dict[str, Json]:
    """Parameters without what must not be kept, bounded in length, count and depth."""
    return _cut_mapping(parameters, 0)


def bounded(text: str) -> str:
    """Text as it may stand in a record: no signature in it, MAX_TEXT characters, then how many are gone."""
    if len(text) <= MAX_TEXT and "=" not in text and "%3" not in text:
        return text  # as nearly all text is; the search below costs ten times as much
    more = max(0, len(text) - 2 * MAX_TEXT)
    text = CUT_IN_TEXT.sub(rf"\1\2{HIDDEN}", text[: 2 * MAX_TEXT])
    more += max(0, len(text) - MAX_TEXT)
    return f"{text[:MAX_TEXT]}...({more} more)" if more else text


def _cut_mapping(values: Mapping[str, Json], depth: int) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    for name, value in values.items():
        if len(kept) == MAX_ITEMS:
            kept["..."] = f"{len(values)} in all"
            break
        folded = name.lower().replace("-", "").replace("_", "")
        if folded in CUT or ("customerkey" in folded and CUT_CUSTOMER_KEY.fullmatch(folded)):
            continue
        if folded in CUT_VALUES:
            value = dict.fromkeys(value, HIDDEN) if isinstance(value, Mapping) else HIDDEN  # noqa: PLW2901 -- the value is replaced, not the loop steered
        kept[bounded(name)] = _cut_value(value, depth + 1)
    return kept


def _cut_value(value: Json, depth: int) -> Json:
    if isinstance(value, str):
        return bounded(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= MAX_DEPTH:
        return "..."
    if isinstance(value, Mapping):
        return _cut_mapping(value, depth)
    more: list[Json] = [f"{len(value)} in all"] if len(value) > MAX_ITEMS else []
    return [_cut_value(item, depth + 1) for item in value[:MAX_ITEMS]] + more


# --- The record -----------------------------------------------------------------------------------


_ENCODER = json.JSONEncoder(separators=(",", ":"))


def record(event: Event) -> dict[str, Json]:
    """The event under CloudTrail's names, with what must not be kept cut out.

    Fields that say nothing are left out; those that every CloudTrail record has are null.
    """
    is_data = is_data_event(event.event_source, event.event_name)
    return {
        "eventVersion": EVENT_VERSION,
        "userIdentity": _identity(event.user_identity),
        "eventTime": _time(event.event_time),
        "eventSource": event.event_source,
        "eventName": bounded(event.event_name),
        "awsRegion": bounded(event.aws_region),
        "sourceIPAddress": bounded(event.source_ip_address),
        "userAgent": bounded(event.user_agent),
        **(_error(event) if event.error_code or event.error_message else {}),
        "requestParameters": cut(event.request_parameters) or None,
        "responseElements": (cut(event.response_elements) or None) if event.response_elements else None,
        "additionalEventData": _details(event.details),
        "requestID": bounded(event.request_id),
        "eventID": event.event_id,
        "readOnly": event.read_only,
        "resources": [_resource(each) for each in event.resources[:MAX_ITEMS]],
        "eventType": "AwsApiCall",
        "managementEvent": not is_data,
        "eventCategory": "Data" if is_data else "Management",
        **_said({"recipientAccountId": event.recipient_account_id, "sharedEventID": event.shared_event_id}),
    }


def line(event: Event) -> bytes:
    """The record as one line of ASCII JSON.

    Control characters and broken unicode are escaped: a client's text can neither end the line nor steer a
    terminal.
    """
    return _ENCODER.encode(record(event)).encode("ascii") + b"\n"


def _error(event: Event) -> dict[str, Json]:
    return _said({"errorCode": bounded(event.error_code), "errorMessage": bounded(event.error_message)})


def _resource(resource: Resource) -> dict[str, Json]:
    named: dict[str, Json] = {"type": resource.type, "ARN": bounded(resource.arn)}
    return {"accountId": resource.account_id, **named} if resource.account_id else named


@lru_cache(maxsize=1024)
def _identity(who: UserIdentity) -> Mapping[str, Json]:
    """Kept, as few callers make many events."""
    return _said(
        {
            "type": who.type,
            "arn": bounded(who.arn),
            "accountId": who.account_id,
            "accessKeyId": bounded(who.access_key_id),
            "userName": bounded(who.user_name),
            "invokedBy": bounded(who.invoked_by),
        }
    )


def _details(details: Details) -> dict[str, Json]:
    phases = details.phases
    return {
        "bytesTransferredIn": details.bytes_transferred_in,
        "bytesTransferredOut": details.bytes_transferred_out,
        "outcome": details.outcome.value,
        **_said(
            {
                "httpStatus": details.http_status,
                "keyArn": bounded(details.key_arn),
                "kmsRegion": bounded(details.kms_region),
                "dataKeyScope": details.data_key_scope,
                "cacheHit": details.cache_hit,
                "encryptionMode": details.encryption_mode,
                "storeRequestId": bounded(details.store_request_id),
                "integrityViolation": bounded(details.integrity_violation),
                "damagedUpload": bounded(details.damaged_upload),
                "plaintextRead": details.plaintext_read or None,
                "phases": _said(
                    {
                        "authMicroseconds": phases.auth_us,
                        "kmsMicroseconds": phases.kms_us,
                        "storeMicroseconds": phases.store_us,
                        "cryptoMicroseconds": phases.crypto_us,
                        "clientMicroseconds": phases.client_us,
                        "totalMicroseconds": phases.total_us,
                    }
                ),
            }
        ),
    }


def _said(values: Mapping[str, Json]) -> dict[str, Json]:
    """Values without the empty ones; False and 0 say something."""
    return {name: value for name, value in values.items() if value or value == 0}


def _time(moment: datetime) -> str:
    """CloudTrail's form; ours adds milliseconds, as many requests share a second."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
