"""What lies behind an object's last segment: its index, asked for by itself.

Always of the body that an answer just told of: another one under the same name by now is no damage, and the
read begins anew.
"""

from collections.abc import Awaitable, Callable, Mapping

from proxy.gateway.call import Call
from proxy.gateway.known_objects import Known, Name
from proxy.gateway.refusals import Overwritten
from proxy.gateway.sealed_object import GONE, SealedObject, sealed_total, version_query
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.seal.envelope import HEADER, OpenEnvelope, read_envelope
from proxy.seal.errors import FormatError, TamperedBody
from proxy.seal.geometry import tail_first, tail_size
from proxy.seal.layout import Layout, OneRun
from proxy.seal.parts import Parts, missing_of_index, open_parts
from proxy.seal.tail import tail_checksums
from proxy.upstream.messages import Response, UpstreamBroken

TRIES = 3
FIRST_END_BYTES = 65_536
"""Asked for at first, where a body's end may be longer: the index of some 2,000 parts, checksums included."""
OPENING_COPIES = 4
"""How often an index lies in memory while it is opened: as it came, as one, decrypted, in columns."""


async def until_it_stands_still(call: Call, attempt: Callable[[], Awaitable[None]]) -> None:
    """Attempt a read again where the object was overwritten in the middle, a few times."""
    for _ in range(TRIES - 1):
        try:
            await attempt()
        except Overwritten:
            call.rooms.known.forget(name_of(call))
        else:
            return
    await attempt()


def name_of(call: Call) -> Name:
    return call.store.name, call.request.bucket, call.request.key, version_query(call)


async def layout_of(call: Call, found: SealedObject, opened: OpenEnvelope) -> Layout:
    """Where the bytes of the object lie, whatever its parts. Raises what known_parts does."""
    if found.envelope.multipart:
        return await known_parts(call, found, opened)
    return OneRun(found.plain_length)


async def known_parts(call: Call, found: SealedObject, opened: OpenEnvelope) -> Parts:
    """Where the parts of a multipart object lie, from memory or from its index.

    Raises Overwritten, and TamperedBody where the index is not this body's.
    """
    parts = call.rooms.known.parts(opened.seal)
    if parts is None:
        parts = await _read_parts(call, found, opened)
        call.rooms.known.keep(name_of(call), Known(seal=opened.seal, etag=found.etag, layout=parts))
    check_size(found, parts)
    return parts


def check_size(found: SealedObject, parts: Parts) -> None:
    """The size is the answer's, the parts may come from memory. Raises TamperedBody."""
    if found.plain_length != parts.plain_length:
        raise TamperedBody("sum of the parts")


async def late_checksums(call: Call, found: SealedObject, opened: OpenEnvelope) -> Mapping[int, bytes]:
    """Those that were not known before the upload began, and so lie in the index, for one request more."""
    if found.envelope.multipart:
        return (await known_parts(call, found, opened)).checksums
    first = tail_first(found.plain_length)
    tail = await _bytes_of(call, found, first, found.sealed_length)
    return tail_checksums(tail, content_key=opened.content_key, plain_length=found.plain_length)


async def _read_parts(call: Call, found: SealedObject, opened: OpenEnvelope) -> Parts:
    """In one request for most objects, in two for those of thousands of parts."""
    start = found.sealed_length - min(tail_size(found.plain_length), FIRST_END_BYTES)
    async with call.hold(OPENING_COPIES * (found.sealed_length - start)):
        end = await _bytes_of(call, found, start, found.sealed_length)
        missing = missing_of_index(end, plain_length=found.plain_length)
        async with call.hold(OPENING_COPIES * missing):
            if missing:
                end = await _bytes_of(call, found, start - missing, start) + end
            return open_parts(end, content_key=opened.content_key, plain_length=found.plain_length)


async def _bytes_of(call: Call, found: SealedObject, first: int, behind: int) -> bytes:
    """Bytes of the very body that was found. Raises Overwritten, UpstreamBroken."""
    headers = {"range": f"bytes={first}-{behind - 1}"}
    if found.etag:
        headers["if-match"] = found.etag
    request = request_for(call, headers, method="GET", query=version_query(call))
    async with answer_to(call, request) as response:
        if response.status in GONE:
            raise Overwritten
        await refuse_unless_ok(call, response)
        if sealed_total(response, sealed_first=first) != found.sealed_length or not _same(response, found):
            raise Overwritten
        held = await response.read(limit=behind - first)
        if len(held) != behind - first:
            raise UpstreamBroken("the store sent less than it said")
        return held


def _same(response: Response, found: SealedObject) -> bool:
    """Whether the answer is of the same body: not every store obeys If-Match."""
    try:
        return read_envelope(response.headers.get(HEADER, "")).seal == found.envelope.seal
    except FormatError:
        return False
