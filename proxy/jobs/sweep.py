"""Removes what is kept of uploads that are over: their Complete or Abort died before it could.

Records are listed first, and each upload is asked for after that: one that begins meanwhile is not in the
list. What is gone from the store and older than a day is removed; a day, so that no clock and no slow listing
can take the state of an upload that is just beginning. What cannot be read is left, and told.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

from proxy.gateway.state import State, StateEntry
from proxy.s3.errors import S3Error
from proxy.s3.xml import parse_error
from proxy.seal.errors import DamagedRecord
from proxy.seal.records import DIRECTORY, UploadName, read_upload_record, tag_in_name
from proxy.upstream.messages import Request, Upstream

OLDER_THAN = timedelta(days=1)
ERROR_BYTES = 65_536


@dataclass(slots=True)
class Swept:
    """What was found; `removed` counts uploads whose state is gone, or would be in a dry run."""

    uploads: int = 0
    in_progress: int = 0
    too_young: int = 0
    removed: int = 0
    objects: int = 0
    """Removed, or that would be."""
    troubles: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """All that lies under one upload's prefix."""

    prefix: str
    entries: tuple[StateEntry, ...]

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.entries]

    @property
    def changed(self) -> datetime:
        return max(entry.changed for entry in self.entries)

    @property
    def record(self) -> str | None:
        """The upload record's name; None where other records are orphans."""
        return next((name for name in self.names if tag_in_name(name.removeprefix(self.prefix))), None)


class Sweep:
    """One store's. Raises UpstreamError, and S3Error where the store's lists cannot be had."""

    def __init__(
        self,
        upstream: Upstream,
        state: State,
        *,
        now: datetime,
        dry_run: bool,
        progress: Callable[[Swept], None],
    ) -> None:
        self.swept = Swept()
        self._upstream = upstream
        self._state = state
        self._before = now - OLDER_THAN
        self._dry_run = dry_run
        self._progress = progress

    async def run(self, buckets: Iterable[str]) -> None:
        """The state that lies in each of the buckets; where there is a state bucket, it is asked once."""
        for bucket in buckets if self._state.in_bucket else [""]:
            async for kept in self._kept(bucket):
                await self._look_at(bucket, kept)
                self._progress(self.swept)

    async def _kept(self, bucket: str) -> AsyncIterator[_Kept]:
        """By upload; the store lists names in order, so each upload's come together."""
        prefix, entries = "", list[StateEntry]()
        async for entry in self._state.entries(bucket, DIRECTORY):
            theirs = entry.name.partition(".")[0] + "."
            if entry.name.endswith("/"):
                continue  # a directory, as some stores list them
            if theirs != prefix and entries:
                yield _Kept(prefix=prefix, entries=tuple(entries))
                entries = []
            prefix = theirs
            entries.append(entry)
        if entries:
            yield _Kept(prefix=prefix, entries=tuple(entries))

    async def _look_at(self, bucket: str, kept: _Kept) -> None:
        self.swept.uploads += 1
        try:
            over = kept.record is None or await self._is_gone(bucket, kept)
        except (DamagedRecord, S3Error) as exc:
            self.swept.troubles.append(f"{kept.prefix}: {exc}")
            return
        if not over:
            self.swept.in_progress += 1
        elif kept.changed > self._before:
            self.swept.too_young += 1
        else:
            if not self._dry_run:
                await self._state.delete(bucket, kept.names)
            self.swept.removed += 1
            self.swept.objects += len(kept.names)

    async def _is_gone(self, bucket: str, kept: _Kept) -> bool:
        assert kept.record is not None
        raw = await self._state.get(bucket, kept.record)
        if raw is None:
            return True  # its Complete or Abort is at it
        upload = read_upload_record(raw).upload
        if upload.prefix != kept.prefix:
            raise DamagedRecord("the record names another upload")
        return await self._store_has_none(upload)

    async def _store_has_none(self, upload: UploadName) -> bool:
        path = f"/{upload.bucket}/{quote(upload.key, safe='/')}"
        query = f"max-parts=1&uploadId={quote(upload.store_id, safe='')}"
        async with self._upstream.open(Request(method="GET", path=path, query=query)) as response:
            if response.status < 300:
                return False
            code, message = parse_error(await response.read(limit=ERROR_BYTES))
            if response.status == 404:
                return True
            raise S3Error(code or "ServiceUnavailable", message, status=response.status)
