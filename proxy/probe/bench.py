"""A bucket on a store, and a prefix of it that is ours for as long as a probe lasts.

Every request goes through the proxy's own client, so what is found holds for the proxy. `clear` takes away
what was written, versions and unfinished uploads included, and says what it could not.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from proxy.s3.markup import MarkupError, Node, read
from proxy.upstream.messages import Request, Upstream

ANSWER_BYTES = 16 << 20
CLEARING_ROUNDS = (0.2, 0.5, 1.0)
"""What was on its way when the connection was cut, a part or an object, may arrive after its deletion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the store answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        return self.status < 300

    @property
    def document(self) -> Node:
        """The body as XML; an empty node where it is none."""
        try:
            return read(self.body, max_bytes=ANSWER_BYTES)
        except MarkupError:
            return Node("", 0)

    def __str__(self) -> str:
        """The status, and the error's code where the store gave one."""
        code = self.document.get("Code") if self.body and not self.ok else ""
        return f"{self.status} {code}".strip()


class Bench:
    def __init__(self, upstream: Upstream, bucket: str, prefix: str) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self._upstream = upstream
        self._written: set[str] = set()
        self._begun: set[str] = set()

    def key(self, name: str) -> str:
        return self.prefix + name

    async def ask(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Seen:
        """One request and its whole answer; without a key, about the bucket. Raises UpstreamError."""
        if key and method == "PUT":
            self._written.add(key)
        request = self._request(method, key, query or {}, headers or {})
        async with self._upstream.open(request, body) as response:
            answer = b"" if method == "HEAD" else await response.read(limit=ANSWER_BYTES)
            return Seen(status=response.status, headers=dict(response.headers), body=answer)

    async def put(self, name: str, body: bytes, headers: Mapping[str, str] | None = None) -> Seen:
        return await self.ask("PUT", self.key(name), headers=headers, body=body)

    async def get(self, name: str) -> Seen:
        return await self.ask("GET", self.key(name))

    async def cut(self, name: str, *, declared: int, sent: bytes) -> None:
        """Begin an upload of so many bytes, and end the connection after those that are sent."""
        self._written.add(self.key(name))
        request = self._request("PUT", self.key(name), {}, {})
        async with self._upstream.upload(request, content_length=declared) as upload:
            await upload.write(sent)

    async def begin_upload(self, name: str, headers: Mapping[str, str] | None = None) -> str:
        """The id of a new multipart upload; empty where the store has none."""
        self._begun.add(self.key(name))
        self._written.add(self.key(name))
        answer = await self.ask("POST", self.key(name), {"uploads": ""}, headers=headers)
        return answer.document.get("UploadId") if answer.ok else ""

    async def listed(self, folder: str = "") -> list[str]:
        """Names under our prefix, as a listing shows them."""
        answer = await self.ask("GET", query={"list-type": "2", "prefix": self.key(folder)})
        return [entry.get("Key") for entry in answer.document.all("Contents")]

    async def clear(self, *, versioned: bool) -> list[str]:
        """Take away everything; the names that stayed. Raises UpstreamError."""
        for seconds in CLEARING_ROUNDS:
            await self._clear_once(versioned=versioned)
            if not (left := await self._left()):
                break
            await asyncio.sleep(seconds)
        return left

    async def _clear_once(self, *, versioned: bool) -> None:
        for key, upload_id in await self._unfinished():
            await self.ask("DELETE", key, {"uploadId": upload_id})
        for key, version in await self._versions():
            await self.ask("DELETE", key, {"versionId": version})
        if not versioned:  # where there are versions, a plain delete would leave a marker
            for key in {*self._written, *await self.listed()}:
                await self.ask("DELETE", key)

    async def _left(self) -> list[str]:
        pairs = [*await self._versions(), *await self._unfinished()]
        return sorted({*await self.listed(), *(key for key, _ in pairs)})

    async def _unfinished(self) -> list[tuple[str, str]]:
        """Uploads with their ids. Asked for by whole names: some stores know no other prefix."""
        answers = [await self.ask("GET", query={"uploads": "", "prefix": key}) for key in self._begun]
        entries = [entry for answer in answers for entry in answer.document.all("Upload")]
        return [(entry.get("Key"), entry.get("UploadId")) for entry in entries]

    async def _versions(self) -> list[tuple[str, str]]:
        """Every version and delete marker under our prefix; none where the store has no versions."""
        answer = await self.ask("GET", query={"versions": "", "prefix": self.prefix})
        entries = [*answer.document.all("Version"), *answer.document.all("DeleteMarker")]
        return [(entry.get("Key"), entry.get("VersionId")) for entry in entries]

    def _request(
        self, method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> Request:
        path = f"/{self.bucket}/{quote(key, safe='/~')}" if key else f"/{self.bucket}"
        encoded = urlencode(query, quote_via=quote, safe="~")
        return Request(method=method, path=path, query=encoded, headers=headers)
