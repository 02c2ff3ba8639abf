"""Along a store's listing until a page is filled with what may be shown.

Decides which stretch of the names to ask for next, and when there is enough. Reserved names lie together:
they are jumped over and never walked through, and the number of requests for one page is bounded.
"""

from collections.abc import Awaitable, Callable, Sequence

from proxy.s3.errors import S3Error
from proxy.s3.listings import STARTS, Listing, Page, bounded, onward, stretch
from proxy.s3.operations import RESERVED_PREFIX

MOST_REQUESTS = 16
"""For one page, to a store that does not pass over the reserved names when it is asked to."""


class Walk:
    """For one listing, used once. Raises S3Error and what `page` raises."""

    def __init__(
        self,
        listing: Listing,
        query: Sequence[tuple[str, str]],
        raw_query: str,
        page: Callable[[str], Awaitable[Page]],
    ) -> None:
        """The client's query, decoded and as it came; `page` gives the store's answer to a query."""
        self._listing = listing
        self._query = query
        self._raw_query = raw_query
        self._answer_to = page
        self._left = MOST_REQUESTS
        named = dict(query)
        self._meets_reserved = RESERVED_PREFIX.startswith(named.get("prefix", ""))
        # Ceph's: what follows a name is then whatever lies in the next shard.
        self._ordered = named.get("allow-unordered") != "true"

    async def filled(self) -> list[Page]:
        """Pages that together show as many names as the client asked for, or all that there are.

        They may show fewer, as any answer of S3 may, where the store does not pass over the reserved ones.
        """
        pages = [await self._page(bounded(self._query, self._raw_query))]
        missing = len(pages[0].hidden)
        while missing > 0 and pages[-1].truncated and self._left > 0:
            pages.append(await self._page(self._after(pages[-1], missing)))
            missing -= len(pages[-1].shown)
        if missing > 0 and pages[-1].truncated and not any(page.shown for page in pages):
            raise S3Error("InternalError", "The store's listing does not get past the reserved names.")
        return pages

    async def goes_on(self, page: Page) -> bool:
        """Whether a name that may be shown follows a truncated page; asked where only reserved ones might."""
        if not (self._meets_reserved and self._ordered and "" < page.last_name <= RESERVED_PREFIX):
            return True
        while self._left > 0:
            page = await self._page(self._after(page, 1))
            if page.shown or not page.truncated:
                return bool(page.shown)
        return True

    def _after(self, page: Page, most: int) -> str:
        onwards = onward(self._listing, page, ordered=self._ordered)
        return stretch(self._query, onwards | {"max-keys": str(most)})

    async def _page(self, query: str) -> Page:
        page = await self._read(query)
        for group in page.mixed:
            if not await self._shows_any(group.name):
                page = page.hiding(group)
        return page

    async def _shows_any(self, prefix: str) -> bool:
        """Whether names that may be shown are in the group of this common prefix, from the start on."""
        only = {"prefix": prefix, "max-keys": "1"}
        # A start elsewhere says nothing here, and MinIO refuses one that has not the prefix.
        start = {name: value for name, value in self._query if name in STARTS}
        inside = start if start.get(self._listing.value, "").startswith(prefix) else {}
        page = await self._read(stretch(self._query, only | inside, without="delimiter"))
        while not page.shown and page.truncated and self._left > 0:
            further = only | onward(self._listing, page)
            page = await self._read(stretch(self._query, further, without="delimiter"))
        return bool(page.shown) or page.truncated

    async def _read(self, query: str) -> Page:
        self._left -= 1
        return await self._answer_to(query)
