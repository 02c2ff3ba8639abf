"""Has the store check every object and part that it is sent, as integrity.py decides. Wraps an Upstream.

A held body goes with a header, and that is all. A streamed one is followed by its checksum, or its MD5 is
compared with the ETag of the answer; then the wrong object is there already, and is taken back where that can
be done without touching another one.
"""

import hashlib
import logging
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from types import TracebackType

from proxy.finish import finish
from proxy.upstream.capabilities import Capabilities
from proxy.upstream.integrity import Integrity, checked_headers, is_checked, is_part
from proxy.upstream.messages import (
    AnsweredEarly,
    DamagedOnTheWay,
    Request,
    Response,
    Upload,
    Upstream,
    UpstreamBroken,
    UpstreamError,
)
from proxy.upstream.trailed import TrailedBody

log = logging.getLogger(__name__)


class Checked:
    """An Upstream. `finish` of an upload also raises DamagedOnTheWay."""

    def __init__(self, inner: Upstream, *, integrity: Integrity, capabilities: Capabilities) -> None:
        self._inner = inner
        self._integrity = integrity
        self._capabilities = capabilities

    def __repr__(self) -> str:
        return f"<Checked {self._integrity} {self._inner!r}>"

    def open(self, request: Request, body: bytes | memoryview = b"") -> AbstractAsyncContextManager[Response]:
        if len(body) and is_checked(request, self._integrity, self._capabilities):
            headers = {**request.headers, **checked_headers(self._integrity, body)}
            request = replace(request, headers=headers)
        return self._inner.open(request, body)

    def upload(self, request: Request, *, content_length: int) -> AbstractAsyncContextManager[Upload]:
        if not is_checked(request, self._integrity, self._capabilities):
            return self._inner.upload(request, content_length=content_length)
        if self._integrity is Integrity.CHECKSUM:
            return _Trailed(self._inner, request, content_length)
        return _Compared(self._inner, request, content_length, self._capabilities)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Wrapped(AbstractAsyncContextManager[Upload], Upload):
    """The context of an upload, and the Upload itself."""

    def __init__(self, uploading: AbstractAsyncContextManager[Upload]) -> None:
        self._uploading = uploading
        self._upload: Upload | None = None

    async def __aenter__(self) -> Upload:
        self._upload = await self._uploading.__aenter__()
        return self

    @property
    def upload(self) -> Upload:
        if self._upload is None:
            raise AssertionError("the upload's context was never entered")
        return self._upload

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._uploading.__aexit__(kind, error, trace)


class _Trailed(_Wrapped):
    """Its checksum follows it."""

    def __init__(self, inner: Upstream, request: Request, content_length: int) -> None:
        self._body = TrailedBody(content_length)
        self._unwanted = False
        coded = replace(request, headers={**request.headers, **self._body.headers()})
        super().__init__(inner.upload(coded, content_length=self._body.coded_length))

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        try:
            for piece in self._body.feed(data):
                await self.upload.write(piece)
        except AnsweredEarly:
            self._unwanted = True
            raise

    async def finish(self) -> Response:
        sent = False
        if not self._unwanted:
            with suppress(AnsweredEarly):
                await self.upload.write(self._body.finish())
                sent = True
        response = await self.upload.finish()
        if not sent and response.status < 300:
            raise UpstreamBroken("the store answered success before it had the checksum")
        return response


class _Compared(_Wrapped):
    """Its MD5 must come back as ETag."""

    def __init__(
        self, inner: Upstream, request: Request, content_length: int, capabilities: Capabilities
    ) -> None:
        self._inner = inner
        self._request = request
        self._conditional_deletes = capabilities.conditional_deletes
        self._md5 = hashlib.md5(usedforsecurity=False)
        super().__init__(inner.upload(request, content_length=content_length))

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        self._md5.update(data)
        await self.upload.write(data)

    async def finish(self) -> Response:
        response = await self.upload.finish()
        etag = response.headers.get("etag", "").strip('"').lower()
        if response.status < 300 and etag != self._md5.hexdigest():
            raise DamagedOnTheWay(await finish(self._taken_back(response)))
        return response

    async def _taken_back(self, response: Response) -> str:
        """What became of it. A part stays: nobody is told its ETag, and without that no Complete takes it."""
        fate = "left there"
        if not is_part(self._request):
            with suppress(UpstreamError):
                fate = "deleted" if await self._deleted(response) else fate
        log.error("the store has other bytes than were sent; what it has was %s", fate)
        return f"the store's ETag is not the MD5 of what was sent; {fate}"

    async def _deleted(self, response: Response) -> bool:
        """Only this very object: the name may be another writer's by now."""
        version = response.headers.get("x-amz-version-id", "null")
        if version != "null":
            request = Request(method="DELETE", path=self._request.path, query=f"versionId={version}")
        elif self._conditional_deletes and "etag" in response.headers:
            request = Request(
                method="DELETE", path=self._request.path, headers={"if-match": response.headers["etag"]}
            )
        else:
            return False
        async with self._inner.open(request) as answer:
            return answer.status < 300
