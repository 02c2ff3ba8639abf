"""GetObjectAttributes, answered from the object's head and its index, so that every store has it.

The store's own answer would be of the ciphertext, and of the parts that lie there.
"""

from collections.abc import Mapping
from functools import partial

from proxy.gateway.body_end import known_parts, late_checksums, until_it_stands_still
from proxy.gateway.call import Call
from proxy.gateway.datakeys import check_right_key, opened_envelope
from proxy.gateway.rules import Mode as RuleMode
from proxy.gateway.sealed_object import SealedObject, sealed_or_left, sealed_total, version_query
from proxy.gateway.store import answer_to, refuse_missing_bucket, refuse_unless_ok, request_for
from proxy.gateway.told import TYPE, checksum_headers, part_checksum_headers
from proxy.s3.attributes import (
    Attributes,
    PartAttributes,
    PartsPage,
    Wish,
    build_attributes,
    parse_wish,
)
from proxy.s3.checksums import PREFIX
from proxy.s3.encryption import refuse_on_read
from proxy.s3.headers import store_headers
from proxy.seal.parts import Parts
from proxy.upstream.messages import Headers, Response

TOLD = ("last-modified", "x-amz-delete-marker", "x-amz-request-charged", "x-amz-version-id")


async def get_attributes(call: Call) -> None:
    refuse_on_read(call.request.headers)
    wish = parse_wish(call.request.headers)
    await until_it_stands_still(call, partial(_answer, call, wish))


async def _answer(call: Call, wish: Wish) -> None:
    headers = store_headers("HeadObject", call.request.headers)
    passes = call.rule.mode is RuleMode.PASSTHROUGH
    if passes or call.rule.reads_plain(call.rooms.now()):
        headers["x-amz-checksum-mode"] = "ENABLED"
    request = request_for(call, headers, method="HEAD", query=version_query(call))
    async with answer_to(call, request) as response:
        if response.status == 404:
            await refuse_missing_bucket(call)
        await refuse_unless_ok(call, response)
        stored_length = sealed_total(response)
        found = None if passes else await sealed_or_left(call, response, stored_length)
        told = response.headers
        attributes = _as_stored(response, stored_length)
    if found is not None:
        attributes = await _of_sealed(call, wish, found, told)
    kept = {name: told[name] for name in TOLD if name in told}
    document = build_attributes(wish, attributes)
    await call.reply(200, kept | {"content-type": "application/xml"}, document)


def _as_stored(response: Response, stored_length: int) -> Attributes:
    """Of what lies on the store as it is."""
    told = response.headers
    return Attributes(
        etag=told.get("etag", ""),
        plain_length=stored_length,
        storage_class=_storage_class(told),
        checksums={name: value for name, value in told.items() if name.startswith(PREFIX)},
    )


async def _of_sealed(call: Call, wish: Wish, found: SealedObject, told: Headers) -> Attributes:
    """The envelope is opened, and the index read, only where they are asked for."""
    await check_right_key(call, found.envelope)
    checksums: Mapping[str, str] = {}
    parts: Parts | None = None
    several = found.envelope.multipart
    if "Checksum" in wish.names or (several and "ObjectParts" in wish.names):
        opened = await opened_envelope(call, found.envelope)
        parts = await known_parts(call, found, opened) if several else None
        if "Checksum" in wish.names:
            known = opened.checksums or await late_checksums(call, found, opened)
            checksums = checksum_headers(known, parts_count=parts.count if parts else 0)
    return Attributes(
        etag=found.etag,
        plain_length=found.plain_length,
        storage_class=_storage_class(told),
        checksums=checksums,
        parts=None if parts is None else _page(wish, parts),
    )


def _page(wish: Wish, parts: Parts) -> PartsPage:
    runs = parts.parts_after(wish.after, most=wish.max_parts + 1)
    listed = [
        PartAttributes(
            number=run.number,
            plain_length=run.plain_length,
            checksums={
                name: value for name, value in part_checksum_headers(parts, run).items() if name != TYPE
            },
        )
        for run in runs[: wish.max_parts]
    ]
    return PartsPage(count=parts.count, listed=listed, truncated=len(runs) > wish.max_parts)


def _storage_class(told: Headers) -> str:
    """S3 leaves the usual one out of its heads, but not out of this answer."""
    return told.get("x-amz-storage-class", "STANDARD")
