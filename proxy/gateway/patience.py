"""What takes long says that it is at work, as S3 does: 200 first, blanks meanwhile, then how it ended.

Clients give up on a connection that is silent for a minute. From the first blank on there is no other status:
an error is told in the body, where SDKs look for it after these operations alone.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from proxy.gateway.call import Call
from proxy.gateway.exchange import ClientGone
from proxy.gateway.forward import XML
from proxy.s3.markup import DECLARATION

BLANK = b" "


@asynccontextmanager
async def patience(call: Call) -> AsyncIterator[None]:
    """While inside, the client hears something at least every `silent_seconds`.

    Its request must have been read. What follows is `call.reply` with a document, or an error.
    """
    blanks = asyncio.create_task(_blanks(call))
    try:
        yield
    finally:
        blanks.cancel()  # between two sends: each of them is a whole chunk once it has begun
        await asyncio.wait([blanks])
        error = None if blanks.cancelled() else blanks.exception()
        if error is not None and not isinstance(error, ClientGone):
            raise error


async def _blanks(call: Call) -> None:
    """A client that leaves cancels the operation itself: it is not told here."""
    seconds, exchange = call.rooms.silent_seconds, call.exchange
    await asyncio.sleep(seconds)
    headers = call.common_headers() | XML
    if not await exchange.begin_waiting(headers, DECLARATION.encode()):
        return
    while True:
        await asyncio.sleep(seconds)
        await exchange.write(BLANK)
