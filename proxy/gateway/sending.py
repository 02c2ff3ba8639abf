"""Writes a body to the store piece by piece, and gives the store's answer to the whole of it."""

from collections.abc import AsyncIterator

from proxy.gateway.call import Call
from proxy.gateway.exchange import Buffer
from proxy.gateway.store import note, refuse_unless_ok
from proxy.gateway.trace import Phase
from proxy.upstream.messages import AnsweredEarly, Response, Upload, UpstreamBroken


async def send(call: Call, upload: Upload, pieces: AsyncIterator[Buffer]) -> Response:
    """The store's answer to a body of these pieces. A piece may change once the next one is asked for.

    Raises the store's early refusal as S3Error, and whatever the pieces raise; the upload is then incomplete.
    """
    try:
        async for piece in pieces:
            with call.trace.during(Phase.STORE):
                await upload.write(piece)
    except AnsweredEarly:
        response = await upload.finish()
        await refuse_unless_ok(call, response)
        raise UpstreamBroken("the store answered success before it had the whole body") from None
    with call.trace.during(Phase.STORE):
        response = await upload.finish()
    note(call, response)
    return response
