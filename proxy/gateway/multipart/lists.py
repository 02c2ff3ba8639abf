"""ListParts and ListMultipartUploads: the store's lists with plaintext sizes and the clients' ids.

Parts of ours are left out: one that ends the object is shorter than any part that has no record.
"""

from urllib.parse import parse_qsl, urlencode

from proxy.gateway.call import Call
from proxy.gateway.forward import XML, forward
from proxy.gateway.multipart.memory import OpenUpload
from proxy.gateway.multipart.upload import maybe_tag, open_upload, upload_request
from proxy.gateway.rules import Mode as RuleMode
from proxy.gateway.side_by_side import side_by_side
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.s3.checksums import base64_digest
from proxy.s3.encryption import refuse_on_read
from proxy.s3.headers import client_headers, store_headers
from proxy.s3.multipart import (
    MOST_PARTS,
    StorePart,
    listed_uploads,
    parse_parts,
    rewrite_parts,
    rewrite_uploads,
)
from proxy.s3.operations import is_reserved
from proxy.s3.xml import MAX_LISTING_BYTES
from proxy.seal.errors import NotSealed
from proxy.seal.geometry import SMALLEST_PART, run_plain_size, run_size
from proxy.seal.records import UploadName, part_record_name
from proxy.seal.upload_ids import client_upload_id, parse_upload_id

TAGS_AT_ONCE = 16


async def list_parts(call: Call) -> None:
    refuse_on_read(call.request.headers)
    if call.rule.mode is RuleMode.PASSTHROUGH:
        await forward(call)
        return
    upload = await open_upload(call)
    paging = {name: value for name, value in call.request.query if name != "uploadId"}
    headers = store_headers("ListParts", call.request.headers)
    async with answer_to(
        call, upload_request(call, upload.name, method="GET", headers=headers, query=paging)
    ) as response:
        await refuse_unless_ok(call, response)
        page = await response.read(limit=MAX_LISTING_BYTES)
        told = client_headers(response.headers)
    ours = await _ours(call, upload, parse_parts(page).parts)
    shown = rewrite_parts(
        page,
        upload_id=dict(call.request.query)["uploadId"],
        plain_size_of=lambda part: None if part in ours else _plain_size(part),
        told=lambda part: _checksums(call, upload, part),
    )
    extra = upload.checksum.headers() if upload.checksum else {}
    await call.reply(200, told | extra | XML, shown)


async def list_uploads(call: Call) -> None:
    query = dict(parse_qsl(call.request.store_query, keep_blank_values=True))
    if marker := query.get("upload-id-marker"):
        query["upload-id-marker"] = parse_upload_id(marker)[1]
    headers = store_headers("ListMultipartUploads", call.request.headers)
    async with answer_to(call, request_for(call, headers, query=urlencode(query))) as response:
        await refuse_unless_ok(call, response)
        page = await response.read(limit=MAX_LISTING_BYTES)
        told = client_headers(response.headers)
    ids = await _client_ids(call, listed_uploads(page))
    await call.reply(200, told | XML, rewrite_uploads(page, upload_ids=ids, hidden=is_reserved))


async def _ours(call: Call, upload: OpenUpload, parts: tuple[StorePart, ...]) -> set[StorePart]:
    """Those that no client has sent, but an earlier Complete."""
    doubtful = [p for p in parts if p.number == MOST_PARTS or p.size < run_size(SMALLEST_PART)]
    doubtful = [p for p in doubtful if call.rooms.uploads.part(upload.name, p.number, p.etag) is None]
    if not doubtful:
        return set()
    start = upload.name.prefix
    recorded = set(await call.store.state.names(upload.name.bucket, f"{start}part-"))
    return {p for p in doubtful if start + part_record_name(p.number, p.etag) not in recorded}


def _plain_size(part: StorePart) -> int:
    try:
        return run_plain_size(part.size)
    except NotSealed:
        return part.size  # a foreign part, which no Complete takes


def _checksums(call: Call, upload: OpenUpload, part: StorePart) -> dict[int, str]:
    """Of the upload's kind, as far as this worker knows them."""
    note = call.rooms.uploads.part(upload.name, part.number, part.etag)
    if note is None or upload.checksum is None or upload.checksum.code not in note.checksums:
        return {}
    return {upload.checksum.code: base64_digest(note.checksums[upload.checksum.code])}


async def _client_ids(call: Call, listed: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """By key and store's id; uploads without a record keep the store's."""
    shown = [(key, store_id) for key, store_id in listed if not is_reserved(key)]
    tags = await side_by_side((_tag(call, *each) for each in shown), at_once=TAGS_AT_ONCE)
    return {
        each: client_upload_id(tag, each[1]) for each, tag in zip(shown, tags, strict=True) if tag is not None
    }


async def _tag(call: Call, key: str, store_id: str) -> bytes | None:
    name = UploadName(bucket=call.request.bucket, key=key.encode(), store_id=store_id)
    known = call.rooms.uploads.find(name)
    return known.tag if known is not None else await maybe_tag(call, name)
