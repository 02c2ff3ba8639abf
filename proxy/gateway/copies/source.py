"""The source of a copy: asked for with HEAD, held to the client's conditions, known to be sealed or not.

The source is read as a request of its own by the same client would be: under the rule of its own name, from
its own store, with the client's own right to the key. What HEAD says is the store's word; it is believed
when the envelope opens, and for the one body that the copy is then bound to.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import quote

from proxy.gateway.body_end import late_checksums
from proxy.gateway.call import Call
from proxy.gateway.customer_keys import customer_key_of
from proxy.gateway.datakeys import opened_envelope
from proxy.gateway.rules import Mode
from proxy.gateway.sealed_object import SealedObject, sealed_or_left, sealed_total
from proxy.gateway.store import ERROR_BYTES, answer_to, refuse_unless_ok, request_for
from proxy.s3.copying import CopyResult, check_source, iso_date, parse_tags, source_header, wanted_checksum
from proxy.s3.customer_key import NOT_APPLICABLE, source_headers
from proxy.s3.errors import S3Error
from proxy.s3.operations import copy_source
from proxy.s3.request import renamed
from proxy.seal.envelope import OpenEnvelope
from proxy.upstream.messages import Headers, Response

T = TypeVar("T")
NO_CHECKSUMS: Mapping[str, str] = MappingProxyType({})
TRIES = 3
OWNER = "x-amz-source-expected-bucket-owner"


class SourceChanged(Exception):
    """The store refused a condition: the source is another body now, or it is the target's condition."""

    def __init__(self, refusal: S3Error) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One body that a copy can be made of."""

    call: Call
    """As the client's own request for this object would be."""
    sealed: SealedObject | None
    """None where it lies on the store as it is."""
    opened: OpenEnvelope | None
    """The envelope, proven; None where there is none."""
    stored_length: int
    headers: Mapping[str, str]
    """The store's, as HEAD gave them."""
    asked_version: str
    """The version that the client named; empty where it named none."""
    checksums: Mapping[int, bytes]
    """Of the plaintext, as far as they are known without reading the body."""

    @property
    def etag(self) -> str:
        return self.headers.get("etag", "")

    @property
    def version_id(self) -> str:
        """The version that was looked at; empty where the bucket has none."""
        return self.headers.get("x-amz-version-id", self.asked_version)

    @property
    def fixed_version(self) -> str:
        """The same, but for `null`, which is whatever was written last without a version."""
        return "" if self.version_id == "null" else self.version_id

    @property
    def plain_length(self) -> int:
        return self.stored_length if self.sealed is None else self.sealed.plain_length

    @property
    def told_version(self) -> dict[str, str]:
        """The header that names it to the client."""
        return {"x-amz-copy-source-version-id": self.version_id} if self.version_id else {}

    @property
    def bound(self) -> dict[str, str]:
        """The headers that bind a copy on the store to this body: by ETag, else by version."""
        request, by_etag = self.call.request, self.call.store.capabilities.conditional_copies and self.etag
        version_id = self.asked_version or ("" if by_etag else self.fixed_version)
        named = source_header(request.bucket, request.key, version_id)
        condition = {"x-amz-copy-source-if-match": self.etag} if self.etag else {}
        return {"x-amz-copy-source": named} | condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a copy made on the store."""

    result: CopyResult
    headers: Mapping[str, str]
    """Of the store's answer."""
    encryption: Mapping[str, str]
    """What the client is told of it."""


async def made_result(
    call: Call, headers: Headers, *, etag: str, checksums: Mapping[str, str] = NO_CHECKSUMS
) -> CopyResult:
    """Of a write, whose answer does not tell when its object was last modified, as a copy's does."""
    version_id = headers.get("x-amz-version-id", "")
    query = f"versionId={quote(version_id, safe='')}" if version_id else ""
    async with answer_to(call, request_for(call, {}, method="HEAD", query=query)) as told:
        date = told.headers.get("last-modified", "") if told.status == 200 else ""
    return CopyResult(
        etag=etag, last_modified=iso_date(date, otherwise=call.rooms.now()), checksums=checksums
    )


