"""CopyObject: an object gets another name, another description or another key.

The source is looked at first, under its own rule and with the client's right to its key. Then the table in
copy_ways.py says whether the store moves the body, or whether it passes through here.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from proxy.gateway.authorization.authorize import authorize_copied_tags
from proxy.gateway.call import Call
from proxy.gateway.copies.on_store import copy_as_it_is, copy_rewrapped
from proxy.gateway.copies.source import Made, Source, from_source, has_tags, source_name, tags_of
from proxy.gateway.copies.through import copy_through
from proxy.gateway.copies.ways import Way, way_of
from proxy.gateway.forward import XML
from proxy.gateway.patience import patience
from proxy.s3.copying import CopyWish, build_copy_result, parse_copy, refuse_idle_copy
from proxy.s3.errors import S3Error
from proxy.s3.headers import kept_description, store_headers, undescribed

Copy = Callable[[Call, Source, dict[str, str]], Awaitable[Made]]
COPIES: Mapping[Way, Copy] = {
    Way.REWRAPPED: copy_rewrapped,
    Way.AS_IT_IS: copy_as_it_is,
    Way.THROUGH: copy_through,
}
_TOLD = ("x-amz-expiration", "x-amz-request-charged", "x-amz-version-id")


async def copy_object(call: Call) -> None:
    refuse_body(call)
    wish = parse_copy(call.request.headers)
    call.trace.source = source_name(call)
    if call.trace.source == (call.request.bucket, call.request.key, ""):
        refuse_idle_copy(call.request.headers, wish)
    async with patience(call):
        source, made = await from_source(call, partial(_copied, call, wish))
    headers = {name: made.headers[name] for name in _TOLD if name in made.headers} | source.told_version
    call.trace.version_id = headers.get("x-amz-version-id", "")
    document = build_copy_result("CopyObjectResult", made.result)
    await call.reply(200, headers | dict(made.encryption) | XML, document)


def refuse_body(call: Call) -> None:
    """What a copy is made of is named, not sent."""
    if call.request.headers.get("content-length", "0") != "0":
        raise S3Error("UnexpectedContent")


async def _copied(call: Call, wish: CopyWish, source: Source) -> tuple[Source, Made]:
    copy = COPIES[way_of(call, source)]
    return source, await copy(call, source, await _described(call, source, wish))


async def _described(call: Call, source: Source, wish: CopyWish) -> dict[str, str]:
    """The headers of the copy: the client's own, and what the directives keep of the source."""
    headers = store_headers("CopyObject", call.request.headers)
    if not wish.replaces_metadata:
        headers = undescribed(headers) | kept_description(source.headers)
    if not wish.replaces_tags:
        if has_tags(source):
            authorize_copied_tags(call, source_name(call))
        headers |= {"x-amz-tagging": await tags_of(source)}
    return {name: value for name, value in headers.items() if value or name != "x-amz-tagging"}
