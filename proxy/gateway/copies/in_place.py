"""The same object under another envelope: a copy onto itself, after which nobody misses anything.

For whoever changes the key of what is there. A client's own copy loses what S3 lets it lose (storage class,
redirect, lock, ACL, unless it asks for them again); here all of it is carried over, and what the store does
not take with a copy is put back behind it.
"""

from collections.abc import Awaitable
from urllib.parse import quote

from proxy.finish import finish
from proxy.gateway.call import Call
from proxy.gateway.copies.copy import COPIES
from proxy.gateway.copies.source import Made, Source, tags_of
from proxy.gateway.copies.ways import way_of
from proxy.gateway.forward import XML, content_md5
from proxy.gateway.store import ERROR_BYTES, answer_to, refuse_unless_ok, request_for
from proxy.s3.acl import grants_more
from proxy.s3.copying import carried

_PASSED = ("x-amz-expected-bucket-owner", "x-amz-request-payer")


async def copy_in_place(call: Call, source: Source) -> Made:
    """`call` is the copy that this is for the store; its headers ask for the key. Raises SourceChanged.

    In a bucket with versions the source's own version stays what it was.
    """
    described = carried(source.headers, now=call.rooms.now())
    described |= {name: call.request.headers[name] for name in _PASSED if name in call.request.headers}
    if tags := await tags_of(source):
        described["x-amz-tagging"] = tags
    acl = await _acl_of(source)
    copy = COPIES[way_of(call, source)](call, source, described)
    return await finish(_with_acl(call, copy, acl)) if acl else await copy


async def _acl_of(source: Source) -> bytes:
    """Where it says more than whose the object is, which a copy says anyway; else empty.

    Raises S3Error where the store has ACLs and does not show this one: it would be lost unseen.
    """
    of = source.call
    if "PutObjectAcl" not in of.store.capabilities.knows:
        return b""
    request = request_for(of, {}, method="GET", query=_query(source.version_id))
    async with answer_to(of, request) as response:
        await refuse_unless_ok(of, response)
        document = await response.read(limit=ERROR_BYTES)
    return document if grants_more(document) else b""


async def _with_acl(call: Call, copy: Awaitable[Made], acl: bytes) -> Made:
    """A copy has its owner's ACL alone until then."""
    made = await copy
    headers = XML | {"content-md5": content_md5(acl)}
    request = request_for(call, headers, method="PUT", query=_query(made.headers.get("x-amz-version-id", "")))
    async with answer_to(call, request, acl) as response:
        await refuse_unless_ok(call, response)
    return made


def _query(version_id: str) -> str:
    return f"acl=&versionId={quote(version_id, safe='')}" if version_id else "acl="
