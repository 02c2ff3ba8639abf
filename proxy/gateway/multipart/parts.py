"""What is known of an upload's parts: the store's own list, and the records beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.gateway.call import Call
from proxy.gateway.multipart.memory import OpenUpload, PartNote
from proxy.gateway.multipart.plan import Notes, StoreParts
from proxy.gateway.multipart.upload import upload_request
from proxy.gateway.side_by_side import side_by_side
from proxy.gateway.store import answer_to, refusal, refuse_unless_ok
from proxy.gateway.trace import Phase
from proxy.s3.multipart import CompletedPart, StorePart, parse_parts
from proxy.s3.xml import MAX_LISTING_BYTES
from proxy.seal.records import PartRecord, UploadName, open_part_record, part_record_name, part_record_size

RECORDS_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecord:
    """A part's record, and where in the state the bytes behind it begin."""

    record: PartRecord
    number: int
    name: str
    size: int


async def all_parts(call: Call, name: UploadName) -> StoreParts | None:
    """The store's list; None where the upload is gone. Raises S3Error, UpstreamError."""
    found: dict[tuple[int, str], StorePart] = {}
    marker = ""
    while True:
        paging = {"max-parts": "1000"} | ({"part-number-marker": marker} if marker else {})
        request = upload_request(call, name, method="GET", query=paging)
        async with answer_to(call, request) as response:
            if response.status == 404:
                error = await refusal(call, response)
                if error.code == "NoSuchBucket":
                    raise error
                return None
            await refuse_unless_ok(call, response)
            page = parse_parts(await response.read(limit=MAX_LISTING_BYTES))
        found |= {(part.number, part.etag): part for part in page.parts}
        if not page.next_marker or page.next_marker == marker:
            return found
        marker = page.next_marker


async def records_of(call: Call, upload: OpenUpload, wished: Sequence[CompletedPart]) -> Notes:
    """What memory knows of the parts; where every part has a record, those that it does not know too."""
    known = {
        part.number: note
        for part in wished
        if (note := call.rooms.uploads.part(upload.name, part.number, part.etag)) is not None
    }
    if not upload.records_each_part:
        return known
    missing = [part for part in wished if part.number not in known]
    found = await side_by_side(
        (maybe_record(call, upload, part) for part in missing), at_once=RECORDS_AT_ONCE
    )
    return known | {
        part.number: note_of(part, each.record)
        for part, each in zip(missing, found, strict=True)
        if each is not None
    }


async def maybe_record(call: Call, upload: OpenUpload, part: CompletedPart) -> FoundRecord | None:
    """The record of the attempt that the client names. Raises DamagedRecord."""
    name = upload.name.prefix + part_record_name(part.number, part.etag)
    with call.trace.during(Phase.STORE):
        raw = await call.store.state.head_of(upload.name.bucket, name)
    if raw is None:
        return None
    record = open_part_record(
        raw, index_key=upload.index_key, tag=upload.tag, number=part.number, etag=part.etag
    )
    return FoundRecord(record=record, number=part.number, name=name, size=part_record_size(raw))


def note_of(part: CompletedPart, record: PartRecord) -> PartNote:
    return PartNote(
        etag=part.etag,
        plain_length=record.plain_length,
        run_id=record.run_id,
        checksums=record.checksums,
    )
