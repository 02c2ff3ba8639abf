"""Walks a bucket on its store: every version that is listed is asked for its headers, a few at once.

A page of the listing is in memory at a time. Reads alone; what it finds goes to counts.py. A version that is
gone when it is asked for is none. What the proxy keeps under its reserved names is passed over.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode

from proxy.jobs.inventory.counts import FOR_EVER, BucketCount, Counting, Lock, Seen, moment
from proxy.s3.errors import S3Error
from proxy.s3.listings import Entry, Listing, Page, onward, read_page
from proxy.s3.multipart import next_uploads
from proxy.s3.operations import is_reserved
from proxy.s3.xml import MAX_LISTING_BYTES, parse_error
from proxy.seal.envelope import HEADER
from proxy.upstream.messages import Headers, Request, Response, Upstream

ERROR_BYTES: Final = 65_536
QUESTIONS: Final = {
    listing: {**question, "encoding-type": "url"}
    for listing, question in ((Listing.VERSIONS, {"versions": ""}), (Listing.OBJECTS_V2, {"list-type": "2"}))
}
GONE: Final = frozenset({404, 405})
"""405: it has become a delete marker."""
MODE, UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"
HOLD: Final = "x-amz-object-lock-legal-hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Of one store. Raises UpstreamError, and S3Error where the store refuses."""

    upstream: Upstream
    name: str
    """The store's."""
    key_version_of: Callable[[bytes], str]
    now: Callable[[], datetime]
    at_once: int
    progress: Callable[[str, int], None]
    """Told of a bucket and how many of its versions were looked at."""
    page_size: int = 1000

    async def count(self, bucket: str, is_sealed: Callable[[str], bool]) -> BucketCount:
        """`is_sealed` says of a name whether its rule seals it; others are passed over."""
        begun = self.now()
        count = BucketCount(upstream=self.name, bucket=bucket, taken=moment(begun))
        counting = Counting(count, now=begun, key_version_of=self.key_version_of)
        locks, done = _Locks(self, bucket), 0
        async for page in self._pages(bucket):
            entries = [
                each for each in page.shown if each.node.name != "DeleteMarker" and is_sealed(each.name)
            ]
            for seen in await self._looked_at(bucket, entries, locks):
                if seen is None:
                    count.not_shown += 1
                elif seen.name:
                    counting.add(seen)
            done += len(entries)
            self.progress(bucket, done)
        count.locks_shown = not locks.are_hidden
        count.uploads = await self._uploads(bucket, is_sealed)
        return count

    async def _pages(self, bucket: str) -> AsyncIterator[Page]:
        """Of versions; of objects where the store knows no versions."""
        page = await self._page(bucket, Listing.VERSIONS, {})
        listing = Listing.VERSIONS if page is not None else Listing.OBJECTS_V2
        page = page or await self._page(bucket, listing, {})
        place: dict[str, str] = {}
        while page is not None:
            yield page
            if not page.truncated:
                return
            before, place = place, onward(listing, page)
            if place == before:
                raise S3Error("InternalError", "The store's listing does not go on.")
            page = await self._page(bucket, listing, place)

    async def _page(self, bucket: str, listing: Listing, place: dict[str, str]) -> Page | None:
        """None where the store answers the question for versions with something else."""
        asked = {**QUESTIONS[listing], "max-keys": str(self.page_size), **place}
        query = urlencode(asked, quote_via=quote, safe="")
        async with self.upstream.open(Request(method="GET", path=f"/{bucket}", query=query)) as response:
            if listing is Listing.VERSIONS and response.status in {400, 405, 501}:
                return None
            await refuse_unless_ok(response)
            page = read_page(await response.read(limit=MAX_LISTING_BYTES), identifying=True)
        return None if listing is Listing.VERSIONS and page.root.name == "ListBucketResult" else page

    async def _looked_at(self, bucket: str, entries: Sequence[Entry], locks: "_Locks") -> list[Seen | None]:
        """In the same order."""
        found: list[Seen | None] = [None] * len(entries)
        places = iter(range(len(entries)))

        async def work() -> None:
            for at in places:
                found[at] = await self._look(bucket, entries[at], locks)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.at_once, len(entries))):
                    group.create_task(work())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return found

    async def _look(self, bucket: str, entry: Entry, locks: "_Locks") -> Seen | None:
        """None where the store does not show it; with no name where it is gone."""
        path = f"/{bucket}/{quote(entry.name, safe='/')}"
        version = f"versionId={quote(entry.version_id, safe='')}" if entry.version_id else ""
        async with self.upstream.open(Request(method="HEAD", path=path, query=version)) as response:
            if response.status in GONE:
                return Seen(name="", sealed_size=0, header=None)
            if response.status >= 500:
                await refuse_unless_ok(response)
            if response.status != 200:
                return None
            headers = response.headers
        lock = lock_in(headers)
        await locks.ask_once(path, version)  # one that shows retention may still hide a legal hold
        return Seen(name=entry.name, sealed_size=entry.store_size, header=headers.get(HEADER), lock=lock)

    async def _uploads(self, bucket: str, is_sealed: Callable[[str], bool]) -> int | None:
        found, place = 0, {"uploads": "", "max-uploads": str(self.page_size), "encoding-type": "url"}
        while True:
            query = urlencode(place, quote_via=quote, safe="")
            async with self.upstream.open(Request(method="GET", path=f"/{bucket}", query=query)) as response:
                if 400 <= response.status < 500 or response.status == 501:
                    return None
                await refuse_unless_ok(response)
                document = await response.read(limit=MAX_LISTING_BYTES)
            try:
                names, further = next_uploads(document)
            except S3Error:  # a store that does not look at the question
                return None
            found += sum(is_sealed(name) and not is_reserved(name) for name in names)
            if not further or further.items() <= place.items():
                return found
            place |= further


