"""A store's pages of objects or versions: read, held against what a client may see, and put together again.

What comes out is the first page's own bytes with other numbers in it, less the names that are reserved, plus
the entries of the pages that were asked for in their place. What is neither a size nor a name to hide nor a
word about the next page stays as the store wrote it, unknown elements included.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import quote, unquote_plus, urlencode

from proxy.s3.errors import S3Error
from proxy.s3.markup import Node
from proxy.s3.operations import RESERVED_PREFIX, is_reserved
from proxy.s3.xml import integer_in, spliced, store_document

MAX_KEYS = 1000
"""S3's own bound, whatever was asked for. Some stores have none, and a page is held in memory."""
BEHIND_RESERVED = f"{RESERVED_PREFIX}~"
"""Behind every name that the proxy writes there, which begin with a letter; before all that is shown."""

LISTINGS = {"ListBucketResult", "ListVersionsResult", "ListBucketVersionsResult"}
_LISTED = {"Contents", "Version", "DeleteMarker"}
_NEXT = {"NextMarker", "NextContinuationToken", "NextKeyMarker", "NextVersionIdMarker"}
_READ = {"Key", "Size", "Prefix", "CommonPrefixes", "KeyCount", "EncodingType", "IsTruncated"}
_TOLD = _LISTED | _NEXT | _READ
_IDENTIFYING = {"ETag", "VersionId"}
STARTS = frozenset({"marker", "start-after", "key-marker", "version-id-marker"})
"""The parameters that begin a page behind a name."""
# What says which stretch of the names a page is about.
_STRETCH = STARTS | {"continuation-token", "max-keys"}


class Listing(Enum):
    """An operation that lists, by the name of the parameter that begins a page behind a key."""

    OBJECTS = "marker"
    OBJECTS_V2 = "start-after"
    VERSIONS = "key-marker"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """One key, version, delete marker or common prefix."""

    name: str
    """Decoded."""
    is_prefix: bool
    node: Node
    """Its own, and the element of the page that holds it: stores may put several prefixes into one."""
    element: Node
    size: Node | None = None
    store_size: int = 0
    etag: str = ""
    version_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer of the store."""

    document: bytes
    root: Node
    entries: tuple[Entry, ...]
    """Keys in the store's order, then common prefixes in the store's order."""
    hidden: frozenset[Entry]
    truncated: bool

    @property
    def shown(self) -> list[Entry]:
        return [entry for entry in self.entries if entry not in self.hidden]

    @property
    def mixed(self) -> list[Entry]:
        """Common prefixes that reserved names share with others, if there are others."""
        return [each for each in self.shown if each.is_prefix and RESERVED_PREFIX.startswith(each.name)]

    def hiding(self, entry: Entry) -> "Page":
        return replace(self, hidden=self.hidden | {entry})

    @property
    def last_names(self) -> list[str]:
        """Of the keys and of the common prefixes: the page ends with one of them."""
        keys = [entry.name for entry in self.entries if not entry.is_prefix]
        prefixes = [entry.name for entry in self.entries if entry.is_prefix]
        return keys[-1:] + prefixes[-1:]

    @property
    def last_name(self) -> str:
        """What the page ends with in the order of bytes; "" if it is empty."""
        return max(self.last_names, default="")


def read_page(document: bytes, *, identifying: bool = False) -> Page:
    """S3Error InternalError where it is no listing. `identifying`: with ETags and version ids."""
    only = _TOLD | _IDENTIFYING if identifying else _TOLD
    root = store_document(document, LISTINGS, only)
    decode = unquote_plus if root.get("EncodingType") == "url" else str
    entries = (*_keys(root, decode), *_prefixes(root, decode))
    return Page(
        document=document,
        root=root,
        entries=entries,
        hidden=frozenset(entry for entry in entries if is_reserved(entry.name)),
        truncated=root.get("IsTruncated").strip().lower() == "true",
    )


def onward(listing: Listing, page: Page, *, ordered: bool = True) -> dict[str, str]:
    """The parameters that ask for what follows. Reserved names at the end of an ordered page are jumped over.

    S3Error InternalError where a truncated page does not say how it goes on.
    """
    last = page.last_name
    if ordered and last.startswith(RESERVED_PREFIX) and RESERVED_PREFIX < last < BEHIND_RESERVED:
        return {listing.value: BEHIND_RESERVED}
    told = page.root.get
    if listing is Listing.OBJECTS_V2:
        found = {"continuation-token": told("NextContinuationToken")}
    elif listing is Listing.OBJECTS:
        # Without a delimiter Amazon's S3 has no NextMarker: the last key is it.
        found = {"marker": _marker(page, "NextMarker") or last}
    else:
        found = {"key-marker": _marker(page, "NextKeyMarker")}
        if version := told("NextVersionIdMarker"):
            found["version-id-marker"] = version
    if not all(found.values()):
        raise S3Error("InternalError", "The store's listing does not say how it goes on.")
    return found


def stretch(query: Iterable[tuple[str, str]], parameters: Mapping[str, str], *, without: str = "") -> str:
    """The client's query, about another stretch of the names."""
    replaced = {*_STRETCH, *parameters, without}
    kept = [pair for pair in query if pair[0] not in replaced]
    return urlencode([*kept, *parameters.items()], quote_via=quote, safe="")


