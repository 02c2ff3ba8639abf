"""Bodies on their way to the store, piece by piece."""

from collections.abc import AsyncIterator

from proxy.gateway.call import Call
from proxy.gateway.exchange import Buffer
from proxy.gateway.store import note, refuse_unless_ok
from proxy.gateway.trace import Phase
from proxy.upstream.messages import AnsweredEarly, Response, Upload, UpstreamBroken

STREAM_BUFFERS_BYTES = 1_200_000
"""What a streamed upload holds at most: a group of sealed segments, and what was read of the next."""
MAX_SEALED_BYTES = 5 * 1024**3
"""S3's limit for one PUT, or one part, holds for what the store gets: the ciphertext."""


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


async def delayed(pieces: AsyncIterator[Buffer]) -> AsyncIterator[Buffer]:
    """The same pieces, the last of them only once nothing was found wrong behind it."""
    held_back: Buffer = b""
    async for piece in pieces:
        yield held_back
        held_back = bytes(piece)
    yield held_back
