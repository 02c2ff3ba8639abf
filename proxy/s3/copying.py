"""What a copy asks for beside its source: directives, conditions on the source, a range of it.

Amazon's "CopyObject" and "UploadPartCopy". Fed the client's headers and what the store says of the source, it
decides, and it reads and writes the documents that copies are answered with. Which bytes move, and how, is
the gateway's.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlencode

from proxy.s3.checksums import ALGORITHMS, named_algorithm
from proxy.s3.encryption import ALGORITHM
from proxy.s3.errors import TABLE, S3Error
from proxy.s3.headers import kept_description
from proxy.s3.markup import DECLARATION, NAMESPACE, MarkupError, element, read

METADATA_DIRECTIVE = "x-amz-metadata-directive"
TAGGING_DIRECTIVE = "x-amz-tagging-directive"
SOURCE_RANGE = "x-amz-copy-source-range"
SOURCE_IF = "x-amz-copy-source-if-"
_LEGAL_HOLD = "x-amz-object-lock-legal-hold"
_LOCK_MODE = "x-amz-object-lock-mode"
_LOCKED_UNTIL = "x-amz-object-lock-retain-until-date"
_REPLACES = {"COPY": False, "REPLACE": True}
_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})", re.ASCII)
# What makes a copy onto itself a change, beside the directive. By beginning.
_CHANGES = ("x-amz-storage-class", "x-amz-website-redirect-location", ALGORITHM)
_IN_PLACE = ("x-amz-storage-class", "x-amz-website-redirect-location")
_TO_ITSELF = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the "
    "object's metadata, storage class, website redirect location or encryption attributes."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyWish:
    """The directives: whether the request's own metadata and tags take the place of the source's."""

    replaces_metadata: bool
    replaces_tags: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyResult:
    """What was made."""

    etag: str
    """In quotes, as in every header."""
    last_modified: str
    """ISO 8601."""
    checksums: Mapping[str, str] = field(default_factory=dict)
    """Elements of the document, such as ChecksumCRC32."""


def parse_copy(headers: Mapping[str, str]) -> CopyWish:
    """Raises S3Error InvalidArgument for a directive that is none."""
    return CopyWish(
        replaces_metadata=_directive(headers, METADATA_DIRECTIVE),
        replaces_tags=_directive(headers, TAGGING_DIRECTIVE),
    )


def refuse_idle_copy(headers: Mapping[str, str], wish: CopyWish) -> None:
    """For a copy of an object onto itself: InvalidRequest where it would change nothing."""
    if not wish.replaces_metadata and not any(name.startswith(_CHANGES) for name in headers):
        raise S3Error("InvalidRequest", _TO_ITSELF)


def check_source(headers: Mapping[str, str], *, etag: str, last_modified: str) -> None:
    """Raises S3Error PreconditionFailed where a condition on the source does not hold.

    Amazon's "CopyObject": an ETag that matches outweighs a date that does not, and one that should not match
    outweighs a date that does.
    """
    asked = {test: headers[SOURCE_IF + test] for test in _TESTS if SOURCE_IF + test in headers}
    for outweighing, outweighed in (("match", "unmodified-since"), ("none-match", "modified-since")):
        if outweighing in asked:
            asked.pop(outweighed, None)
    for test, value in asked.items():
        if not _TESTS[test](value, etag, last_modified):
            raise S3Error("PreconditionFailed", Condition=SOURCE_IF + test)


def source_range(headers: Mapping[str, str], plain_size: int) -> tuple[int, int] | None:
    """First and last byte of an UploadPartCopy; None for the whole source.

    Unlike a Range header it must be well-formed and lie in the source: InvalidArgument, InvalidRange.
    """
    value = headers.get(SOURCE_RANGE)
    if value is None:
        return None
    found = _RANGE.fullmatch(value.strip())
    if found is None or int(found[2]) < int(found[1]):
        raise S3Error(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are "
            "the zero-based offsets of the first and last bytes to copy",
            ArgumentName=SOURCE_RANGE,
            ArgumentValue=value,
        )
    first, last = int(found[1]), int(found[2])
    if last >= plain_size:
        raise S3Error(
            "InvalidRange",
            f"Range specified is not valid for source object of size: {plain_size}",
            RangeRequested=value,
            ActualObjectSize=str(plain_size),
        )
    return first, last


def wanted_checksum(headers: Mapping[str, str]) -> int | None:
    """The code of the checksum that the copy is to have; None where any will do. Raises InvalidRequest."""
    algorithm = named_algorithm(headers)
    return algorithm.code if algorithm else None


def checksum_elements(checksums: Mapping[int, bytes]) -> dict[str, str]:
    """As the answer to a copy has them: of the whole object."""
    named = {algorithm.code: f"Checksum{algorithm.name.upper()}" for algorithm in ALGORITHMS}
    elements = {
        named[code]: base64.b64encode(digest).decode() for code, digest in checksums.items() if code in named
    }
    return elements | {"ChecksumType": "FULL_OBJECT"} if elements else {}


def source_header(bucket: str, key: str, version_id: str) -> str:
    """The x-amz-copy-source that every store reads alike: all but letters, digits, -_.~ and / is encoded."""
    version = f"?versionId={quote(version_id, safe='')}" if version_id else ""
    return quote(f"{bucket}/{key}", safe="/~") + version


def parse_copy_result(document: bytes) -> CopyResult:
    """A store's answer to a copy, which begins with 200 and may hold an error all the same.

    Raises that error as S3Error; InternalError where it is neither.
    """
    try:
        root = read(document.lstrip())  # white space keeps the connection alive while a store copies
    except MarkupError as error:
        raise S3Error("InternalError", "The store's answer is not XML.") from error
    if root.name == "Error":
        raise failure_within(root.get("Code"), root.get("Message"))
    etag = root.get("ETag").strip().strip('"')
    if root.name not in {"CopyObjectResult", "CopyPartResult"} or not etag:
        raise S3Error("InternalError", "The store's answer is another document than expected.")
    return CopyResult(etag=f'"{etag}"', last_modified=root.get("LastModified").strip())


def failure_within(code: str, message: str) -> S3Error:
    """Of an error inside an answer of 200: what the store says of the request goes on to the client.

    A failure of its own is worth another try.
    """
    if code not in TABLE or TABLE[code][0] >= 500:
        return S3Error("SlowDown" if code == "SlowDown" else "ServiceUnavailable")
    return S3Error(code, message)


def build_copy_result(root: str, result: CopyResult) -> bytes:
    """The answer to a client; `root` is CopyObjectResult or CopyPartResult."""
    inner = element("ETag", result.etag) + element("LastModified", result.last_modified)
    inner += "".join(element(name, value) for name, value in result.checksums.items())
    return f'{DECLARATION}<{root} xmlns="{NAMESPACE}">{inner}</{root}>'.encode()


def parse_tags(document: bytes) -> str:
    """A store's tag set as an x-amz-tagging header has it. InternalError where the answer is none."""
    try:
        root = read(document)
    except MarkupError as error:
        raise S3Error("InternalError", "The store's answer is not XML.") from error
    tags = [(tag.get("Key"), tag.get("Value")) for each in root.all("TagSet") for tag in each.all("Tag")]
    if root.name != "Tagging":
        raise S3Error("InternalError", "The store's answer is another document than expected.")
    return urlencode(tags, quote_via=quote)


