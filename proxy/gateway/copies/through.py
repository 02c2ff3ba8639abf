"""Copies that pass through here: the source is read and opened, the target sealed under a new content key.

In bounded memory: what is held is below 5 MiB. What is read is bound to what was looked at, and the target's
end goes out only when the whole source has proven itself: one that is damaged or ends early leaves nothing.
"""

from collections.abc import AsyncIterator, Mapping

from proxy.gateway.call import Call
from proxy.gateway.copies.plain import OPEN_BUFFERS_BYTES, Plaintext, plaintext_of
from proxy.gateway.copies.source import Made, Source, made_result
from proxy.gateway.copies.ways import Form, target_form
from proxy.gateway.datakeys import SealingKey, sealing_key
from proxy.gateway.exchange import Buffer
from proxy.gateway.new_envelope import content_keys, new_envelope
from proxy.gateway.sealing_plan import plan_for
from proxy.gateway.sending import MAX_SEALED_BYTES, STREAM_BUFFERS_BYTES, send
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.gateway.store_encryption import asked_of_store, told_by_store
from proxy.gateway.trace import Phase
from proxy.s3.checksums import running_checksum
from proxy.s3.copying import checksum_elements, wanted_checksum
from proxy.s3.encryption import parse_encryption
from proxy.s3.errors import S3Error
from proxy.s3.headers import ENVELOPE, check_metadata
from proxy.seal.checksums import COMPOSITE
from proxy.seal.geometry import SMALLEST_PART, sealed_size
from proxy.seal.sealer import Sealer, seal_body
from proxy.upstream.messages import Response


async def copy_through(call: Call, source: Source, described: dict[str, str]) -> Made:
    """Raises SourceChanged, and whatever reading the source and writing the target raise."""
    if sealed_size(source.plain_length) > MAX_SEALED_BYTES:
        raise S3Error(
            "InvalidRequest",
            "The specified copy source is larger than the maximum allowable size for a copy source that "
            "passes through here: use UploadPartCopy.",
        )
    if source.plain_length and call.request.key.endswith("/") and call.store.capabilities.drops_folder_bodies:
        raise S3Error("InvalidRequest", "This store keeps no body under a name that ends in a slash.")
    if target_form(call, source) is Form.SEALED:
        return await _sealed(call, source, described)
    return await _plain(call, source, described)


async def _sealed(call: Call, source: Source, described: dict[str, str]) -> Made:
    sealing = await sealing_key(call, plan_for(call, parse_encryption(call.request.headers)))
    sought = wanted_checksum(call.request.headers)
    if sought is not None and sought not in source.checksums and source.plain_length < SMALLEST_PART:
        return await _held(call, source, described, sealing, sought)
    content = content_keys(call, sealing)
    # Together in one place: the envelope, or with what is yet to be computed at the body's end.
    checksums = _of_the_whole(source.checksums) if sought is None or sought in source.checksums else {}
    envelope = new_envelope(call, sealing, content, plain_length=source.plain_length, checksums=checksums)
    check_metadata(described, envelope_length=len(envelope))
    sealer = Sealer(
        content_key=content.inner,
        outer_content_key=content.outer,
        run_id=call.rooms.random(12),
        plain_length=source.plain_length,
    )
    request = request_for(call, described | {ENVELOPE: envelope})
    async with (
        call.hold(STREAM_BUFFERS_BYTES + OPEN_BUFFERS_BYTES),
        plaintext_of(source) as plain,
        call.store.upstream.upload(request, content_length=sealer.sealed_length) as upload,
    ):
        body = _Sealing(call, plain, sealer, known=checksums, sought=sought)
        response = await send(call, upload, body.pieces())
        await refuse_unless_ok(call, response)
        return await _made(call, response, body.checksums, sealing)


async def _held(
    call: Call, source: Source, described: dict[str, str], sealing: SealingKey, sought: int
) -> Made:
    """One with a checksum that is yet to be computed, and for which there may be no room behind the body."""
    async with call.hold(source.plain_length + sealed_size(source.plain_length) + OPEN_BUFFERS_BYTES):
        plain, running = bytearray(), running_checksum(sought)
        async with plaintext_of(source) as read:
            async for piece in read.pieces():
                plain += piece
                running.update(piece)
            checksums = _of_the_whole({**source.checksums, **read.checksums})
        checksums[sought] = running.digest()
        content = content_keys(call, sealing)
        envelope = new_envelope(call, sealing, content, plain_length=len(plain), checksums=checksums)
        check_metadata(described, envelope_length=len(envelope))
        with call.trace.during(Phase.CRYPTO):
            sealed = seal_body(
                plain,
                content_key=content.inner,
                outer_content_key=content.outer,
                run_id=call.rooms.random(12),
            )
        async with answer_to(call, request_for(call, described | {ENVELOPE: envelope}), sealed) as response:
            await refuse_unless_ok(call, response)
            return await _made(call, response, checksums, sealing)


async def _made(call: Call, response: Response, checksums: Mapping[int, bytes], sealing: SealingKey) -> Made:
    etag, elements = response.headers.get("etag", ""), checksum_elements(checksums)
    result = await made_result(call, response.headers, etag=etag, checksums=elements)
    return Made(result=result, headers=response.headers, encryption=sealing.told())


async def _plain(call: Call, source: Source, described: dict[str, str]) -> Made:
    """To a name that is not sealed, or a folder marker, which holds nothing to seal."""
    request = request_for(call, described | asked_of_store(call))
    async with (
        call.hold(STREAM_BUFFERS_BYTES + OPEN_BUFFERS_BYTES),
        plaintext_of(source) as plain,
        call.store.upstream.upload(request, content_length=source.plain_length) as upload,
    ):
        call.trace.encryption = "passthrough"
        response = await send(call, upload, plain.pieces())
        await refuse_unless_ok(call, response)
        result = await made_result(call, response.headers, etag=response.headers.get("etag", ""))
        told = told_by_store(call, response.headers)
        return Made(result=result, headers=response.headers, encryption=told)


class _Sealing:
    """The sealed target, and the checksums that its client is told."""

    def __init__(
        self,
        call: Call,
        plain: Plaintext,
        sealer: Sealer,
        *,
        known: Mapping[int, bytes],
        sought: int | None,
    ) -> None:
        self._trace = call.trace
        self._plain = plain
        self._sealer = sealer
        self._known = known
        self._running = {} if sought is None or sought in known else {sought: running_checksum(sought)}
        self.checksums = dict(known)

    async def pieces(self) -> AsyncIterator[Buffer]:
        """The last of them is made when the whole source was read and proven."""
        async for plain in self._plain.pieces():
            for running in self._running.values():
                running.update(plain)
            for sealed in self._sealer.feed(plain):
                yield sealed
        self.checksums |= _of_the_whole(self._plain.checksums)
        self.checksums |= {code: running.digest() for code, running in self._running.items()}
        late = {code: each for code, each in self.checksums.items() if code not in self._known}
        with self._trace.during(Phase.CRYPTO):
            final = self._sealer.finish(late)
        yield final


def _of_the_whole(checksums: Mapping[int, bytes]) -> dict[int, bytes]:
    """Without those that are made of parts' checksums: the copy has no parts."""
    return {code: digest for code, digest in checksums.items() if not code & COMPOSITE}
