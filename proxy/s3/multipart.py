"""The XML of multipart uploads: what a client sends is held to its schema, what a store says is read.

A store's listing is changed by cutting and replacing bytes, as object listings are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import unquote_plus

from proxy.s3.checksums import ALGORITHMS, parsed_digest
from proxy.s3.errors import S3Error
from proxy.s3.markup import MarkupError, Node, element, escaped, read
from proxy.s3.xml import document_of, integer_in, spliced, store_document

MOST_PARTS = 10_000
MAX_COMPLETE_BYTES = 4 * 1024 * 1024
"""10,000 parts with an ETag and a SHA-512 each."""
# Element -> code, as docs/FORMAT.md numbers checksums.
CHECKSUM_ELEMENTS = {f"Checksum{algorithm.name.upper()}": algorithm.code for algorithm in ALGORITHMS}
_ELEMENT_OF = {code: name for name, code in CHECKSUM_ELEMENTS.items()}
_PART_ELEMENTS = {"PartNumber", "ETag", *CHECKSUM_ELEMENTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedPart:
    """One part of a Complete's list."""

    number: int
    etag: str
    """Without quotes."""
    checksums: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePart:
    """One part as the store lists it; `size` in bytes of ciphertext."""

    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsPage:
    parts: tuple[StorePart, ...]
    next_marker: str
    """Empty on the last page."""


def parse_part_number(text: str) -> int:
    """InvalidArgument, as S3 answers, where it is none from 1 to 10,000."""
    if text.isascii() and text.isdecimal() and len(text) <= 9 and 1 <= int(text) <= MOST_PARTS:
        return int(text)
    raise S3Error(
        "InvalidArgument",
        f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive",
        ArgumentName="partNumber",
        ArgumentValue=text[:64],
    )


def parse_complete(body: bytes) -> tuple[CompletedPart, ...]:
    """A client's list of parts, in its order. MalformedXML, InvalidArgument for a number out of range."""
    try:
        root = read(body, max_bytes=MAX_COMPLETE_BYTES)
    except MarkupError as error:
        raise S3Error("MalformedXML") from error
    if root.name != "CompleteMultipartUpload" or root.text.strip():
        raise S3Error("MalformedXML")
    if not 0 < len(root.children) <= MOST_PARTS or any(child.name != "Part" for child in root.children):
        raise S3Error("MalformedXML")
    return tuple(_completed_part(node) for node in root.children)


def build_complete(parts: Iterable[tuple[int, str]]) -> bytes:
    """The list for the store: number and ETag of each."""
    inner = "".join(
        f"<Part>{element('PartNumber', str(number))}{element('ETag', quoted(etag))}</Part>"
        for number, etag in parts
    )
    return document_of("CompleteMultipartUpload", inner)


def parse_completed(document: bytes) -> str:
    """The ETag in a store's answer to Complete, quoted. A 200 may still hold an error: it is raised."""
    root = store_document(document, {"CompleteMultipartUploadResult", "Error"})
    if root.name == "Error":
        raise CompleteRefused(root.get("Code"), root.get("Message"))
    return quoted(root.get("ETag"))


class CompleteRefused(Exception):
    """A store's refusal inside an answer of 200."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def build_completed(
    *, location: str, bucket: str, key: str, etag: str, checksum: tuple[int, str, str] | None
) -> bytes:
    """The answer to a client; `checksum` is its code, its value as told, and its type."""
    inner = element("Location", location) + element("Bucket", bucket) + element("Key", key)
    inner += element("ETag", etag)
    if checksum is not None:
        code, value, kind = checksum
        inner += element(_ELEMENT_OF[code], value) + element("ChecksumType", kind)
    return document_of("CompleteMultipartUploadResult", inner)


def parse_initiated(document: bytes) -> str:
    """The store's id of a new upload."""
    upload_id = store_document(document, {"InitiateMultipartUploadResult"}).get("UploadId").strip()
    if not upload_id:
        raise S3Error("InternalError", "The store began an upload without an id.")
    return upload_id


def build_initiated(*, bucket: str, key: str, upload_id: str) -> bytes:
    inner = element("Bucket", bucket) + element("Key", key) + element("UploadId", upload_id)
    return document_of("InitiateMultipartUploadResult", inner)


def parse_parts(document: bytes) -> PartsPage:
    """One page of a store's ListParts."""
    root = store_document(document, {"ListPartsResult"})
    truncated = root.get("IsTruncated").strip().lower() == "true"
    return PartsPage(
        parts=tuple(
            StorePart(
                number=_number_in(node), etag=unquoted(node.get("ETag")), size=_child_integer(node, "Size")
            )
            for node in root.all("Part")
        ),
        next_marker=root.get("NextPartNumberMarker").strip() if truncated else "",
    )


def rewrite_parts(
    document: bytes,
    *,
    upload_id: str,
    plain_size_of: Callable[[StorePart], int | None],
    told: Callable[[StorePart], Mapping[int, str]],
) -> bytes:
    """A store's ListParts for the client; plain_size_of gives None for a part that is not the client's.

    `told` gives checksums to add to a part, by code.
    """
    root = store_document(document, {"ListPartsResult"})
    edits = [_text(document, node, upload_id) for node in root.all("UploadId")]
    for node in root.all("Part"):
        size = next(node.all("Size"))
        part = StorePart(number=_number_in(node), etag=unquoted(node.get("ETag")), size=integer_in(size))
        plain = plain_size_of(part)
        if plain is None:
            edits.append((node.start, node.end, b""))
            continue
        extra = "".join(element(_ELEMENT_OF[code], value) for code, value in told(part).items())
        edits += [_text(document, size, str(plain)), (size.end, size.end, extra.encode())]
    return b"".join(spliced(document, sorted(edits)))