class _Locks:
    """Whether the store shows these credentials what is locked: without the right, Amazon's S3 leaves the
    headers out of its answer to HEAD in silence. Asked once, in a bucket that has Object Lock.
    """

    def __init__(self, walk: Walk, bucket: str) -> None:
        self._walk = walk
        self._bucket = bucket
        self._asked = False
        self.are_hidden = False

    async def ask_once(self, path: str, version: str) -> None:
        if self._asked:
            return
        self._asked = True
        if await self._status(f"/{self._bucket}", "object-lock=") not in {200, 403}:
            return  # none has a lock here
        for question in ("retention=", "legal-hold="):
            query = f"{question}&{version}" if version else question
            self.are_hidden |= await self._status(path, query) == 403

    async def _status(self, path: str, query: str) -> int:
        # The body is left: a store that does not know the question may answer with the whole object.
        async with self._walk.upstream.open(Request(method="GET", path=path, query=query)) as response:
            return response.status


def lock_in(headers: Headers) -> Lock:
    mode, told = headers.get(MODE, "").strip().upper(), headers.get(UNTIL, "").strip()
    return Lock(
        mode=mode,
        until=_time_in(told) if mode or told else None,
        is_held=headers.get(HOLD, "").strip().upper() == "ON",
    )


def _time_in(told: str) -> datetime:
    """One that cannot be read has no end: nothing is called free that may be locked."""
    try:
        until = datetime.fromisoformat(told)
        return until.astimezone(UTC) if until.tzinfo else until.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter where UTC's year would be none
        return FOR_EVER


async def refuse_unless_ok(response: Response) -> None:
    """Raises S3Error with the store's words."""
    if response.status < 300:
        return
    code, message = parse_error(await response.read(limit=ERROR_BYTES))
    raise S3Error(
        code or "ServiceUnavailable",
        message or f"the store answered {response.status}",
        status=response.status,
    )
