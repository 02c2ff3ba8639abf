"""ListObjects, ListObjectsV2, ListObjectVersions: the store's pages as clients may see them.

Sizes are the plaintext's. Names under the reserved prefix are left out, and their places
are filled with what follows, so that a page is as long as the client asked for and says rightly whether
another one comes. One request to the store does for all pages that are not near that prefix.
"""

from contextlib import AsyncExitStack

from proxy.gateway.call import Call
from proxy.gateway.listings.sizes import shown_sizes
from proxy.gateway.listings.walk import Walk
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.s3.headers import client_headers, store_headers
from proxy.s3.listings import Listing, Page, joined, read_page
from proxy.s3.xml import MAX_LISTING_BYTES

USUAL_LISTING_BYTES = 1024 * 1024
"""What a page of 1,000 keys takes at most, unless the keys are very long; for stores that do not say."""
BY_OPERATION = {
    "ListObjects": Listing.OBJECTS,
    "ListObjectsV2": Listing.OBJECTS_V2,
    "ListObjectVersions": Listing.VERSIONS,
}
XML = {"content-type": "application/xml"}


async def list_objects(call: Call) -> None:
    """Raises S3Error, UpstreamError, OverBudget."""
    async with AsyncExitStack() as held:
        reader = _Reader(call, held)
        request = call.request
        walk = Walk(BY_OPERATION[call.operation.name], request.query, request.store_query, reader.page)
        pages = await walk.filled()
        ended = pages[-1].truncated and not await walk.goes_on(pages[-1])
        sized = [entry for page in pages for entry in page.shown if entry.size is not None]
        sizes = await shown_sizes(call, sized)
        await call.reply(200, reader.headers | XML, joined(pages, sizes.__getitem__, ended=ended))


class _Reader:
    """Pages of the store; each stays in memory, on the budget, until `held` ends."""

    def __init__(self, call: Call, held: AsyncExitStack) -> None:
        self._call = call
        self._held = held
        self.headers: dict[str, str] = {}
        """Of the first answer, for the client."""

    async def page(self, query: str) -> Page:
        call = self._call
        headers = store_headers(call.operation.name, call.request.headers)
        async with answer_to(call, request_for(call, headers, query=query)) as response:
            await refuse_unless_ok(call, response)
            size = response.content_length or USUAL_LISTING_BYTES
            await self._held.enter_async_context(call.hold(2 * size))
            document = await response.read(limit=MAX_LISTING_BYTES)
            self.headers = self.headers or client_headers(response.headers)
        return read_page(document, identifying=call.rooms.rules.migrate)
