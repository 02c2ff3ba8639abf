"""Reads of what lies on the store as it is: ranges, parts and checksums are the store's to serve.

All of it under a rule of mode passthrough. Under one of mode migrate what was there before the rule: that is
found out by an answer, told in the trail, and bound to the very body that was found.
"""

from proxy.gateway.call import Call
from proxy.gateway.pouring import pour
from proxy.gateway.refusals import Overwritten
from proxy.gateway.sealed_object import LeftPlain
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.gateway.store_encryption import told_by_store
from proxy.s3.checksums import PREFIX
from proxy.s3.errors import S3Error
from proxy.s3.headers import client_headers, response_overrides, store_headers
from proxy.seal.envelope import HEADER
from proxy.upstream.messages import Request, Response

CHECKSUM_MODE = "x-amz-checksum-mode"
_ASKED = ("range", CHECKSUM_MODE)
_TOLD = frozenset({"content-range", "x-amz-mp-parts-count"})
_QUERIES = ("versionId=", "partNumber=")


async def get_plain(call: Call) -> None:
    call.trace.encryption = "passthrough"
    async with answer_to(call, _request(call, {})) as response:
        await refuse_unless_ok(call, response)
        await _pass(call, response)


async def head_plain(call: Call) -> None:
    async with answer_to(call, _request(call, {})) as response:
        await refuse_unless_ok(call, response)
        await _pass(call, response)


def words_for_left(call: Call) -> dict[str, str]:
    """What a first request has to ask for, so that its answer may be that of a plain object."""
    if not call.rule.reads_plain(call.rooms.now()):
        return {}
    asked = call.request.headers.get(CHECKSUM_MODE)
    return {} if asked is None else {CHECKSUM_MODE: asked}


async def pass_left(call: Call, response: Response) -> None:
    """An answer that was found to be the whole of a plain object, and all that was asked for."""
    call.trace.plaintext_read = True
    await _pass(call, response)


async def ask_left(call: Call, found: LeftPlain) -> None:
    """Ask for it in the client's own words. Raises Overwritten where it is another body by now."""
    ours = {} if "if-match" in call.request.headers or not found.etag else {"if-match": found.etag}
    async with answer_to(call, _request(call, ours)) as response:
        if ours and response.status == 412:
            raise Overwritten
        await refuse_unless_ok(call, response)
        if HEADER in response.headers or response.headers.get("etag", "") != found.etag:
            raise Overwritten
        await pass_left(call, response)


async def _pass(call: Call, response: Response) -> None:
    if call.request.method == "HEAD":
        told = {"content-length": response.headers.get("content-length", "0")}
        await call.reply(response.status, _headers(call, response) | told)
        return
    if response.content_length is None:
        raise S3Error("ServiceUnavailable", "The store does not say how long the object is.")
    await pour(call, response, _headers(call, response))


def _request(call: Call, ours: dict[str, str]) -> Request:
    headers = store_headers(call.operation.name, call.request.headers) | ours
    headers |= {name: call.request.headers[name] for name in _ASKED if name in call.request.headers}
    query = "&".join(pair for pair in call.request.store_query.split("&") if pair.startswith(_QUERIES))
    return request_for(call, headers, query=query)


def _headers(call: Call, response: Response) -> dict[str, str]:
    told = {
        name: value for name, value in response.headers.items() if name in _TOLD or name.startswith(PREFIX)
    }
    told |= told_by_store(call, response.headers)
    headers = client_headers(response.headers) | told | {"accept-ranges": "bytes"}
    return headers | response_overrides(call.request, signed=call.authenticated is not None)
