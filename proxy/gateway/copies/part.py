"""UploadPartCopy: a source, or a range of it, becomes a part of an upload.

A part is sealed under the keys of its upload's body, so what it is made of passes through here: opened, and
sealed as this part. Only between names that are not sealed the store copies by itself.
"""

from collections.abc import AsyncIterator, Mapping
from functools import partial

from proxy.gateway.call import Call
from proxy.gateway.copies.copy import refuse_body
from proxy.gateway.copies.plain import OPEN_BUFFERS_BYTES, Plaintext, Range, plaintext_of
from proxy.gateway.copies.source import Source, SourceChanged, from_source, source_name
from proxy.gateway.copies.ways import refuse_plaintext_copy
from proxy.gateway.exchange import Buffer
from proxy.gateway.forward import XML
from proxy.gateway.multipart.part import part_target, send_part
from proxy.gateway.multipart.upload import part_number
from proxy.gateway.patience import patience
from proxy.gateway.rules import Mode
from proxy.gateway.sending import STREAM_BUFFERS_BYTES, send
from proxy.gateway.store import ERROR_BYTES, answer_to, refusal, refuse_unless_ok, request_for
from proxy.s3.checksums import running_checksum
from proxy.s3.copying import (
    SOURCE_RANGE,
    CopyResult,
    build_copy_result,
    checksum_elements,
    iso_date,
    parse_copy_result,
    source_range,
)
from proxy.s3.encryption import refuse_on_read

Told = tuple[CopyResult, Mapping[str, str]]
"""The part, and the headers that tell of its encryption and source."""


async def copy_part(call: Call) -> None:
    refuse_body(call)
    refuse_on_read(call.request.headers)
    number = part_number(call)
    call.trace.source = source_name(call)
    plain = call.rule.mode is Mode.PASSTHROUGH
    async with patience(call):
        result, told = await from_source(
            call, partial(_as_it_is, call) if plain else partial(_sealed, call, number)
        )
    await call.reply(200, dict(told) | XML, build_copy_result("CopyPartResult", result))


async def _sealed(call: Call, number: int, source: Source) -> Told:
    asked = source_range(call.request.headers, source.plain_length)
    target = await part_target(call, number)
    checksum = target.upload.checksum
    async with call.hold(OPEN_BUFFERS_BYTES), plaintext_of(source, asked) as plain:
        part = _Part(plain, compute=checksum.code if checksum else None)
        told = await send_part(call, target, part)
    return _result(call, told.pop("etag", ""), part.checksums), told | source.told_version


async def _as_it_is(call: Call, source: Source) -> Told:
    """To a name that is not sealed."""
    asked = source_range(call.request.headers, source.plain_length)
    refuse_plaintext_copy(call, source)
    if source.sealed is None and source.call.store.name == call.store.name:
        return await _by_the_store(call, source, asked)
    async with call.hold(STREAM_BUFFERS_BYTES + OPEN_BUFFERS_BYTES), plaintext_of(source, asked) as plain:
        call.trace.encryption = "passthrough"
        request = request_for(call, {})
        async with call.store.upstream.upload(request, content_length=plain.length) as upload:
            response = await send(call, upload, plain.pieces())
            await refuse_unless_ok(call, response)
            return _result(call, response.headers.get("etag", ""), {}), source.told_version


async def _by_the_store(call: Call, source: Source, asked: Range | None) -> Told:
    call.trace.encryption = "passthrough"
    part = {SOURCE_RANGE: f"bytes={asked[0]}-{asked[1]}"} if asked else {}
    async with answer_to(call, request_for(call, source.bound | part)) as response:
        if response.status == 412:
            raise SourceChanged(await refusal(call, response))
        await refuse_unless_ok(call, response)
        return parse_copy_result(await response.read(limit=ERROR_BYTES)), source.told_version


def _result(call: Call, etag: str, checksums: Mapping[int, bytes]) -> CopyResult:
    elements = {name: value for name, value in checksum_elements(checksums).items() if name != "ChecksumType"}
    return CopyResult(etag=etag, last_modified=iso_date("", otherwise=call.rooms.now()), checksums=elements)


class _Part:
    """The plaintext of a part, with the checksum that its upload asks of each."""

    def __init__(self, plain: Plaintext, *, compute: int | None) -> None:
        self._plain = plain
        self._running = {} if compute is None else {compute: running_checksum(compute)}
        self.length = plain.length
        self.checksums: Mapping[int, bytes] = {}

    async def pieces(self) -> AsyncIterator[Buffer]:
        async for piece in self._plain.pieces():
            for running in self._running.values():
                running.update(piece)
            yield piece
        self.checksums = {code: running.digest() for code, running in self._running.items()}
