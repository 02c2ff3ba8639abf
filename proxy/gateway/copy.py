"""CopyObject: an object gets another name, another description or another key.

The source is looked at first, under its own rule and with the client's right to its key. Then the table in
copy_ways.py says whether the store moves the body, or whether it passes through here.
"""

from collections.abc import Awaitable, Callable, Mapping

from proxy.gateway.call import Call
from proxy.gateway.copy_on_store import copy_as_it_is, copy_rewrapped
from proxy.gateway.copy_source import Made, Source, SourceChanged, look_at_source, source_name, tags_of
from proxy.gateway.copy_through import copy_through
from proxy.gateway.copy_ways import Way, way_of
from proxy.s3.copying import CopyWish, build_copy_result, parse_copy, refuse_idle_copy
from proxy.s3.errors import S3Error
from proxy.s3.headers import kept_description, store_headers, undescribed

Copy = Callable[[Call, Source, dict[str, str]], Awaitable[Made]]
COPIES: Mapping[Way, Copy] = {
    Way.REWRAPPED: copy_rewrapped,
    Way.AS_IT_IS: copy_as_it_is,
    Way.THROUGH: copy_through,
}
TRIES = 3
_TOLD = ("x-amz-expiration", "x-amz-request-charged", "x-amz-version-id")


async def copy_object(call: Call) -> None:
    headers = call.request.headers
    if headers.get("content-length", "0") != "0":
        raise S3Error("UnexpectedContent")
    wish = parse_copy(headers)
    call.trace.source = source_name(call)
    if call.trace.source == (call.request.bucket, call.request.key, ""):
        refuse_idle_copy(headers, wish)
    source = await look_at_source(call)
    for _ in range(TRIES):
        try:
            made = await COPIES[way_of(call, source)](call, source, await _described(call, source, wish))
        except SourceChanged as exc:
            before, source = source, await look_at_source(call)
            if source.etag == before.etag:
                raise exc.refusal from exc  # it was the target's own condition
            continue
        await _reply(call, source, made)
        return
    raise S3Error("OperationAborted", "The source is being overwritten. Try again.")


async def _described(call: Call, source: Source, wish: CopyWish) -> dict[str, str]:
    """The headers of the copy: the client's own, and what the directives keep of the source."""
    headers = store_headers("CopyObject", call.request.headers)
    if not wish.replaces_metadata:
        headers = undescribed(headers) | kept_description(source.headers)
    if not wish.replaces_tags:
        headers |= {"x-amz-tagging": await tags_of(source)}
    return {name: value for name, value in headers.items() if value or name != "x-amz-tagging"}


async def _reply(call: Call, source: Source, made: Made) -> None:
    headers = {name: made.headers[name] for name in _TOLD if name in made.headers} | dict(made.encryption)
    if source.version_id:
        headers["x-amz-copy-source-version-id"] = source.version_id
    call.trace.version_id = headers.get("x-amz-version-id", "")
    document = build_copy_result("CopyObjectResult", made.result)
    await call.reply(200, headers | {"content-type": "application/xml"}, document)
