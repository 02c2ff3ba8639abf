"""CreateMultipartUpload: draws the object's content key, sends its envelope ahead, writes the upload record.

The envelope is all that the object's header will ever be, so everything that seals it is chosen here.
"""

from proxy.finish import finish
from proxy.gateway.call import Call
from proxy.gateway.datakeys import sealing_key
from proxy.gateway.forward import XML, document, forward
from proxy.gateway.multipart.memory import OpenUpload
from proxy.gateway.multipart.upload import upload_of, upload_request
from proxy.gateway.new_envelope import content_keys, new_envelope
from proxy.gateway.rules import Mode as RuleMode
from proxy.gateway.sealing_plan import plan_for
from proxy.gateway.state_bucket import refuse_versioned
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.gateway.store_encryption import asked_of_store
from proxy.gateway.trace import Phase
from proxy.s3.encryption import parse_encryption
from proxy.s3.errors import S3Error
from proxy.s3.headers import ENVELOPE, check_metadata, client_headers, store_headers
from proxy.s3.multipart import build_initiated, parse_initiated
from proxy.s3.upload_checksums import UploadChecksum, wished_checksum
from proxy.seal.envelope import kms_context, read_envelope
from proxy.seal.keys import index_key
from proxy.seal.records import TAG, UploadName, UploadRecord, seal_upload_record, upload_record_name
from proxy.seal.upload_ids import client_upload_id

ANSWER_BYTES = 65_536


async def create_upload(call: Call) -> None:
    if call.rule.mode is RuleMode.PASSTHROUGH:
        call.trace.encryption = "passthrough"
        await forward(call, more={**asked_of_store(call), **call.store.upload_headers})
        return
    await document(call)
    headers = store_headers("CreateMultipartUpload", call.request.headers)
    checksum = wished_checksum(call.request.headers)
    if call.request.key.endswith("/") and call.store.capabilities.drops_folder_bodies:
        raise S3Error("InvalidRequest", "This store keeps no body under a name that ends in a slash.")
    plan = plan_for(call, parse_encryption(call.request.headers))
    await refuse_versioned(call, "An upload")
    sealing = await sealing_key(call, plan)
    content, tag = content_keys(call, sealing), call.rooms.random(TAG)
    envelope = new_envelope(call, sealing, content, upload_tag=tag)
    check_metadata(call.request.headers, envelope_length=len(envelope))
    query = "uploads="
    headers |= {ENVELOPE: envelope, **call.store.upload_headers}
    async with answer_to(call, request_for(call, headers, query=query)) as response:
        await refuse_unless_ok(call, response)
        told = client_headers(response.headers)
        name = upload_of(call, parse_initiated(await response.read(limit=ANSWER_BYTES)))
    record = UploadRecord(
        envelope=envelope,
        index_key=index_key(content.inner),
        checksum=checksum.format_code if checksum else None,
    )
    await _write_record(call, name, tag, record, checksum)
    told |= sealing.told()
    call.trace.upload_id = client_upload_id(tag, name.store_id)
    answer = build_initiated(bucket=call.request.bucket, key=call.request.key, upload_id=call.trace.upload_id)
    await call.reply(200, told | (checksum.headers() if checksum else {}) | XML, answer)


async def _write_record(
    call: Call, name: UploadName, tag: bytes, record: UploadRecord, checksum: UploadChecksum | None
) -> None:
    """An upload without a record is of no use: where it cannot be written, the upload is given up again."""
    try:
        sealed = await _sealed_record(call, name, tag, record)
        with call.trace.during(Phase.STORE):
            await call.store.state.put(name.bucket, name.prefix + upload_record_name(tag), sealed)
    except BaseException:
        await finish(_give_up(call, name))
        raise
    call.rooms.uploads.remember(
        OpenUpload(
            name=name,
            tag=tag,
            envelope=read_envelope(record.envelope),
            index_key=record.index_key,
            checksum=checksum,
        )
    )


async def _sealed_record(call: Call, name: UploadName, tag: bytes, record: UploadRecord) -> bytes:
    context = kms_context(bucket=name.bucket, key=name.key, data_key_per_object=False)
    with call.trace.during(Phase.KMS):
        own = await call.rooms.keys.generate(call.rooms.owned_key_id, context, call.caller, fresh=False)
    return seal_upload_record(
        record,
        upload=name,
        tag=tag,
        data_key=own.plain,
        key_arn=own.key_arn,
        wrapped_data_key=own.wrapped,
        salt=call.rooms.random(16),
    )


async def _give_up(call: Call, name: UploadName) -> None:
    async with answer_to(call, upload_request(call, name, method="DELETE")):
        pass
