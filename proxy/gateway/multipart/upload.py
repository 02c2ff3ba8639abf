"""An upload as a request names it: its id taken apart, its record opened, its requests to the store.

The record proves that envelope and index key are this upload's. Whoever wants the parts' keys opens the
envelope, which asks the key service for this caller.
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote

from proxy.gateway.call import Call
from proxy.gateway.customer_keys import customer_key_of
from proxy.gateway.datakeys import opened_envelope
from proxy.gateway.multipart.memory import OpenUpload
from proxy.gateway.store import request_for
from proxy.gateway.trace import Phase
from proxy.s3.customer_key import UPLOAD_OTHER_KEY, UPLOAD_WANTS_KEY, UPLOAD_WANTS_NONE
from proxy.s3.errors import S3Error
from proxy.s3.multipart import parse_part_number
from proxy.s3.upload_checksums import upload_checksum
from proxy.seal.envelope import Mode, OpenEnvelope, SealedEnvelope, kms_context, read_envelope
from proxy.seal.errors import DamagedRecord, WrongKey
from proxy.seal.records import (
    UploadName,
    UploadRecord,
    open_upload_record,
    read_upload_record,
    tag_in_name,
    upload_record_name,
)
from proxy.seal.upload_ids import parse_upload_id
from proxy.upstream.messages import Request

NONE: Mapping[str, str] = MappingProxyType({})


def upload_id(call: Call) -> str:
    return dict(call.request.query)["uploadId"]


def part_number(call: Call) -> int:
    """Raises S3Error InvalidArgument."""
    return parse_part_number(dict(call.request.query)["partNumber"])


def named_upload(call: Call) -> tuple[bytes | None, UploadName]:
    """The tag, where the client's id has one, and which upload it is."""
    tag, store_id = parse_upload_id(upload_id(call))
    return tag, upload_of(call, store_id)


def upload_of(call: Call, store_id: str) -> UploadName:
    return UploadName(bucket=call.request.bucket, key=call.request.key.encode(), store_id=store_id)


async def open_upload(call: Call) -> OpenUpload:
    """The upload that the request names. Raises S3Error NoSuchUpload, and what maybe_upload raises."""
    found = await maybe_upload(call)
    if found is None:
        raise S3Error("NoSuchUpload")
    return found


async def opened_for_parts(call: Call, envelope: SealedEnvelope) -> OpenEnvelope:
    """The upload's envelope, for a part of it.

    Raises S3Error InvalidRequest where the client's own key is not the one that the upload began with, or one
    of the two brought none; and what opened_envelope raises.
    """
    own = customer_key_of(call) is not None
    if own != (envelope.mode is Mode.CLIENT):
        raise S3Error("InvalidRequest", UPLOAD_WANTS_NONE if own else UPLOAD_WANTS_KEY)
    try:
        return await opened_envelope(call, envelope)
    except WrongKey:
        raise S3Error("InvalidRequest", UPLOAD_OTHER_KEY) from None


async def maybe_upload(call: Call) -> OpenUpload | None:
    """None where no record is there. Raises DamagedRecord, KeyServiceError, UpstreamError."""
    tag, name = named_upload(call)
    known = call.rooms.uploads.find(name)
    if known is not None and tag in {None, known.tag}:
        return known
    if tag is None:
        tag = await maybe_tag(call, name)
    if tag is None:
        return None
    with call.trace.during(Phase.STORE):
        raw = await call.store.state.get(name.bucket, name.prefix + upload_record_name(tag))
    if raw is None:
        return None
    upload = _opened(name, tag, await _record(call, name, tag, raw))
    call.rooms.uploads.remember(upload)
    return upload


async def maybe_tag(call: Call, name: UploadName) -> bytes | None:
    """The tag of an upload whose id was not ours, from the name of its record."""
    start = name.prefix + upload_record_name(b"")
    with call.trace.during(Phase.STORE):
        names = await call.store.state.names(name.bucket, start)
    tags = [tag_in_name(each.removeprefix(name.prefix)) for each in names]
    return next((tag for tag in tags if tag is not None), None)


def upload_request(
    call: Call,
    name: UploadName,
    *,
    method: str,
    headers: Mapping[str, str] = NONE,
    query: Mapping[str, str] = NONE,
) -> Request:
    """A request about an upload in progress, under the store's own id."""
    pairs = {**query, "uploadId": name.store_id}
    asked = "&".join(f"{each}={quote(value, safe='')}" for each, value in pairs.items())
    return request_for(call, headers, method=method, query=asked)


async def _record(call: Call, name: UploadName, tag: bytes, raw: bytes) -> UploadRecord:
    sealed = read_upload_record(raw)
    if not call.rooms.accepts_owned(sealed.key_arn):
        # A key that others may use would let whoever can write to the store choose the parts' keys.
        raise DamagedRecord("the record is under another key than the service's own")
    context = kms_context(bucket=name.bucket, key=name.key, data_key_per_object=False)
    with call.trace.during(Phase.KMS):
        data_key = await call.rooms.keys.unwrap(sealed.key_arn, sealed.wrapped_data_key, context, call.caller)
    return open_upload_record(sealed, upload=name, tag=tag, data_key=data_key.plain)


def _opened(name: UploadName, tag: bytes, record: UploadRecord) -> OpenUpload:
    envelope = read_envelope(record.envelope)
    if envelope.upload_tag != tag:
        raise DamagedRecord("the record holds another upload's envelope")
    return OpenUpload(
        name=name,
        tag=tag,
        envelope=envelope,
        index_key=record.index_key,
        checksum=upload_checksum(record.checksum),
    )