def tags_of_form(document: str) -> str:
    """A form's field `tagging` as an x-amz-tagging header has it. MalformedXML where it is no tag set."""
    try:
        return parse_tags(document.encode("utf-8", "surrogateescape"))
    except S3Error as error:
        raise S3Error("MalformedXML") from error


def carried(headers: Mapping[str, str], *, now: datetime) -> dict[str, str]:
    """The headers that keep an object as it is, where it is copied onto itself: all but tags and ACL.

    `headers` are the store's of a HEAD. A retention that is over is left out, as no new one may lie in the
    past; one whose end cannot be read is kept.
    """
    kept = kept_description(headers) | {name: headers[name] for name in _IN_PLACE if name in headers}
    if headers.get(_LEGAL_HOLD, "OFF").upper() != "OFF":
        kept[_LEGAL_HOLD] = headers[_LEGAL_HOLD]
    if _LOCK_MODE in headers and is_held_until(headers.get(_LOCKED_UNTIL, ""), now=now):
        kept |= {name: headers[name] for name in (_LOCK_MODE, _LOCKED_UNTIL) if name in headers}
    return kept


def is_held_until(until: str, *, now: datetime) -> bool:
    """Whether a retention still holds; one whose end cannot be read does."""
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        return True
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) > now


def iso_date(http_date: str, *, otherwise: datetime) -> str:
    """A Last-Modified as the documents write it."""
    moment = _moment(http_date) or otherwise
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _directive(headers: Mapping[str, str], name: str) -> bool:
    value = headers.get(name, "COPY")
    if value.upper() not in _REPLACES:
        raise S3Error("InvalidArgument", f"Unknown {name}.", ArgumentName=name, ArgumentValue=value)
    return _REPLACES[value.upper()]


def _matches(value: str, etag: str) -> bool:
    return any(one.strip().strip('"') in {"*", etag.strip('"')} for one in value.split(","))


def _modified(value: str, last_modified: str) -> bool | None:
    """Whether it changed after that date; None where one of them is no date, which S3 ignores."""
    since, changed = _moment(value), _moment(last_modified)
    return None if since is None or changed is None else changed > since


def _moment(http_date: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(http_date)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_TESTS: Mapping[str, Callable[[str, str, str], bool]] = {
    "match": lambda value, etag, _: _matches(value, etag),
    "none-match": lambda value, etag, _: not _matches(value, etag),
    "modified-since": lambda value, _, date: _modified(value, date) is not False,
    "unmodified-since": lambda value, _, date: _modified(value, date) is not True,
}
