"""DeleteObject and DeleteObjects: reserved names are refused, the others are the store's to delete.

A condition goes to a store only where it is known to obey: one that does not would delete what the client
meant to keep. Conditions on size and time are those of directory buckets, which nobody here has; a size
would be the ciphertext's besides.
"""

from collections.abc import Iterable

from proxy.gateway.authorization.authorize import maybe_refused_delete
from proxy.gateway.call import Call
from proxy.gateway.forward import XML, content_md5, document, forward
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.s3.checksums import PREFIX
from proxy.s3.errors import S3Error
from proxy.s3.headers import store_headers
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

OTHER_CONDITIONS = ("x-amz-if-match-last-modified-time", "x-amz-if-match-size")


async def delete_object(call: Call) -> None:
    headers = call.request.headers
    for name in OTHER_CONDITIONS:
        if name in headers:
            raise S3Error("NotImplemented", f"The header {name} is not implemented.", Header=name)
    if "if-match" in headers and not call.store.capabilities.conditional_deletes:
        raise S3Error("NotImplemented", NOT_CONDITIONAL, Header="If-Match")
    await forward(call)


async def delete_objects(call: Call) -> None:
    """Key by key: each is refused or deleted for itself."""
    if not _has_digest(call):
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5 or a checksum")
    wish = parse_delete_objects(bytes(await document(call)))
    refused = {target: failure for target in wish.targets if (failure := _maybe_refused(call, target))}
    others = [target for target in wish.targets if target not in refused]
    deleted, failures = await _delete(call, others) if others else ([], [])
    failures += refused.values()
    await call.reply(200, dict(XML), build_delete_result(deleted, failures, quiet=wish.quiet))


async def _delete(call: Call, targets: Iterable[DeleteTarget]) -> tuple[list[Deleted], list[DeleteFailure]]:
    listed = build_delete_objects(targets)
    headers = store_headers("DeleteObjects", call.request.headers) | XML
    headers["content-md5"] = content_md5(listed)
    async with answer_to(call, request_for(call, headers), listed) as response:
        await refuse_unless_ok(call, response)
        return parse_delete_result(await response.read(limit=MAX_LISTING_BYTES))


def _has_digest(call: Call) -> bool:
    names = call.request.headers
    return (
        "content-md5" in names or "x-amz-trailer" in names or any(name.startswith(PREFIX) for name in names)
    )


NOT_CONDITIONAL = "This bucket's store is not known to have conditional deletes."


def _maybe_refused(call: Call, target: DeleteTarget) -> DeleteFailure | None:
    conditions = {name for name, _ in target.conditions}
    if is_reserved(target.key):
        return _failure(target, "AccessDenied", f"Names under {RESERVED_PREFIX} are reserved.")
    stored, _ = call.rooms.as_stored(call.request.bucket, target.key)
    refused = maybe_refused_delete(call, stored, target.version_id)
    if refused:
        return _failure(target, "AccessDenied", refused)
    if conditions - {"ETag"}:
        return _failure(target, "NotImplemented", "Conditions other than ETag are not implemented.")
    if conditions and not call.store.capabilities.conditional_deletes:
        return _failure(target, "NotImplemented", NOT_CONDITIONAL)
    return None


def _failure(target: DeleteTarget, code: str, message: str) -> DeleteFailure:
    return DeleteFailure(key=target.key, version_id=target.version_id, code=code, message=message)