def bounded(query: Sequence[tuple[str, str]], raw_query: str) -> str:
    """The client's query as it came, unless it asks for more than S3 gives at once."""
    asked = dict(query).get("max-keys", "").lstrip("0")
    if not (asked.isascii() and asked.isdecimal()) or (len(asked) < 5 and int(asked) <= MAX_KEYS):
        return raw_query
    pairs = [(name, str(MAX_KEYS) if name == "max-keys" else value) for name, value in query]
    return urlencode(pairs, quote_via=quote, safe="")


def joined(pages: Sequence[Page], size_of: Callable[[Entry], int], *, ended: bool = False) -> bytes:
    """One page for the client. `ended`: nothing follows, whatever the store says."""
    first, last = pages[0], pages[-1]
    edits = [edit for found in _changes(first, size_of).values() for edit in found]
    if len(pages) > 1:
        edits += _added(first, pages[1:], size_of)
    if last is not first or ended:
        edits += _next_words(first, last, ended=ended)
    shown = sum(len(page.shown) for page in pages)
    if shown != len(first.entries):
        edits += [_number(first.document, node, shown) for node in first.root.all("KeyCount")]
    # Equal places keep their order: sorted is stable, and only insertions share one.
    return b"".join(spliced(first.document, sorted(edits, key=lambda edit: edit[:2])))


_Edit = tuple[int, int, bytes]


def _keys(root: Node, decode: Callable[[str], str]) -> Iterator[Entry]:
    for node in root.children:
        if node.name not in _LISTED:
            continue
        told = {child.name: child for child in node.children}
        texts = {name: child.text for name, child in told.items()}
        size = told.get("Size")
        yield Entry(
            name=decode(texts.get("Key", "")),
            is_prefix=False,
            node=node,
            element=node,
            size=size,
            store_size=0 if size is None else integer_in(size),
            etag=texts.get("ETag", ""),
            version_id=texts.get("VersionId", ""),
        )


def _prefixes(root: Node, decode: Callable[[str], str]) -> Iterator[Entry]:
    for node in root.all("CommonPrefixes"):
        for prefix in node.all("Prefix"):
            yield Entry(name=decode(prefix.text), is_prefix=True, node=prefix, element=node)


def _marker(page: Page, name: str) -> str:
    """Decoded, unless it stands there as the last name does: SeaweedFS 4.48 forgets to encode it."""
    told = page.root.get(name)
    if page.root.get("EncodingType") != "url":
        return told
    decoded = unquote_plus(told)
    return told if told in page.last_names and decoded not in page.last_names else decoded


def _changes(page: Page, size_of: Callable[[Entry], int]) -> dict[Node, list[_Edit]]:
    """What becomes of each entry's element: hidden names are cut out, sizes replaced."""
    edits: dict[Node, list[_Edit]] = {}
    for entry in page.entries:
        if entry in page.hidden:
            edits.setdefault(entry.element, []).append((entry.node.start, entry.node.end, b""))
        elif entry.size is not None:
            edits[entry.element] = [_number(page.document, entry.size, size_of(entry))]
    shown = {entry.element for entry in page.shown}
    return {node: found if node in shown else [(node.start, node.end, b"")] for node, found in edits.items()}


def _added(first: Page, others: Sequence[Page], size_of: Callable[[Entry], int]) -> Iterator[_Edit]:
    """The entries of further pages, behind those of their kind."""
    closing = first.document.rindex(b"<", first.root.start, first.root.end)
    keys = [node for node in first.root.children if node.name in _LISTED]
    prefixes = list(first.root.all("CommonPrefixes"))
    behind_keys = keys[-1].end if keys else prefixes[0].start if prefixes else closing
    behind_prefixes = prefixes[-1].end if prefixes else max(closing, behind_keys)
    changes = [(page, _changes(page, size_of)) for page in others]
    for names, place in ((_LISTED, behind_keys), ({"CommonPrefixes"}, behind_prefixes)):
        pieces = [
            piece
            for page, edits in changes
            for node in page.root.children
            if node.name in names
            for piece in spliced(page.document, edits.get(node, ()), node.start, node.end)
        ]
        yield place, place, b"".join(pieces)


def _next_words(first: Page, last: Page, *, ended: bool) -> Iterator[_Edit]:
    """Whether and how it goes on, as the last page has it."""
    told = b"" if ended else b"".join(_raw(last, node) for node in last.root.children if node.name in _NEXT)
    for node in first.root.children:
        if node.name in _NEXT:
            yield node.start, node.end, b""
        elif node.name == "IsTruncated":
            truncated = b"true" if last.truncated and not ended else b"false"
            opened, closing = _inside(first.document, node)
            yield opened, closing, truncated
            yield node.end, node.end, told


def _raw(page: Page, node: Node) -> bytes:
    return page.document[node.start : node.end]


def _number(document: bytes, node: Node, value: int) -> _Edit:
    """The element with another number in it; its tags stay as they are."""
    return *_inside(document, node), str(value).encode()


def _inside(document: bytes, node: Node) -> tuple[int, int]:
    opened = document.index(b">", node.start) + 1
    return opened, document.rindex(b"<", opened, node.end)
