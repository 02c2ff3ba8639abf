"""UploadPart, and the step that it shares with copies: a plaintext stream becomes part n of an upload.

Each attempt is a run under a run id of its own. A part is recorded beside the store's own where its Complete
will need more than the store can tell: its checksum, or its sealed bytes for the object's tail to follow.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from proxy.gateway.call import Call
from proxy.gateway.datakeys import encryption_of
from proxy.gateway.exchange import Buffer
from proxy.gateway.multipart.memory import OpenUpload, PartNote
from proxy.gateway.multipart.upload import open_upload, opened_for_parts, part_number, upload_request
from proxy.gateway.pump import PlainBody
from proxy.gateway.put import put_plain
from proxy.gateway.rules import Mode as RuleMode
from proxy.gateway.sending import MAX_SEALED_BYTES, STREAM_BUFFERS_BYTES, send
from proxy.gateway.store import answer_to, refuse_unless_ok
from proxy.gateway.trace import Phase
from proxy.s3.checksums import response_header
from proxy.s3.encryption import refuse_on_read
from proxy.s3.errors import S3Error
from proxy.s3.headers import client_headers, store_headers
from proxy.s3.multipart import MOST_PARTS, unquoted
from proxy.s3.upload_checksums import part_claims
from proxy.seal.envelope import OpenEnvelope
from proxy.seal.geometry import ROOM_PER_PART, SMALLEST_PART, run_size
from proxy.seal.records import Kept, PartRecord, part_record_name, run_name, seal_part_record
from proxy.seal.sealer import Sealer, seal_part
from proxy.upstream.messages import AnsweredEarly, Request, Response, Upload, UpstreamBroken

LONGEST_TAIL = ROOM_PER_PART * MOST_PARTS
"""An object's tail can follow a part that is kept, and the two must fit into one part of the store's."""


class PlainSource(Protocol):
    """A part's plaintext. Read once, by one task."""

    @property
    def length(self) -> int:
        """Bytes that will come."""

    @property
    def checksums(self) -> Mapping[int, bytes]:
        """By code, once the pieces have ended: what is known of the plaintext."""

    def pieces(self) -> AsyncIterator[Buffer]:
        """The plaintext in order; when they end without an error, everything about it is proven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTarget:
    """Where a part goes: an upload, with the keys of its body, and a number in it."""

    upload: OpenUpload
    opened: OpenEnvelope
    number: int


async def upload_part(call: Call) -> None:
    number = part_number(call)
    refuse_on_read(call.request.headers)
    if call.rule.mode is RuleMode.PASSTHROUGH:
        body = PlainBody(call, part_claims(call.request.headers, None))
        await put_plain(call, body, store_headers("UploadPart", call.request.headers))
        return
    target = await part_target(call, number)
    body = PlainBody(call, part_claims(call.request.headers, target.upload.checksum))
    told = await send_part(call, target, body)
    for code, digest in body.checksums.items():
        name, value = response_header(code, digest)
        told[name] = value
    await call.reply(200, told)


async def part_target(call: Call, number: int) -> PartTarget:
    """The upload that the request names. Raises S3Error, KeyServiceError, FormatError, UpstreamError."""
    upload = await open_upload(call)
    return PartTarget(upload=upload, opened=await opened_for_parts(call, upload.envelope), number=number)


async def send_part(call: Call, target: PartTarget, source: PlainSource) -> dict[str, str]:
    """Seal the source as this part, and record it where that is needed; the answer's headers.

    Nothing is left at the store that Complete could take where the source raises.
    """
    keep = _must_keep(call, target, source.length)
    if run_size(source.length) + (LONGEST_TAIL if keep else 0) > MAX_SEALED_BYTES:
        raise S3Error("EntityTooLarge", ProposedSize=str(source.length))
    run_id = call.rooms.random(12)
    held = max(call.rooms.held_body_bytes, SMALLEST_PART - 1 if keep else 0)
    if source.length <= held:
        headers = await _send_held(call, target, source, run_id, keep=keep)
    else:
        headers = await _send_streamed(call, target, source, run_id, keep=keep)
    return headers | encryption_of(call, target.upload.envelope)


def _must_keep(call: Call, target: PartTarget, plain_length: int) -> bool:
    """Whether the object's tail may have to follow this part's own bytes in one part of the store's.

    Behind a part below the smallest size nothing can follow, and behind the last number neither. Where the
    store wants parts of one size, a part is kept unless another one of its size is there: only the last
    may differ, and nobody can tell yet which one it is.
    """
    if plain_length < SMALLEST_PART or target.number == MOST_PARTS:
        return True
    return call.store.capabilities.equal_parts and not call.rooms.uploads.has_other_part_of(
        target.upload.name, target.number, plain_length
    )


async def _send_held(
    call: Call, target: PartTarget, source: PlainSource, run_id: bytes, *, keep: bool
) -> dict[str, str]:
    async with call.hold((3 if keep else 2) * source.length):
        plain = bytearray()
        async for piece in source.pieces():
            plain += piece
        with call.trace.during(Phase.CRYPTO):
            run = seal_part(
                plain,
                content_key=target.opened.content_key,
                outer_content_key=target.opened.outer_content_key,
                run_id=run_id,
                part=target.number,
            )
        async with answer_to(call, _part_request(call, target), run) as response:
            await refuse_unless_ok(call, response)
            headers = client_headers(response.headers)
        kept = Kept.BEHIND if keep else Kept.NOWHERE
        await _note(call, target, source, run_id, headers, kept=kept, behind=run if keep else b"")
        return headers


async def _send_streamed(
    call: Call, target: PartTarget, source: PlainSource, run_id: bytes, *, keep: bool
) -> dict[str, str]:
    async with call.hold(STREAM_BUFFERS_BYTES), AsyncExitStack() as opened:
        sealer = Sealer(
            content_key=target.opened.content_key,
            outer_content_key=target.opened.outer_content_key,
            run_id=run_id,
            plain_length=source.length,
            part=target.number,
        )
        length = sealer.sealed_length
        request = _part_request(call, target)
        upload = await opened.enter_async_context(call.store.upstream.upload(request, content_length=length))
        if keep:
            name = target.upload.name
            beside = call.store.state.uploading(
                name.bucket, name.prefix + run_name(target.number, run_id), length=length
            )
            upload = _Both(call, upload, await opened.enter_async_context(beside))
        response = await send(call, upload, _sealed_pieces(call, source, sealer))
        await refuse_unless_ok(call, response)
        headers = client_headers(response.headers)
        kept = Kept.BESIDE if keep else Kept.NOWHERE
        await _note(call, target, source, run_id, headers, kept=kept)
        return headers


async def _sealed_pieces(call: Call, source: PlainSource, sealer: Sealer) -> AsyncIterator[Buffer]:
    """The run; its last segment comes only when everything about the plaintext is proven."""
    async for plain in source.pieces():
        for sealed in sealer.feed(plain):
            yield sealed
    with call.trace.during(Phase.CRYPTO):
        final = sealer.finish()
    yield final


class _Both:
    """An Upload of the same bytes to two places; the answer is the part's."""

    def __init__(self, call: Call, part: Upload, beside: Upload) -> None:
        self._call = call
        self._part = part
        self._beside = beside
        self._answered_early: Upload | None = None

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        for upload in (self._part, self._beside):
            try:
                await upload.write(data)
            except AnsweredEarly:
                self._answered_early = upload
                raise

    async def finish(self) -> Response:
        if self._answered_early is not self._part:
            await self._call.store.state.check(await self._beside.finish())
        if self._answered_early is self._beside:
            raise UpstreamBroken("the store answered success before it had the whole body")
        return await self._part.finish()


