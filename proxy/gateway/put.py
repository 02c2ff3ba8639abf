"""PutObject: the body is sealed on its way to the store.

A body that fits is held, proven, and sent in one piece that can be sent again. A larger one streams: its
final segment goes out only when every claim about the plaintext is proven, else the upload is cut before its
end and the store keeps nothing.
"""

from collections.abc import AsyncIterator, Mapping

from proxy.gateway.call import Call
from proxy.gateway.datakeys import SealingKey, sealing_key
from proxy.gateway.exchange import Buffer
from proxy.gateway.forward import content_md5
from proxy.gateway.new_envelope import ContentKeys, content_keys, new_envelope
from proxy.gateway.pump import PlainBody
from proxy.gateway.rules import Mode as RuleMode
from proxy.gateway.sealing_plan import plan_for
from proxy.gateway.sending import MAX_SEALED_BYTES, STREAM_BUFFERS_BYTES, delayed, send
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.gateway.store_encryption import asked_of_store, told_by_store
from proxy.gateway.trace import Phase
from proxy.s3.checksums import response_header
from proxy.s3.encryption import parse_encryption
from proxy.s3.errors import S3Error
from proxy.s3.headers import ENVELOPE, check_metadata, client_headers, store_headers
from proxy.s3.upload_checksums import object_claims
from proxy.seal.geometry import sealed_size
from proxy.seal.sealer import Sealer, seal_body
from proxy.seal.tail import has_room_for
from proxy.upstream.messages import Response


async def put_object(call: Call) -> None:
    body = PlainBody(call, object_claims(call.request.headers))
    await body.measure()
    headers = store_headers("PutObject", call.request.headers)
    if sealed_size(body.length) > MAX_SEALED_BYTES:
        raise S3Error("EntityTooLarge", ProposedSize=str(body.length))
    if body.length and call.request.key.endswith("/") and call.store.capabilities.drops_folder_bodies:
        raise S3Error("InvalidRequest", "This store keeps no body under a name that ends in a slash.")
    if call.rule.mode is RuleMode.PASSTHROUGH or _is_folder_marker(call, body):
        await put_plain(call, body, headers | asked_of_store(call))
        return
    sealing = await sealing_key(call, plan_for(call, parse_encryption(call.request.headers)))
    if body.length <= call.rooms.held_body_bytes or _has_no_room_behind(body):
        await _put_held(call, body, headers, sealing)
    else:
        await _put_streamed(call, body, headers, sealing)


async def _put_held(call: Call, body: PlainBody, headers: dict[str, str], sealing: SealingKey) -> None:
    async with call.hold(body.length + sealed_size(body.length)):
        plain = await body.whole()
        content = content_keys(call, sealing)
        with call.trace.during(Phase.CRYPTO):
            envelope = _envelope(call, sealing, content, body.length, body.claims.verified)
            sealed = seal_body(
                plain,
                content_key=content.inner,
                outer_content_key=content.outer,
                run_id=call.rooms.random(12),
            )
        told = headers | {ENVELOPE: envelope} | _digest_for_locks(headers, sealed)
        async with answer_to(call, request_for(call, told), sealed) as response:
            await _reply(call, response, sealing.told(), body)


async def _put_streamed(call: Call, body: PlainBody, headers: dict[str, str], sealing: SealingKey) -> None:
    async with call.hold(STREAM_BUFFERS_BYTES):
        content = content_keys(call, sealing)
        # Claims that came ahead of the body may go into the envelope now: if one is wrong, nothing is kept.
        envelope = _envelope(call, sealing, content, body.length, body.claims.claimed)
        sealer = Sealer(
            content_key=content.inner,
            outer_content_key=content.outer,
            run_id=call.rooms.random(12),
            plain_length=body.length,
        )
        request = request_for(call, headers | {ENVELOPE: envelope})
        async with call.store.upstream.upload(request, content_length=sealer.sealed_length) as upload:
            response = await send(call, upload, _sealed_pieces(call, body, sealer))
            await _reply(call, response, sealing.told(), body)


async def put_plain(call: Call, body: PlainBody, headers: dict[str, str]) -> None:
    """Through as it is: a passthrough bucket, or a folder marker, which holds nothing to seal."""
    call.trace.encryption = "passthrough"
    request = request_for(call, headers)
    if body.length <= call.rooms.held_body_bytes:
        async with (
            call.hold(body.length),
            answer_to(call, request, await body.whole()) as response,
        ):
            await _reply(call, response, told_by_store(call, response.headers), body)
        return
    async with (
        call.hold(STREAM_BUFFERS_BYTES),
        call.store.upstream.upload(request, content_length=body.length) as upload,
    ):
        response = await send(call, upload, delayed(body.pieces()))
        await _reply(call, response, told_by_store(call, response.headers), body)


def _digest_for_locks(headers: Mapping[str, str], sealed: Buffer) -> dict[str, str]:
    """S3 asks for a digest of a body that is held by a lock."""
    locked = any(name.startswith("x-amz-object-lock-") for name in headers)
    return {"content-md5": content_md5(sealed)} if locked else {}


async def _sealed_pieces(call: Call, body: PlainBody, sealer: Sealer) -> AsyncIterator[Buffer]:
    """The sealed body; its end comes only when everything about the plaintext is proven."""
    known_before = body.claims.claimed
    async for plain in body.pieces():
        for sealed in sealer.feed(plain):
            yield sealed
    with call.trace.during(Phase.CRYPTO):
        final = sealer.finish({} if known_before else body.claims.verified)
    yield final


def _envelope(
    call: Call,
    sealing: SealingKey,
    content: ContentKeys,
    plain_length: int,
    checksums: Mapping[int, bytes],
) -> str:
    envelope = new_envelope(call, sealing, content, plain_length=plain_length, checksums=checksums)
    check_metadata(call.request.headers, envelope_length=len(envelope))
    return envelope


def _has_no_room_behind(body: PlainBody) -> bool:
    """A checksum that comes last is kept behind the body; below 5 MiB one of SHA-512 has no room there."""
    late = body.claims.late
    return late is not None and not has_room_for(late, plain_length=body.length)


def _is_folder_marker(call: Call, body: PlainBody) -> bool:
    return body.length == 0 and call.request.key.endswith("/")


async def _reply(call: Call, response: Response, encryption: dict[str, str], body: PlainBody) -> None:
    await refuse_unless_ok(call, response)
    headers = client_headers(response.headers) | encryption
    call.trace.version_id = headers.get("x-amz-version-id", "")
    for code, digest in body.claims.verified.items():
        name, value = response_header(code, digest)
        headers |= {name: value, "x-amz-checksum-type": "FULL_OBJECT"}
    await call.reply(200, headers)
