"""What a request is: one reader of the operations table, and the table compiled for it.

A request is known by method, level (service, bucket, object), the query names that single an operation out,
and, for copies, a header. A name that the row does not list is refused by name: it never falls through
to a plainer operation (`PUT ?acl` must not overwrite an object).
"""

from collections.abc import Container

from proxy.s3.errors import S3Error
from proxy.s3.header_wishes import HEADER_WISHES
from proxy.s3.operation_rows import (
    ROWS,
    Level,
    Operation,
)
from proxy.s3.request import S3Request, check_name, percent_decoded
from proxy.s3.treatments import Treatment

RESERVED_PREFIX = ".sealgate/"
COPY_SOURCE = "x-amz-copy-source"

_Place = tuple[str, Level]


def _markers() -> dict[_Place, frozenset[str]]:
    places = {(row.method, row.level) for row in ROWS}
    return {
        place: frozenset(name for row in ROWS if (row.method, row.level) == place for name in row.markers)
        for place in places
    }


def _table() -> dict[tuple[_Place, frozenset[str], bool], Operation]:
    table: dict[tuple[_Place, frozenset[str], bool], Operation] = {}
    for row in ROWS:
        key = ((row.method, row.level), row.markers, row.copies)
        if table.setdefault(key, row) is not row:
            raise AssertionError(f"{row.name} is not told apart from {table[key].name}")
    return table


_MARKERS = _markers()
_LEVEL_MARKERS = {
    level: frozenset(name for (_, where), names in _MARKERS.items() if where is level for name in names)
    for level in Level
}
_TABLE = _table()
_TELLING_WISHES = {
    name: tuple(beginning for beginning, _ in wishes) for name, wishes in HEADER_WISHES.items()
}
# What every store does anyway.
_NO_WISH = frozenset(
    {
        ("x-amz-acl", "private"),
        ("x-amz-object-ownership", "BucketOwnerEnforced"),
        ("x-amz-bucket-object-lock-enabled", "false"),
    }
)
# Most requests have no query at all; this way they are two look-ups.
_PLAIN = {(place, copies): row for (place, markers, copies), row in _TABLE.items() if not markers}


def classify(request: S3Request) -> Operation:
    """The row of this request, whatever its treatment is; see `refuse_unserved`.

    Raises S3Error NotImplemented for a query name that the operation does not have, MethodNotAllowed for a
    method that the resource or the named sub-resource does not take.
    """
    level = Level.OBJECT if request.key else Level.BUCKET if request.bucket else Level.SERVICE
    place = (request.method, level)
    copies = COPY_SOURCE in request.headers
    if not request.query:
        row = _PLAIN.get((place, copies)) or _PLAIN.get((place, False))
        if row is None:
            raise S3Error("MethodNotAllowed", Method=request.method)
        return row
    return _by_query(request, place, copies=copies)


def _by_query(request: S3Request, place: _Place, *, copies: bool) -> Operation:
    names = {name for name, _ in request.query}
    markers = names & _MARKERS.get(place, frozenset())
    row = _TABLE.get((place, frozenset(markers), copies)) or _TABLE.get((place, frozenset(markers), False))
    if row is None:
        raise _unknown(names, place)
    for name in names - markers - row.queries:
        raise _unknown({name}, place)
    if "list-type" in markers and ("list-type", "2") not in request.query:
        raise S3Error("InvalidArgument", "The list type is not known.", ArgumentName="list-type")
    return row


def _unknown(names: set[str], place: _Place) -> S3Error:
    """A sub-resource that other methods have is the method's fault, anything else is unknown to us."""
    here = _MARKERS.get(place)
    if here is None or (names & _LEVEL_MARKERS[place[1]] and not names & here):
        return S3Error("MethodNotAllowed", Method=place[0])
    listed = ", ".join(sorted(names))
    return S3Error("NotImplemented", f"These parameters are not implemented here: {listed}.")


def refuse_unserved(operation: Operation) -> None:
    """Raise NotImplemented, with the operation's name, where nobody serves it yet or ever will."""
    if operation.treatment is Treatment.REFUSE:
        raise S3Error("NotImplemented", f"{operation.name} is not implemented.")


def changes_sub_resource(operation: Operation) -> bool:
    """Whether a store that does not know the sub-resource's name would do something else instead.

    `PUT ?acl` is then a PutObject, `DELETE ?lifecycle` a DeleteBucket. A read is only answered wrongly.
    """
    forwarded = operation.treatment is Treatment.FORWARD
    return forwarded and bool(operation.markers) and operation.method not in {"GET", "HEAD"}


def refuse_unknown_to_store(operation: Operation, request: S3Request, knows: Container[str]) -> None:
    """Raise NotImplemented for what the store is not known to carry out: an operation, or a header's wish."""
    if changes_sub_resource(operation) and operation.name not in knows:
        raise S3Error("NotImplemented", f"This bucket's store is not known to have {operation.name}.")
    wishes = _TELLING_WISHES.get(operation.name)
    if wishes is None:
        return
    for name, value in request.headers.items():
        if name.startswith(wishes) and (name, value) not in _NO_WISH:
            for beginning, needed in HEADER_WISHES[operation.name]:
                if name.startswith(beginning) and needed not in knows:
                    words = f"The header {name} is not implemented: this bucket's store is not known to have"
                    raise S3Error("NotImplemented", f"{words} {needed}.", Header=name)


def is_reserved(key: str) -> bool:
    """Whether a decoded key or prefix lies among our own state objects.

    Seen also as a store would that drops empty and dot segments, or takes a backslash for a slash.
    """
    if "\\" in key:
        key = key.replace("\\", "/")
    if key.startswith(RESERVED_PREFIX):
        return True
    if RESERVED_PREFIX not in key:
        return False
    kept: list[str] = []
    for segment in key.split("/"):
        if segment == ".." and kept:
            kept.pop()
        elif segment not in {"", ".", ".."}:
            kept.append(segment)
    return bool(kept) and f"{kept[0]}/" == RESERVED_PREFIX


def refuse_reserved(request: S3Request) -> None:
    """Raise AccessDenied where key, prefix or copy source is reserved. DeleteObjects asks key by key."""
    named = [request.key, *(value for name, value in request.query if name == "prefix")]
    if COPY_SOURCE in request.headers:
        named.append(copy_source(request)[1])
    if any(is_reserved(name) for name in named):
        raise S3Error("AccessDenied", f"Names under {RESERVED_PREFIX} are reserved.")


def copy_source(request: S3Request) -> tuple[str, str, str]:
    """Bucket, key and version id (or "") of the copy source, decoded once; InvalidArgument if malformed.

    Raises what a request for that name raises, too: a key that climbs out of its bucket would be another's.
    """
    path, _, version = request.headers[COPY_SOURCE].partition("?versionId=")
    bucket, _, key = percent_decoded(path.removeprefix("/")).partition("/")
    if not bucket or not key:
        raise S3Error(
            "InvalidArgument", "The copy source must name a bucket and a key.", ArgumentName=COPY_SOURCE
        )
    check_name(bucket, key)
    return bucket, key, percent_decoded(version)
