"""CompleteMultipartUpload: the client's list is held against the store's, then the object gets its end.

The end (zeros, index, footer) goes up as a part of ours, or behind the client's last part, which was kept for
that. Two Completes of one list make the same bytes; of two lists the store takes one. A Complete whose answer
was lost is known by the upload tag in the object's envelope, and is answered as the success that it was.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hmac import compare_digest

from proxy.finish import finish
from proxy.gateway.call import Call
from proxy.gateway.customer_keys import customer_key_of
from proxy.gateway.datakeys import ENCRYPTION_NAMES, encryption_of
from proxy.gateway.forward import XML, document
from proxy.gateway.multipart.end import send_end
from proxy.gateway.multipart.memory import OpenUpload
from proxy.gateway.multipart.parts import all_parts, maybe_record, note_of, records_of
from proxy.gateway.multipart.plan import (
    check_size,
    end_of,
    index_of,
    named_by_record,
    plain_parts,
)
from proxy.gateway.multipart.upload import maybe_upload, named_upload, opened_for_parts, upload_request
from proxy.gateway.patience import patience
from proxy.gateway.rules import Mode as RuleMode
from proxy.gateway.store import answer_to, refusal, refuse_unless_ok, request_for
from proxy.s3.checksums import PREFIX, Claims
from proxy.s3.encryption import refuse_on_read
from proxy.s3.errors import TABLE, S3Error
from proxy.s3.headers import client_headers, store_headers
from proxy.s3.multipart import (
    MAX_COMPLETE_BYTES,
    CompletedPart,
    CompleteRefused,
    build_complete,
    build_completed,
    in_order,
    parse_complete,
    parse_completed,
)
from proxy.s3.upload_checksums import WholeClaims, whole_claims
from proxy.seal.envelope import HEADER, read_envelope
from proxy.seal.errors import FormatError
from proxy.seal.index import Index
from proxy.seal.records import UploadName
from proxy.upstream.messages import UpstreamBroken, UpstreamError

TRIES = 3
ANSWER_BYTES = 1024 * 1024
"""A store may send a blank every few seconds before it answers."""
CALLED_INVALID = frozenset({"InvalidPart", "InvalidPartOrder"})
REFUSED_CONDITION = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
WORKING_BYTES = 2 * 1024 * 1024
WORKING_BYTES_PER_PART = 2_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The object is there."""

    etag: str
    headers: dict[str, str] = field(default_factory=dict)
    checksum: tuple[int, str, str] | None = None


class _Again(Exception):
    """What the store had a moment ago, it has no more, or nobody knows: look again; at last, `why` counts."""

    def __init__(self, why: Exception) -> None:
        super().__init__(str(why))
        self.why = why


async def complete_upload(call: Call) -> None:
    refuse_on_read(call.request.headers)
    claims = whole_claims(call.request.headers)
    body = bytes(await document(call, _body_claims(call), limit=MAX_COMPLETE_BYTES))
    # 10,000 parts take a moment, in which this worker's other requests go on.
    wished = in_order(await asyncio.to_thread(parse_complete, body))
    async with patience(call):
        done = await _completed(call, wished, claims)
    call.trace.version_id = done.headers.get("x-amz-version-id", "")
    answer = build_completed(
        location=_location(call),
        bucket=call.request.bucket,
        key=call.request.key,
        etag=done.etag,
        checksum=done.checksum,
    )
    await call.reply(200, done.headers | XML, answer)