async def _note(  # all that is known of one attempt
    call: Call,
    target: PartTarget,
    source: PlainSource,
    run_id: bytes,
    headers: Mapping[str, str],
    *,
    kept: Kept,
    behind: bytes | bytearray = b"",
) -> None:
    """Write the record where Complete will need it, then remember the attempt."""
    upload, etag = target.upload, unquoted(headers.get("etag", ""))
    if kept is not Kept.NOWHERE or upload.records_each_part:
        record = PartRecord(plain_length=source.length, run_id=run_id, checksums=source.checksums, kept=kept)
        sealed = seal_part_record(
            record,
            index_key=upload.index_key,
            tag=upload.tag,
            number=target.number,
            etag=etag,
            nonce=call.rooms.random(12),
        )
        place = upload.name.prefix + part_record_name(target.number, etag)
        with call.trace.during(Phase.STORE):
            await call.store.state.put(upload.name.bucket, place, b"".join((sealed, behind)))
    note = PartNote(etag=etag, plain_length=source.length, run_id=run_id, checksums=dict(source.checksums))
    call.rooms.uploads.note(upload.name, target.number, note)


def _part_request(call: Call, target: PartTarget) -> Request:
    return upload_request(
        call,
        target.upload.name,
        method="PUT",
        headers=store_headers("UploadPart", call.request.headers),
        query={"partNumber": str(target.number)},
    )
