"""Listings as the S3 API reference describes them, over a plain list of names: what a page must look like.

Written for reading, shares nothing with the proxy. Names are in the order of their UTF-8 bytes; a version 2
token is the last thing that was listed, in hexadecimal, so that nobody takes it for a name.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote_plus
from xml.sax.saxutils import escape

VERSIONS = ("v2", "v1")
"""Each name has these, the newest first."""


@dataclass(frozen=True, slots=True)
class Question:
    operation: str
    """ListObjects, ListObjectsV2 or ListObjectVersions."""
    prefix: str = ""
    delimiter: str = ""
    max_keys: int = 1000
    marker: str = ""
    """A name, or a group with its delimiter."""
    version_marker: str = ""
    url: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    listed: tuple[tuple[str, str], ...]
    """Names with their versions; a group has none."""
    last: tuple[str, str]
    truncated: bool
    groups: tuple[str, ...]


def answer(names: list[str], question: Question) -> Answer:
    """The page. A group counts as one entry, and stands where its first name would."""
    entries: list[tuple[str, str]] = []
    groups: list[str] = []
    last = ("", "")
    for name, version in _after(sorted(set(names)), question):
        rest = name.removeprefix(question.prefix)
        head, delimiter, _ = rest.partition(question.delimiter) if question.delimiter else (rest, "", "")
        group = question.prefix + head + delimiter if delimiter else ""
        if group and (group in groups or group == question.marker):
            continue
        if len(entries) + len(groups) == question.max_keys:
            return Answer(tuple(entries), last, question.max_keys > 0, tuple(groups))
        if group:
            groups.append(group)
        else:
            entries.append((name, version))
        last = (group, "") if group else (name, version)
    return Answer(tuple(entries), last, False, tuple(groups))


def _after(names: list[str], question: Question) -> list[tuple[str, str]]:
    versions = VERSIONS if question.operation == "ListObjectVersions" else ("",)
    found = [(name, version) for name in names for version in versions if name.startswith(question.prefix)]
    if question.version_marker:
        place = (question.marker, versions.index(question.version_marker))
        return [(name, version) for name, version in found if (name, versions.index(version)) > place]
    return [(name, version) for name, version in found if name > question.marker]


def asked(operation: str, query: str) -> Question:
    """The question that a query string puts."""
    named = dict(parse_qsl(query, keep_blank_values=True))
    token = named.get("continuation-token")
    start = named.get("marker") or named.get("key-marker") or named.get("start-after") or ""
    return Question(
        operation=operation,
        prefix=named.get("prefix", ""),
        delimiter=named.get("delimiter", ""),
        max_keys=min(1000, int(named.get("max-keys", "1000"))),
        marker=start if token is None else bytes.fromhex(token).decode(),
        version_marker=named.get("version-id-marker", ""),
        url=named.get("encoding-type") == "url",
    )


def document(names: list[str], question: Question) -> bytes:
    """The page as a store writes it. Every name is as long as it is: its size is the length of the name."""
    page = answer(names, question)
    encoded = quote_plus if question.url else escape
    kind = "Version" if question.operation == "ListObjectVersions" else "Contents"
    parts = [f"<IsTruncated>{str(page.truncated).lower()}</IsTruncated>", *_next(page, question)]
    if question.operation == "ListObjectsV2":
        parts.append(f"<KeyCount>{len(page.listed) + len(page.groups)}</KeyCount>")
    if question.url:
        parts.append("<EncodingType>url</EncodingType>")
    for name, version in page.listed:
        told = f"<VersionId>{version}</VersionId>" if version else ""
        parts.append(f"<{kind}><Key>{encoded(name)}</Key>{told}<Size>{len(name)}</Size></{kind}>")
    parts += [f"<CommonPrefixes><Prefix>{encoded(group)}</Prefix></CommonPrefixes>" for group in page.groups]
    root = "ListVersionsResult" if kind == "Version" else "ListBucketResult"
    return f"<{root}>{''.join(parts)}</{root}>".encode()


def _next(page: Answer, question: Question) -> list[str]:
    if not page.truncated:
        return []
    name, version = page.last
    encoded = quote_plus(name) if question.url else escape(name)
    if question.operation == "ListObjectsV2":
        return [f"<NextContinuationToken>{name.encode().hex()}</NextContinuationToken>"]
    if question.operation == "ListObjects":
        return [f"<NextMarker>{encoded}</NextMarker>"] if question.delimiter else []
    told = f"<NextVersionIdMarker>{version}</NextVersionIdMarker>" if version else ""
    return [f"<NextKeyMarker>{encoded}</NextKeyMarker>{told}"]
