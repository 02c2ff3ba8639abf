"""The XML bodies that the gateway reads or makes: DeleteObjects, its result, a store's errors.

A client's document is held to its schema, for a word that we skip could be a condition that the client
relies on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from proxy.s3.errors import S3Error
from proxy.s3.markup import DECLARATION, NAMESPACE, MarkupError, Node, element, read

MAX_DELETE_KEYS = 1000
# 1,000 entries of 1,024-byte keys, every byte percent-encoded, with what belongs to each.
MAX_LISTING_BYTES = 8 * 1024 * 1024
_CONDITIONS = {"ETag", "LastModifiedTime", "Size"}
_OBJECT_ELEMENTS = {"Key", "VersionId"} | _CONDITIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTarget:
    """One object of a DeleteObjects body."""

    key: str
    version_id: str = ""
    conditions: tuple[tuple[str, str], ...] = ()
    """Elements that must hold on the store (ETag, LastModifiedTime, Size), in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRequest:
    targets: tuple[DeleteTarget, ...]
    quiet: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    key: str
    version_id: str = ""
    delete_marker: bool = False
    delete_marker_version_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFailure:
    key: str
    version_id: str = ""
    code: str
    message: str


def parse_delete_objects(body: bytes) -> DeleteRequest:
    """A client's DeleteObjects body; MalformedXML where it is not one or names 0 or over 1,000 objects."""
    try:
        root = read(body)
    except MarkupError as error:
        raise S3Error("MalformedXML") from error
    if root.name != "Delete" or not {child.name for child in root.children} <= {"Object", "Quiet"}:
        raise S3Error("MalformedXML")
    targets = tuple(_target(node) for node in root.all("Object"))
    quiet = root.get("Quiet").strip().lower()
    if not 0 < len(targets) <= MAX_DELETE_KEYS or quiet not in {"", "true", "false"}:
        raise S3Error("MalformedXML")
    return DeleteRequest(targets=targets, quiet=quiet == "true")


def build_delete_objects(targets: Iterable[DeleteTarget]) -> bytes:
    """The body for the store: verbose, since only then it says what became of each."""
    return document_of("Delete", "".join(element_of_target(target) for target in targets))


def element_of_target(target: DeleteTarget) -> str:
    """The Object element of a DeleteObjects body."""
    inner = element("Key", target.key) + _maybe("VersionId", target.version_id)
    inner += "".join(element(name, value) for name, value in target.conditions)
    return f"<Object>{inner}</Object>"


def parse_delete_result(document: bytes) -> tuple[list[Deleted], list[DeleteFailure]]:
    """A store's answer; S3Error InternalError where it is none."""
    root = store_document(document, {"DeleteResult"})
    deleted = [
        Deleted(
            key=node.get("Key"),
            version_id=node.get("VersionId"),
            delete_marker=node.get("DeleteMarker").lower() == "true",
            delete_marker_version_id=node.get("DeleteMarkerVersionId"),
        )
        for node in root.all("Deleted")
    ]
    failures = [
        DeleteFailure(
            key=node.get("Key"),
            version_id=node.get("VersionId"),
            code=node.get("Code"),
            message=node.get("Message"),
        )
        for node in root.all("Error")
    ]
    return deleted, failures


def build_delete_result(
    deleted: Iterable[Deleted], failures: Iterable[DeleteFailure], *, quiet: bool
) -> bytes:
    """The answer to a client. Quiet leaves out what went well."""
    inner = "" if quiet else "".join(_deleted(entry) for entry in deleted)
    for failure in failures:
        inner += (
            f"<Error>{element('Key', failure.key)}{_maybe('VersionId', failure.version_id)}"
            f"{element('Code', failure.code)}{element('Message', failure.message)}</Error>"
        )
    return document_of("DeleteResult", inner)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    key: str
    changed: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysPage:
    keys: tuple[ListedKey, ...]
    next_token: str
    """Empty on the last page."""


def parse_listed_keys(document: bytes) -> KeysPage:
    """A page of a store's ListObjectsV2, of keys that are ours and so need no encoding."""
    root = store_document(document, {"ListBucketResult"})
    truncated = root.get("IsTruncated").strip().lower() == "true"
    return KeysPage(
        keys=tuple(
            ListedKey(key=node.get("Key"), changed=_time_in(node.get("LastModified")))
            for node in root.all("Contents")
        ),
        next_token=root.get("NextContinuationToken") if truncated else "",
    )


def parse_error(document: bytes) -> tuple[str, str]:
    """Code and message of a store's error; both empty where it is no S3 error document."""
    try:
        root = read(document)
    except MarkupError:
        return "", ""
    return (root.get("Code"), root.get("Message")) if root.name == "Error" else ("", "")


def _target(node: Node) -> DeleteTarget:
    names = [child.name for child in node.children]
    if len(set(names)) != len(names) or not set(names) <= _OBJECT_ELEMENTS or not node.get("Key"):
        raise S3Error("MalformedXML")
    conditions = tuple((child.name, child.text) for child in node.children if child.name in _CONDITIONS)
    return DeleteTarget(key=node.get("Key"), version_id=node.get("VersionId"), conditions=conditions)


def _deleted(entry: Deleted) -> str:
    inner = element("Key", entry.key) + _maybe("VersionId", entry.version_id)
    if entry.delete_marker:
        inner += element("DeleteMarker", "true")
    return f"<Deleted>{inner}{_maybe('DeleteMarkerVersionId', entry.delete_marker_version_id)}</Deleted>"


def _maybe(name: str, value: str) -> str:
    return element(name, value) if value else ""


def document_of(root: str, inner: str) -> bytes:
    return f'{DECLARATION}<{root} xmlns="{NAMESPACE}">{inner}</{root}>'.encode()


def store_document(document: bytes, roots: set[str], only: set[str] | None = None) -> Node:
    try:
        root = read(document, max_bytes=MAX_LISTING_BYTES, only=only)
    except MarkupError as error:
        raise S3Error("InternalError", "The store's answer is not XML.") from error
    if root.name not in roots:
        raise S3Error("InternalError", "The store's answer is another document than expected.")
    return root


def _time_in(text: str) -> datetime:
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        raise S3Error("InternalError", "The store's answer holds a time that is none.") from None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def integer_in(node: Node) -> int:
    text = node.text.strip()
    if not (text.isascii() and text.isdigit()):
        raise S3Error("InternalError", "The store's answer holds a size that is no number.")
    return int(text)


def spliced(
    document: bytes, edits: Iterable[tuple[int, int, bytes]], start: int = 0, end: int | None = None
) -> Iterator[bytes]:
    """document[start:end] in pieces, with each edit's bytes in place of what stands there. Edits in order."""
    at = start
    for first, behind, replacement in edits:
        yield document[at:first]
        yield replacement
        at = behind
    yield document[at:end]
