"""A store's answer on its way to the client as it comes: nothing of it is opened, changed or kept."""

from collections.abc import Mapping

from proxy.gateway.call import Call
from proxy.gateway.exchange import Buffer
from proxy.gateway.trace import Phase
from proxy.s3.xml import MAX_LISTING_BYTES
from proxy.upstream.messages import Response

PIECE_BYTES = 65_536


async def pour(call: Call, response: Response, headers: Mapping[str, str], *, first: Buffer = b"") -> None:
    """Answer with these headers and all that comes; `first` was read before.

    What has no length goes on in chunks, and is held, within a bound, for a client of HTTP/1.0.
    Raises UpstreamError, ClientGone, OverBudget.
    """
    told, length = {**call.common_headers(), **headers}, response.content_length
    call.trace.status = response.status
    with call.trace.during(Phase.CLIENT):
        if length is not None:
            await call.exchange.begin(response.status, told, length=length, first=first)
        elif not await call.exchange.begin_in_chunks(response.status, told, first):
            await _hold(call, response, headers, first)
            return
    async with call.hold(PIECE_BYTES):
        buffer = memoryview(bytearray(PIECE_BYTES))
        while received := await response.fill(buffer, at_least=1):
            with call.trace.during(Phase.CLIENT):
                await call.exchange.write(buffer[:received])
    if length is None:
        await call.exchange.conclude(b"")


async def _hold(call: Call, response: Response, headers: Mapping[str, str], first: Buffer) -> None:
    async with call.hold(MAX_LISTING_BYTES):
        rest = await response.read(limit=MAX_LISTING_BYTES)
        await call.reply(response.status, headers, bytes(first) + rest)
