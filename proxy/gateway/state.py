"""Objects that the proxy keeps at the store beside its clients': where they lie, and how they are reached.

In the bucket that the configuration names, or under the reserved prefix of the bucket that they are about.
They are small but for kept runs, and what they hold proves itself; nothing here reads it.
"""

import base64
import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from proxy.s3.errors import WRONG_DIGEST, S3Error
from proxy.s3.operations import RESERVED_PREFIX
from proxy.s3.xml import (
    MAX_LISTING_BYTES,
    DeleteTarget,
    ListedKey,
    build_delete_objects,
    parse_delete_result,
    parse_error,
    parse_listed_keys,
)
from proxy.upstream.messages import DamagedOnTheWay, Request, Response, Upload, Upstream

RECORD_BYTES = 65_536
"""More than any record without the bytes kept behind it."""
ERROR_BYTES = 65_536
DELETED_AT_ONCE = 1000
XML = {"content-type": "application/xml"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePlace:
    """The bucket for state, and what names in it begin with: empty, or ending in a slash."""

    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEntry:
    name: str
    changed: datetime


class State:
    """Names are relative to the bucket that the state is about. Safe for concurrent use.

    Raises UpstreamError; S3Error ServiceUnavailable or InternalError where the store refuses.
    """

    def __init__(self, upstream: Upstream, place: StatePlace | None) -> None:
        self.place = place
        self._upstream = upstream

    @property
    def in_bucket(self) -> bool:
        """Whether state lies among the clients' own objects."""
        return self.place is None

    def is_state_bucket(self, bucket: str) -> bool:
        return self.place is not None and self.place.bucket == bucket

    async def get(self, bucket: str, name: str) -> bytes | None:
        """A small object; None where there is none."""
        async with self._upstream.open(Request(method="GET", path=self._path(bucket, name))) as response:
            if response.status == 404:
                return None
            await self._check(response)
            return await response.read(limit=RECORD_BYTES)

    async def tagged(self, bucket: str, name: str) -> tuple[bytes, str] | None:
        """A small object and its ETag; None where there is none."""
        async with self._upstream.open(Request(method="GET", path=self._path(bucket, name))) as response:
            if response.status == 404:
                return None
            await self._check(response)
            return await response.read(limit=RECORD_BYTES), response.headers.get("etag", "")

    async def put_if(self, bucket: str, name: str, body: bytes, condition: Mapping[str, str]) -> bool:
        """Write under this condition; False where it does not hold."""
        request = Request(method="PUT", path=self._path(bucket, name), headers=condition)
        async with self._upstream.open(request, body) as response:
            if condition and response.status in {404, 409, 412}:
                return False
            await self._check(response)
            return True

    async def head_of(self, bucket: str, name: str) -> bytes | None:
        """The first RECORD_BYTES of an object that may be large; None where there is none."""
        async with self.reading(bucket, name, last=RECORD_BYTES - 1) as response:
            return None if response is None else await response.read(limit=RECORD_BYTES)

    @asynccontextmanager
    async def reading(
        self, bucket: str, name: str, *, first: int = 0, last: int | None = None
    ) -> AsyncIterator[Response | None]:
        """An object's bytes from `first` to `last`, both included; None where there is no object."""
        headers = {"range": f"bytes={first}-{'' if last is None else last}"}
        request = Request(method="GET", path=self._path(bucket, name), headers=headers)
        async with self._upstream.open(request) as response:
            if response.status == 404:
                yield None
                return
            await self._check(response)
            if response.status != 206:
                raise S3Error("ServiceUnavailable", "The store did not answer with the range asked for.")
            yield response

    async def put(self, bucket: str, name: str, body: bytes | memoryview) -> None:
        request = Request(method="PUT", path=self._path(bucket, name))
        async with self._upstream.open(request, body) as response:
            await self._check(response)

    def uploading(self, bucket: str, name: str, *, length: int) -> AbstractAsyncContextManager[Upload]:
        """Begin an object whose bytes the caller writes; give `finish`'s answer to `check`."""
        request = Request(method="PUT", path=self._path(bucket, name))
        return self._upstream.upload(request, content_length=length)

    async def check(self, response: Response) -> None:
        """Raise where a write was refused."""
        await self._check(response)

    async def is_alone(self, bucket: str) -> bool:
        """Whether state is all that is in the bucket."""
        async for listed in self._listed(bucket, ""):
            if not listed.key.startswith(self._prefix()):
                return False
        return True

    async def entries(self, bucket: str, prefix: str) -> AsyncIterator[StateEntry]:
        """All names that begin with prefix, in the store's order."""
        async for listed in self._listed(bucket, f"{self._prefix()}{prefix}"):
            name = listed.key.removeprefix(self._prefix())
            yield StateEntry(name=name, changed=listed.changed)

    async def _listed(self, bucket: str, start: str) -> AsyncIterator[ListedKey]:
        token = ""
        while True:
            query = "list-type=2&max-keys=1000" + (f"&prefix={quote(start, safe='')}" if start else "")
            if token:
                query += f"&continuation-token={quote(token, safe='')}"
            request = Request(method="GET", path=f"/{self._bucket(bucket)}", query=query)
            async with self._upstream.open(request) as response:
                if response.status == 404:
                    return
                await self._check(response)
                page = parse_listed_keys(await response.read(limit=MAX_LISTING_BYTES))
            for each in page.keys:
                yield each
            token = page.next_token
            if not token:
                return

    async def names(self, bucket: str, prefix: str) -> list[str]:
        return [entry.name async for entry in self.entries(bucket, prefix)]

    async def delete(self, bucket: str, names: Iterable[str]) -> None:
        """Those that are there. Raises S3Error where one stays."""
        listed = list(names)
        directories = [name for name in listed if not name or name.endswith("/")]
        targets = [DeleteTarget(key=f"{self._prefix()}{n}") for n in listed if n not in directories]
        for at in range(0, len(targets), DELETED_AT_ONCE):
            await self._delete(bucket, targets[at : at + DELETED_AT_ONCE])
        for name in directories:
            # One by one: JuiceFS leaves a directory that a DeleteObjects names.
            request = Request(method="DELETE", path=self._path(bucket, name))
            async with self._upstream.open(request) as response:
                if response.status != 404:
                    await self._check(response)

    async def _delete(self, bucket: str, targets: list[DeleteTarget]) -> None:
        document = build_delete_objects(targets)
        digest = hashlib.md5(document, usedforsecurity=False).digest()  # what S3 asks of this body
        headers = XML | {"content-md5": base64.b64encode(digest).decode()}
        request = Request(method="POST", path=f"/{self._bucket(bucket)}", query="delete=", headers=headers)
        async with self._upstream.open(request, document) as response:
            await self._check(response)
            _, failures = parse_delete_result(await response.read(limit=MAX_LISTING_BYTES))
        if left := [failure for failure in failures if failure.code != "NoSuchKey"]:
            raise S3Error("ServiceUnavailable", f"The store did not delete state: {left[0].code}.")

    def _bucket(self, bucket: str) -> str:
        return bucket if self.place is None else self.place.bucket

    def _prefix(self) -> str:
        return RESERVED_PREFIX if self.place is None else self.place.prefix

    def _path(self, bucket: str, name: str) -> str:
        return f"/{self._bucket(bucket)}/{self._prefix()}{name}"

    async def _check(self, response: Response) -> None:
        if response.status < 300:
            return
        code, _ = parse_error(await response.read(limit=ERROR_BYTES))
        if code in WRONG_DIGEST:
            raise DamagedOnTheWay(f"the store refused what it received of our own state: {code}")
        if response.status >= 500:
            raise S3Error("SlowDown" if code == "SlowDown" else "ServiceUnavailable")
        log.error("the store refuses the proxy's own state: %s %s", response.status, code)
        raise S3Error("InternalError", "The store refuses the proxy. Its operator must act.")