def parse_versioning(document: bytes) -> bool:
    """Whether a store's GetBucketVersioning says that versions are, or were, kept."""
    try:
        return bool(read(document).get("Status").strip())
    except MarkupError:
        return False


def listed_uploads(document: bytes) -> list[tuple[str, str]]:
    """Key and store's id of each upload on a page of the store's ListMultipartUploads."""
    root = store_document(document, {"ListMultipartUploadsResult"})
    decode = _decoder(root)
    return [(decode(node.get("Key")), node.get("UploadId")) for node in root.all("Upload")]


def next_uploads(document: bytes) -> tuple[list[str], dict[str, str]]:
    """The keys of a page of a store's ListMultipartUploads, and the markers of the next; none on the last."""
    root = store_document(document, {"ListMultipartUploadsResult"})
    decode = _decoder(root)
    further = {}
    if root.get("IsTruncated").strip().lower() == "true":
        further = {
            "key-marker": decode(root.get("NextKeyMarker")),
            "upload-id-marker": root.get("NextUploadIdMarker"),
        }
    return [decode(node.get("Key")) for node in root.all("Upload")], further


def rewrite_uploads(
    document: bytes, *, upload_ids: Mapping[tuple[str, str], str], hidden: Callable[[str], bool]
) -> bytes:
    """A page of the store's ListMultipartUploads with clients' ids, without hidden keys and prefixes.

    `upload_ids` has the client's id for key and store's id; what it has not stays as it is. Markers that
    name a store's id become the client's too.
    """
    root = store_document(document, {"ListMultipartUploadsResult"})
    decode = _decoder(root)
    by_store_id = {store_id: client_id for (_, store_id), client_id in upload_ids.items()}
    edits = []
    for node in root.children:
        if node.name == "Upload":
            if hidden(decode(node.get("Key"))):
                edits.append((node.start, node.end, b""))
            else:
                name = (decode(node.get("Key")), node.get("UploadId"))
                edits += [
                    _text(document, each, upload_ids.get(name, name[1])) for each in node.all("UploadId")
                ]
        elif node.name == "CommonPrefixes" and all(hidden(decode(each.text)) for each in node.all("Prefix")):
            edits.append((node.start, node.end, b""))
        elif node.name in {"UploadIdMarker", "NextUploadIdMarker"} and node.text in by_store_id:
            edits.append(_text(document, node, by_store_id[node.text]))
    return b"".join(spliced(document, sorted(edits)))


def quoted(etag: str) -> str:
    return f'"{unquoted(etag)}"'


def unquoted(etag: str) -> str:
    return etag.strip().removeprefix('"').removesuffix('"')


def in_order(parts: Sequence[CompletedPart]) -> tuple[CompletedPart, ...]:
    """InvalidPartOrder where numbers fall. Of one that is named again the last counts, as Ceph has it."""
    numbers = [part.number for part in parts]
    if any(before > after for before, after in pairwise(numbers)):
        raise S3Error("InvalidPartOrder")
    return tuple({part.number: part for part in parts}.values())


def _completed_part(node: Node) -> CompletedPart:
    names = [child.name for child in node.children]
    if len(set(names)) != len(names) or not {"PartNumber", "ETag"} <= set(names) <= _PART_ELEMENTS:
        raise S3Error("MalformedXML")
    if node.text.strip() or any(child.children for child in node.children):
        raise S3Error("MalformedXML")
    number, etag = node.get("PartNumber").strip(), unquoted(node.get("ETag"))
    if not (number.isascii() and number.removeprefix("-").isdecimal()) or not etag:
        raise S3Error("MalformedXML")
    checksums = {}
    for child in node.children:
        if child.name in CHECKSUM_ELEMENTS and child.text:
            code = CHECKSUM_ELEMENTS[child.name]
            digest = parsed_digest(code, child.text)
            if digest is None:
                raise S3Error("InvalidRequest", f"The value of {child.name} is not valid.")
            checksums[code] = digest
    return CompletedPart(number=parse_part_number(number), etag=etag, checksums=checksums)


def _number_in(node: Node) -> int:
    return _child_integer(node, "PartNumber")


def _child_integer(node: Node, name: str) -> int:
    child = next(node.all(name), None)
    if child is None:
        raise S3Error("InternalError", f"The store's list of parts has no {name}.")
    return integer_in(child)


def _decoder(root: Node) -> Callable[[str], str]:
    return unquote_plus if root.get("EncodingType") == "url" else str


def _text(document: bytes, node: Node, text: str) -> tuple[int, int, bytes]:
    """The element with another text; one without any (`<Size/>`) is written anew."""
    if document[node.end - 2 : node.end] == b"/>":
        return node.start, node.end, element(node.name, text).encode()
    opened = document.index(b">", node.start) + 1
    closing = document.rindex(b"<", opened, node.end)
    return opened, closing, escaped(text).encode()
