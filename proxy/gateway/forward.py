"""What goes to the store as it is, re-signed: bucket operations and deletions.

Bodies of these operations are small documents: held within a bound, proven, then sent.
"""

import base64
import hashlib
from collections.abc import Iterable

from proxy.gateway.call import Call
from proxy.gateway.pump import PlainBody
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.s3.checksums import PREFIX, Claims
from proxy.s3.errors import S3Error
from proxy.s3.headers import client_headers, store_headers
from proxy.s3.operations import RESERVED_PREFIX, is_reserved
from proxy.s3.xml import (
    MAX_LISTING_BYTES,
    Deleted,
    DeleteFailure,
    DeleteTarget,
    build_delete_objects,
    build_delete_result,
    parse_delete_objects,
    parse_delete_result,
)

DOCUMENT_BYTES = 2 * 1024 * 1024
"""S3's own XML bodies stay below; so do 1,000 keys of 1,024 bytes in a DeleteObjects body."""
XML = {"content-type": "application/xml"}


async def forward(call: Call) -> None:
    """Send on, and give the answer back. Raises S3Error, UpstreamError."""
    sent = await document(call)
    headers = store_headers(call.operation.name, call.request.headers)
    async with answer_to(call, request_for(call, headers), sent) as response:
        await refuse_unless_ok(call, response)
        body = b"" if call.request.method == "HEAD" else await response.read(limit=MAX_LISTING_BYTES)
        told = client_headers(response.headers)
        call.trace.version_id = told.get("x-amz-version-id", "")
        await call.reply(response.status, told, body)


async def delete_objects(call: Call) -> None:
    """Key by key: reserved names are refused, the others are the store's to delete."""
    if not _has_digest(call):
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5 or a checksum")
    wish = parse_delete_objects(bytes(await document(call)))
    reserved = [target for target in wish.targets if is_reserved(target.key)]
    others = [target for target in wish.targets if not is_reserved(target.key)]
    deleted, failures = await _delete(call, others) if others else ([], [])
    failures += [_refused(target) for target in reserved]
    await call.reply(200, dict(XML), build_delete_result(deleted, failures, quiet=wish.quiet))


async def _delete(call: Call, targets: Iterable[DeleteTarget]) -> tuple[list[Deleted], list[DeleteFailure]]:
    listed = build_delete_objects(targets)
    headers = store_headers("DeleteObjects", call.request.headers) | XML
    digest = hashlib.md5(listed, usedforsecurity=False).digest()  # what S3 asks of this body
    headers["content-md5"] = base64.b64encode(digest).decode()
    async with answer_to(call, request_for(call, headers), listed) as response:
        await refuse_unless_ok(call, response)
        return parse_delete_result(await response.read(limit=MAX_LISTING_BYTES))


async def document(call: Call, claims: Claims | None = None, *, limit: int = DOCUMENT_BYTES) -> bytearray:
    """The request's whole body, proven; at most `limit` bytes."""
    if call.request.method in {"GET", "HEAD", "DELETE"} and "content-length" not in call.request.headers:
        return bytearray()
    body = PlainBody(call, claims)
    if body.length > limit:
        raise S3Error("MaxMessageLengthExceeded", MaxMessageLengthBytes=str(limit))
    async with call.hold(body.length):
        return await body.whole()


def _has_digest(call: Call) -> bool:
    names = call.request.headers
    return (
        "content-md5" in names or "x-amz-trailer" in names or any(name.startswith(PREFIX) for name in names)
    )


def _refused(target: DeleteTarget) -> DeleteFailure:
    return DeleteFailure(
        key=target.key,
        version_id=target.version_id,
        code="AccessDenied",
        message=f"Names under {RESERVED_PREFIX} are reserved.",
    )
