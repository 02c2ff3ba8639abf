"""The sizes that a listing shows.

Of a sealed object the plaintext's, by arithmetic. Where plaintext is read too (mode migrate), an object may
be either, and nearly every size above 123 bytes could be a sealed one: such an object is asked for its
envelope, a few at once, each body once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from proxy.gateway.call import Call
from proxy.gateway.rules import Mode
from proxy.gateway.side_by_side import side_by_side
from proxy.gateway.store import request_for
from proxy.gateway.trace import Phase
from proxy.s3.errors import S3Error
from proxy.s3.headers import store_headers
from proxy.s3.listings import Entry
from proxy.s3.request import renamed
from proxy.seal.envelope import HEADER
from proxy.seal.errors import NotSealed
from proxy.seal.geometry import plain_size

AT_ONCE = 16
"""Questions of one listing."""
ANSWER_BYTES = 65_536
"""What a connection holds while an answer comes."""


async def shown_sizes(call: Call, entries: Iterable[Entry]) -> Mapping[Entry, int]:
    """Of all entries that have a size. Raises S3Error, UpstreamError, OverBudget."""
    now = call.rooms.now()
    shown: dict[Entry, int] = {}
    doubtful: list[Entry] = []
    for entry in entries:
        rule = call.rooms.rules.for_name(call.request.bucket, entry.name)
        shown[entry] = entry.store_size if rule.mode is Mode.PASSTHROUGH else _as_sealed(entry.store_size)
        if shown[entry] != entry.store_size and rule.reads_plain(now):
            doubtful.append(entry)
    shown |= {entry: entry.store_size for entry in await _plain(call, doubtful)}
    return shown


def _as_sealed(size: int) -> int:
    try:
        return plain_size(size)
    except NotSealed:
        return (
            size  # a folder marker, or a foreign object that is plain where plaintext is read, else refused
        )


async def _plain(call: Call, doubtful: Sequence[Entry]) -> list[Entry]:
    """Those that are not sealed."""
    sightings, bucket = call.rooms.sightings, call.request.bucket
    known = {
        entry: sightings.maybe_sealed(bucket, entry.name, entry.etag, entry.store_size) for entry in doubtful
    }
    unknown = [entry for entry, sealed in known.items() if sealed is None]
    if unknown:
        async with call.hold(ANSWER_BYTES * min(AT_ONCE, len(unknown))):
            with call.trace.during(Phase.STORE):
                looks = (_look(call, entry) for entry in unknown)
                known |= zip(unknown, await side_by_side(looks, at_once=AT_ONCE), strict=True)
    return [entry for entry, sealed in known.items() if not sealed]


async def _look(call: Call, entry: Entry) -> bool:
    """Whether there is an envelope. What the store does not show to this client, or has no more, has none."""
    version = f"versionId={quote(entry.version_id, safe='')}" if entry.version_id else ""
    try:
        named = replace(call, request=renamed(call.request, entry.name))
    except S3Error:
        return False  # no client can name it
    headers = store_headers(call.operation.name, call.request.headers)
    request = request_for(named, headers, method="HEAD", query=version)
    async with call.rooms.sightings.asking, call.store.upstream.open(request) as response:
        if response.status >= 500:
            raise S3Error("ServiceUnavailable")
        sealed = HEADER in response.headers
        if response.status == 200 and _bare(response.headers.get("etag", "")) == _bare(entry.etag):
            call.rooms.sightings.saw(
                call.request.bucket, entry.name, entry.etag, entry.store_size, sealed=sealed
            )
        return sealed


def _bare(etag: str) -> str:
    return etag.strip('"')
