"""A browser's question before a cross-origin request: nobody signs it, and the store's CORS rules answer it.

It goes to the store without anybody's credentials, as it came. Nothing of the answer is passed on but what
the browser asks for, so it tells no more than the rules do.
"""

from proxy.gateway.browser.origins import allows, asked_at
from proxy.gateway.call import Rooms, common_headers
from proxy.gateway.exchange import Exchange
from proxy.gateway.state_bucket import refuse_state_bucket
from proxy.gateway.trace import Trace
from proxy.s3.errors import S3Error
from proxy.s3.headers import error_headers
from proxy.s3.operations import classify, refuse_reserved
from proxy.s3.request import S3Request
from proxy.upstream.messages import Request

ASKED = ("origin", "access-control-request-method", "access-control-request-headers")


async def preflight(rooms: Rooms, exchange: Exchange, trace: Trace, request: S3Request) -> None:
    """Raises S3Error, UpstreamError."""
    operation = classify(request)
    trace.operation = operation.name
    refuse_reserved(request)
    _, rule = rooms.as_stored(request.bucket, request.key)
    refuse_state_bucket(rooms, operation, request, rule)
    asked = {name: request.headers[name] for name in ASKED if name in request.headers}
    for name in ASKED[:2]:
        if name not in asked:
            raise S3Error("BadRequest", f"Insufficient information. {name.title()} request header needed.")
    store = rooms.stores.as_nobody(rule.upstream)
    path = request.store_path if request.key else asked_at(request.bucket)
    to_store = Request(method="OPTIONS", path=path, headers=asked)
    async with store.upstream.open(to_store) as response:
        trace.store_request_id = response.headers.get("x-amz-request-id", "")
        if response.status >= 500:
            raise S3Error("ServiceUnavailable")
        if response.status >= 300:
            raise S3Error("AccessForbidden")
        told = error_headers(response.headers)
    if not allows(told, asked["access-control-request-method"]):
        raise S3Error("AccessForbidden")
    trace.status = 200
    headers = {**common_headers(trace.request_id, rooms.now()), **told}
    await exchange.begin(200, headers, length=0)