async def look_at_source(call: Call) -> Source:
    """Raises what a read of the source raises, and S3Error PreconditionFailed."""
    asked = call.request.headers
    of = _call_of_source(call)
    version_id = source_name(call)[2]
    owner = {"x-amz-expected-bucket-owner": asked[OWNER]} if OWNER in asked else {}
    async with answer_to(of, request_for(of, owner)) as response:
        await _refuse_missing(of, response, version_id)
        await refuse_unless_ok(of, response)
        headers = response.headers
        check_source(asked, etag=headers.get("etag", ""), last_modified=headers.get("last-modified", ""))
        stored_length = sealed_total(response)
        passes = of.rule.mode is Mode.PASSTHROUGH
        if passes and customer_key_of(of) is not None:
            raise S3Error("InvalidRequest", NOT_APPLICABLE)
        sealed = None if passes else await sealed_or_left(of, response, stored_length)
    opened = None if sealed is None else await opened_envelope(of, sealed.envelope)
    return Source(
        call=of,
        sealed=sealed,
        opened=opened,
        checksums=await _checksums(of, sealed, opened, sought=wanted_checksum(asked)),
        stored_length=stored_length,
        headers=headers,
        asked_version=version_id,
    )


async def from_source(call: Call, copy: Callable[[Source], Awaitable[T]]) -> T:
    """What `copy` makes of the source; where that was overwritten meanwhile, of the one that is there then.

    Raises S3Error OperationAborted where it never stands still.
    """
    source = await look_at_source(call)
    for _ in range(TRIES):
        try:
            return await copy(source)
        except SourceChanged as exc:
            before, source = source, await look_at_source(call)
            if source.etag == before.etag:
                raise exc.refusal from exc  # it was the target's own condition
    raise S3Error("OperationAborted", "The source is being overwritten. Try again.")


def has_tags(source: Source) -> bool:
    return source.headers.get("x-amz-tagging-count", "0") != "0"


async def tags_of(source: Source) -> str:
    """Its tags, as an x-amz-tagging header has them; asked for only where HEAD counts some."""
    if not has_tags(source):
        return ""
    of = source.call
    query = "&".join(filter(None, ("tagging", of.request.raw_query)))
    async with answer_to(of, request_for(of, {}, method="GET", query=query)) as response:
        await refuse_unless_ok(of, response)
        return parse_tags(await response.read(limit=ERROR_BYTES))


async def _checksums(
    of: Call, sealed: SealedObject | None, opened: OpenEnvelope | None, *, sought: int | None
) -> Mapping[int, bytes]:
    """Those of the envelope; those that came in a trailer only where the copy is to have one of them."""
    if sealed is None or opened is None:
        return {}
    checksums = opened.checksums
    if sought is None or sought in checksums:
        return checksums
    return {**await late_checksums(of, sealed, opened), **checksums}


def source_name(call: Call) -> tuple[str, str, str]:
    """Bucket, key and version (or "") of the source, the key as its store keeps it."""
    bucket, key, version_id = copy_source(call.request)
    return bucket, call.rooms.as_stored(bucket, key)[0], version_id


def _call_of_source(call: Call) -> Call:
    bucket, key, version_id = source_name(call)
    request = replace(
        call.request,
        method="HEAD",
        bucket=bucket,
        raw_query=f"versionId={quote(version_id, safe='')}" if version_id else "",
        query=(("versionId", version_id),) if version_id else (),
        headers=source_headers(call.request.headers),
    )
    return replace(call, request=renamed(request, key), rule=call.rooms.rules.for_name(bucket, key))


async def _refuse_missing(of: Call, response: Response, version_id: str) -> None:
    """A HEAD has no document: what is not there is found out by asking for the bucket."""
    if response.status == 405 or (response.status == 404 and "x-amz-delete-marker" in response.headers):
        if version_id:
            raise S3Error(
                "InvalidRequest",
                "The source of a copy request may not specifically refer to a delete marker by version id.",
            )
        raise S3Error("NoSuchKey")
    if response.status != 404:
        return
    bucket = request_for(of, {}, query="")
    async with answer_to(of, replace(bucket, path=f"/{of.request.bucket}")) as answer:
        if answer.status == 404:
            raise S3Error("NoSuchBucket", BucketName=of.request.bucket)
    raise S3Error("NoSuchVersion" if version_id else "NoSuchKey", Key=of.request.key)
