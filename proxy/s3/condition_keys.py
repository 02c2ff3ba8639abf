"""Which condition keys of S3 an action has, as tables, and what a request says for each.

From "Actions, resources, and condition keys for Amazon S3" (Service Authorization Reference). A key that an
action does not have there is absent for it, whatever the request holds: the read of a copy's source knows
nothing of the headers that are about its target. Names are in lower case. What follows from how a request
came (its signature, its connection) is the gateway's to say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlencode

from proxy.s3.errors import S3Error
from proxy.s3.markup import MarkupError, Node, read

Value = str | tuple[str, ...]
LOCATION = "location-constraint"
"""Stands for a header that S3 has not."""
_SSE = "x-amz-server-side-encryption"

_ACL = frozenset(
    f"s3:x-amz-{name}"
    for name in (
        "acl",
        "grant-full-control",
        "grant-read",
        "grant-read-acp",
        "grant-write",
        "grant-write-acp",
    )
)
_TAGS = frozenset({"s3:requestobjecttag/", "s3:requestobjecttagkeys"})
_ENCRYPTION = frozenset({"s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"})
_DESCRIPTION = (
    _ACL
    | _TAGS
    | _ENCRYPTION
    | {
        "s3:x-amz-server-side-encryption-customer-algorithm",
        *("s3:x-amz-copy-source", "s3:x-amz-metadata-directive", "s3:x-amz-storage-class"),
        "s3:x-amz-website-redirect-location",
    }
)
_RETENTION = frozenset(
    {
        *("s3:object-lock-mode", "s3:object-lock-retain-until-date"),
        *("s3:object-lock-remaining-retention-days", "s3:object-lock-event-hold"),
        "s3:object-lock-event-hold-duration-days",
    }
)
_LIST = frozenset({"s3:prefix", "s3:delimiter", "s3:max-keys"})
_VERSION = frozenset({"s3:versionid"})
_PUT_ACL = _ACL | {"s3:x-amz-storage-class"}

KEYS_OF: Mapping[str, frozenset[str]] = {
    "s3:BypassGovernanceRetention": _DESCRIPTION,
    "s3:CreateBucket": _ACL
    | {
        *("s3:x-amz-object-ownership", "s3:x-amz-bucket-namespace"),
        *("s3:locationconstraint", "aws:requesttag/", "aws:tagkeys"),
    },
    "s3:DeleteObject": frozenset({"s3:if-match"}),
    "s3:DeleteObjectVersion": _VERSION,
    "s3:DeleteObjectVersionAnnotation": _VERSION,
    "s3:DeleteObjectVersionTagging": _VERSION,
    "s3:GetObjectVersion": _VERSION,
    "s3:GetObjectVersionAcl": _VERSION,
    "s3:GetObjectVersionAnnotation": _VERSION,
    "s3:GetObjectVersionAttributes": _VERSION,
    "s3:GetObjectVersionTagging": _VERSION,
    "s3:ListBucket": _LIST,
    "s3:ListBucketVersions": _LIST,
    "s3:ListObjectVersionAnnotations": _VERSION,
    "s3:PutBucketAcl": _ACL,
    "s3:PutObject": _DESCRIPTION
    | _RETENTION
    | {
        *("s3:object-lock-legal-hold", "s3:objectcreationoperation", "s3:if-match", "s3:if-none-match"),
        "s3:x-amz-object-annotation-directive",
    },
    "s3:PutObjectAcl": _PUT_ACL,
    "s3:PutObjectLegalHold": frozenset({"s3:object-lock-legal-hold"}),
    "s3:PutObjectRetention": _RETENTION,
    "s3:PutObjectTagging": _TAGS,
    "s3:PutObjectVersionAnnotation": _VERSION,
    "s3:PutObjectVersionAcl": _PUT_ACL | _VERSION,
    "s3:PutObjectVersionTagging": _TAGS | _VERSION,
    "s3:UpdateObjectEncryption": _ENCRYPTION,
}
"""Beside those that every action has."""

IN_DOCUMENT: Mapping[str, tuple[str, ...]] = {
    "CreateBucket": ("s3:locationconstraint", "aws:requesttag/", "aws:tagkeys"),
    "PutObjectLegalHold": ("s3:object-lock-legal-hold",),
    "PutObjectRetention": tuple(_RETENTION),
    "PutObjectTagging": tuple(_TAGS),
    "UpdateObjectEncryption": tuple(_ENCRYPTION),
}
"""By operation: keys that its body says. A policy that looks at one is asked when the body was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a request says that policies can see."""

    operation: str
    query: tuple[tuple[str, str], ...]
    stated: Mapping[str, str]
    """Its headers, and what its body says by the names of headers that say the same."""
    version_id: str
    """Of the object that the action is about; empty where none is named."""
    now: datetime


def maybe_value(action: str, key: str, said: Said) -> Value | None:
    """None where the action has no such key, or the request says nothing of it."""
    own = KEYS_OF.get(action)
    if own is None:
        return None
    beginning, slash, tag = key.partition("/")
    if slash:
        return _tags(said).get(tag) if f"{beginning}/" in own else None
    return SAID[key](said) if key in own else None


def _header(name: str) -> Callable[[Said], str | None]:
    return lambda said: said.stated.get(name)


def _query(name: str) -> Callable[[Said], str | None]:
    return lambda said: dict(said.query).get(name)


def _pairs(said: Said) -> list[tuple[str, str]]:
    return parse_qsl(said.stated.get("x-amz-tagging", ""), keep_blank_values=True)


def _tags(said: Said) -> dict[str, str]:
    """By name in lower case: condition keys are compared without regard to case."""
    return {name.lower(): value for name, value in _pairs(said)}


def _tag_keys(said: Said) -> tuple[str, ...] | None:
    return tuple(name for name, _ in _pairs(said)) or None


def _creates(said: Said) -> str:
    return "false" if said.operation in {"CreateMultipartUpload", "UploadPart", "UploadPartCopy"} else "true"


def _remaining_days(said: Said) -> str | None:
    """Until the retention ends; a part of a day counts as one."""
    try:
        end = datetime.fromisoformat(said.stated.get("x-amz-object-lock-retain-until-date", ""))
    except ValueError:
        return None
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    return str(-(-int((end - said.now).total_seconds()) // 86_400))


_HEADERS = {key for keys in KEYS_OF.values() for key in keys if key.startswith("s3:x-amz-")}
_LOCK = ("mode", "legal-hold", "retain-until-date", "event-hold", "event-hold-duration-days")
SAID: Mapping[str, Callable[[Said], Value | None]] = {
    **{key: _header(key.removeprefix("s3:")) for key in _HEADERS},
    **{f"s3:object-lock-{name}": _header(f"x-amz-object-lock-{name}") for name in _LOCK},
    "s3:object-lock-remaining-retention-days": _remaining_days,
    "s3:if-match": _header("if-match"),
    "s3:if-none-match": _header("if-none-match"),
    "s3:objectcreationoperation": _creates,
    "s3:requestobjecttagkeys": _tag_keys,
    "aws:tagkeys": _tag_keys,
    "s3:locationconstraint": _header(LOCATION),
    "s3:prefix": _query("prefix"),
    "s3:delimiter": _query("delimiter"),
    "s3:max-keys": _query("max-keys"),
    "s3:versionid": lambda said: said.version_id or None,
}


def stated_in(operation: str, document: bytes) -> dict[str, str]:
    """What a body says, by the names of headers. MalformedXML where it is none of this operation."""
    if not document:
        return {}
    try:
        root = read(document)
    except MarkupError as error:
        raise S3Error("MalformedXML") from error
    return {name: value for name, value in _READERS[operation](root).items() if value}


def _tag_set(root: Node, sets: str) -> str:
    tags = [(tag.get("Key"), tag.get("Value")) for each in root.all(sets) for tag in each.all("Tag")]
    return urlencode(tags, quote_via=quote)


def _encryption(root: Node) -> dict[str, str]:
    kms = next(root.all("SSE-KMS"), None)
    return {} if kms is None else {_SSE: "aws:kms", f"{_SSE}-aws-kms-key-id": kms.get("KMSKeyArn")}


_READERS: Mapping[str, Callable[[Node], dict[str, str]]] = {
    "CreateBucket": lambda root: {
        LOCATION: root.get("LocationConstraint"),
        "x-amz-tagging": _tag_set(root, "Tags"),
    },
    "PutObjectLegalHold": lambda root: {"x-amz-object-lock-legal-hold": root.get("Status")},
    "PutObjectRetention": lambda root: {
        "x-amz-object-lock-mode": root.get("Mode"),
        "x-amz-object-lock-retain-until-date": root.get("RetainUntilDate"),
        "x-amz-object-lock-event-hold": root.get("EventHold"),
    },
    "PutObjectTagging": lambda root: {"x-amz-tagging": _tag_set(root, "TagSet")},
    "UpdateObjectEncryption": _encryption,
}
