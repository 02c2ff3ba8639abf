"""Reads in a bucket whose rule is passthrough: ranges, parts and checksums are the store's to serve."""

from proxy.gateway.call import Call
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.gateway.trace import Phase
from proxy.s3.checksums import PREFIX
from proxy.s3.errors import S3Error
from proxy.s3.headers import client_headers, response_overrides, store_headers
from proxy.upstream.messages import Request, Response

BUFFER_BYTES = 65_536
_ASKED = ("range", "x-amz-checksum-mode")
_TOLD = frozenset({"content-range", "x-amz-mp-parts-count"})
_QUERIES = ("versionId=", "partNumber=")


async def get_plain(call: Call) -> None:
    call.trace.encryption = "passthrough"
    async with answer_to(call, _request(call)) as response:
        await refuse_unless_ok(call, response)
        length = response.content_length
        if length is None:
            raise S3Error("ServiceUnavailable", "The store does not say how long the object is.")
        buffer = memoryview(bytearray(BUFFER_BYTES))
        call.trace.status = response.status
        with call.trace.during(Phase.CLIENT):
            await call.exchange.begin(
                response.status, {**call.common_headers(), **_headers(call, response)}, length=length
            )
        while received := await response.fill(buffer, at_least=1):
            with call.trace.during(Phase.CLIENT):
                await call.exchange.write(buffer[:received])


async def head_plain(call: Call) -> None:
    async with answer_to(call, _request(call)) as response:
        await refuse_unless_ok(call, response)
        length = response.headers.get("content-length", "0")
        await call.reply(response.status, _headers(call, response) | {"content-length": length})


def _request(call: Call) -> Request:
    headers = store_headers(call.operation.name, call.request.headers)
    headers |= {name: call.request.headers[name] for name in _ASKED if name in call.request.headers}
    query = "&".join(pair for pair in call.request.store_query.split("&") if pair.startswith(_QUERIES))
    return request_for(call, headers, query=query)


def _headers(call: Call, response: Response) -> dict[str, str]:
    told = {
        name: value for name, value in response.headers.items() if name in _TOLD or name.startswith(PREFIX)
    }
    headers = client_headers(response.headers) | told | {"accept-ranges": "bytes"}
    return headers | response_overrides(call.request, signed=True)