async def _completed(call: Call, wished: Sequence[CompletedPart], claims: WholeClaims) -> Done:
    tag, name = named_upload(call)
    if call.rule.mode is RuleMode.PASSTHROUGH:
        call.trace.encryption = "passthrough"
        return await _complete_at_store(call, name, [(part.number, part.etag) for part in wished])
    upload = await maybe_upload(call)
    if upload is None:
        return await _earlier(call, tag)
    if customer_key_of(call) is not None:  # it may be left out; a wrong one is no mistake to overlook
        await opened_for_parts(call, upload.envelope)
    completion = _Completion(call=call, upload=upload, wished=wished, claims=claims)
    async with call.hold(WORKING_BYTES + WORKING_BYTES_PER_PART * len(wished)):
        return await finish(completion.run())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Completion:
    """One Complete of an upload whose record was opened."""

    call: Call
    upload: OpenUpload
    wished: Sequence[CompletedPart]
    claims: WholeClaims

    async def run(self) -> Done:
        for attempt in range(TRIES):
            try:
                done = await self._attempt()
            except _Again as exc:
                if attempt + 1 == TRIES:
                    raise exc.why from None
                continue
            await forget_state(self.call, self.upload.name)
            return done
        raise AssertionError

    async def _attempt(self) -> Done:
        call, upload, wished = self.call, self.upload, self.wished
        at_store = await all_parts(call, upload.name)
        if at_store is None:
            return await _earlier(call, upload.tag)
        notes = await records_of(call, upload, wished)
        last, record, noted = wished[-1], None, None
        if named_by_record(wished, call.store.capabilities):
            record = await maybe_record(call, upload, last)
            noted = note_of(last, record.record) if record else None
        parts = plain_parts(wished, at_store, noted)
        check_size(self.claims, parts)
        end = end_of(wished, parts, call.store.capabilities)
        if end.keeps_last:
            record = record or await maybe_record(call, upload, last)
            if record is None:
                raise S3Error("InvalidPart")
            notes = {**notes, last.number: note_of(last, record.record)}
        index = await asyncio.to_thread(index_of, upload.checksum, wished, parts, notes, self.claims)
        sent = await send_end(call, upload, end, index, record)
        return self._told(index, await self._complete([*end.listed, *sent]))

    async def _complete(self, listed: list[tuple[int, str]]) -> Done:
        """The store's Complete. Raises _Again where it calls a part invalid that was there."""
        try:
            return await _complete_at_store(self.call, self.upload.name, listed)
        except UpstreamBroken as exc:
            raise _Again(exc) from exc
        except S3Error as exc:
            if exc.code in CALLED_INVALID:
                raise _Again(
                    S3Error("OperationAborted", "Another Complete of this upload is under way.")
                ) from exc
            if exc.code == "NoSuchUpload" or exc.status >= 500:
                raise _Again(exc) from exc
            if exc.code in REFUSED_CONDITION:
                # It may be our own earlier Complete that the condition has met.
                with suppress(S3Error):
                    return await _earlier(self.call, self.upload.tag)
            raise

    def _told(self, index: Index, done: Done) -> Done:
        envelope, checksum = self.upload.envelope, self.upload.checksum
        self.call.trace.encryption = ENCRYPTION_NAMES[envelope.mode]
        self.call.trace.key_arn = envelope.key_arn or ""
        encryption = encryption_of(self.call, envelope)
        told = None
        if checksum is not None and index.checksums:
            digest = index.checksums[checksum.format_code]
            told = (checksum.code, checksum.told(digest, parts=len(index.parts)), checksum.type)
        return Done(etag=done.etag, headers=done.headers | encryption, checksum=told)


async def forget_state(call: Call, name: UploadName) -> bool:
    """Delete what is kept of an upload that is over; whether there was anything, or nobody can tell.

    Raises nothing: the sweep finds what stays.
    """
    state = call.store.state
    call.rooms.uploads.forget(name)
    try:
        names = await state.names(name.bucket, name.prefix)
        if names:
            await state.delete(name.bucket, names)
    except (UpstreamError, S3Error) as exc:
        log.warning("the state of an upload to %s stays for the sweep: %s", name.bucket, exc)
        return True
    return bool(names)


async def _complete_at_store(call: Call, name: UploadName, listed: list[tuple[int, str]]) -> Done:
    """Raises S3Error for what the store refuses, also inside an answer of 200."""
    headers = store_headers("CompleteMultipartUpload", call.request.headers) | XML
    request = upload_request(call, name, method="POST", headers=headers)
    async with answer_to(call, request, build_complete(listed)) as response:
        await refuse_unless_ok(call, response)
        try:
            etag = parse_completed(await response.read(limit=ANSWER_BYTES))
        except CompleteRefused as exc:
            raise S3Error(exc.code, exc.message, status=TABLE.get(exc.code, (500, ""))[0]) from None
        return Done(etag=etag, headers=client_headers(response.headers))


async def _earlier(call: Call, tag: bytes | None) -> Done:
    """The success of an earlier Complete of this upload. Raises S3Error NoSuchUpload where there was none."""
    if tag is None:
        raise S3Error("NoSuchUpload")
    async with answer_to(call, request_for(call, {}, method="HEAD", query="")) as response:
        if response.status == 404:
            raise S3Error("NoSuchUpload")
        if response.status >= 300:
            raise await refusal(call, response)
        try:
            envelope = read_envelope(response.headers.get(HEADER, ""))
        except FormatError:
            raise S3Error("NoSuchUpload") from None
        if not compare_digest(envelope.upload_tag or b"", tag):
            raise S3Error("NoSuchUpload")
        encryption = encryption_of(call, envelope)
        kept = {"x-amz-version-id", "x-amz-expiration"}
        headers = {n: v for n, v in client_headers(response.headers).items() if n in kept}
        return Done(etag=response.headers.get("etag", ""), headers=headers | encryption)


def _body_claims(call: Call) -> Claims:
    """What the headers say of the list itself; checksums there are of the whole object."""
    left_out = (PREFIX, "x-amz-sdk-checksum-algorithm")
    return Claims({n: v for n, v in call.request.headers.items() if not n.startswith(left_out)})


def _location(call: Call) -> str:
    scheme = "https" if call.exchange.secure else "http"
    return f"{scheme}://{call.request.headers.get('host', '')}{call.request.raw_path}"
