"""HeadObject: what a GET would say of the plaintext, without its bytes.

Sizes follow from the store's by arithmetic, so most answers take one request; a part's place and checksums
that lie in the index take the index too. Nothing of the body is verified: sizes are the store's word, as
those in a listing.
"""

from functools import partial

from proxy.gateway.asked import Asked, Extent, asked_of, extent_of
from proxy.gateway.body_end import known_parts, late_checksums, until_it_stands_still
from proxy.gateway.call import Call
from proxy.gateway.datakeys import check_right_key, encryption_of, opened_envelope
from proxy.gateway.passing import ask_left, head_plain, pass_left, words_for_left
from proxy.gateway.rules import Mode as RuleMode
from proxy.gateway.sealed_object import LeftPlain, SealedObject, maybe_sealed, sealed_total, version_query
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.gateway.told import checksum_headers, part_checksum_headers, wants_checksums
from proxy.s3.encryption import refuse_on_read
from proxy.s3.headers import client_headers, response_overrides, store_headers
from proxy.seal.layout import OneRun
from proxy.upstream.messages import Response


async def head_object(call: Call) -> None:
    refuse_on_read(call.request.headers)
    if call.rule.mode is RuleMode.PASSTHROUGH:
        await head_plain(call)
        return
    asked = asked_of(call.request)
    await until_it_stands_still(call, partial(_head, call, asked))


async def _head(call: Call, asked: Asked) -> None:
    headers = store_headers("HeadObject", call.request.headers) | words_for_left(call)
    async with answer_to(call, request_for(call, headers, query=version_query(call))) as response:
        await refuse_unless_ok(call, response)
        try:
            found = await maybe_sealed(call, response, sealed_total(response))
        except LeftPlain as plain:
            await (pass_left(call, response) if asked.whole else ask_left(call, plain))
            return
        if found is None:
            await _reply(call, response, extent_of(asked, OneRun(0)), {})
            return
        await check_right_key(call, found.envelope)
        extent, extra = await _told(call, asked, found)
        await _reply(call, response, extent, encryption_of(call, found.envelope) | extra)


async def _told(call: Call, asked: Asked, found: SealedObject) -> tuple[Extent, dict[str, str]]:
    """Which bytes a GET would bring, and the checksums that belong to just those."""
    wanted = wants_checksums(call) and asked.range is None
    if found.envelope.multipart and (wanted or asked.part is not None):
        opened = await opened_envelope(call, found.envelope)
        parts = await known_parts(call, found, opened)
        extent = extent_of(asked, parts)
        if not wanted:
            return extent, {}
        if extent.run is not None:
            return extent, part_checksum_headers(parts, extent.run)
        checksums = {**parts.checksums, **opened.checksums}
        return extent, checksum_headers(checksums, parts_count=parts.count)
    # Sizes alone tell of all that is left: ranges, and the one part of a single-part object.
    extent = extent_of(asked, OneRun(found.plain_length))
    if not wanted:
        return extent, {}
    opened = await opened_envelope(call, found.envelope)
    return extent, checksum_headers(opened.checksums or await late_checksums(call, found, opened))


async def _reply(call: Call, response: Response, extent: Extent, extra: dict[str, str]) -> None:
    headers = client_headers(response.headers) | extra | extent.headers() | {"accept-ranges": "bytes"}
    headers |= response_overrides(call.request, signed=call.authenticated is not None)
    await call.reply(extent.status, headers | {"content-length": str(extent.length)})
