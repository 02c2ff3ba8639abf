"""ListBuckets: one list, however many stores there are, without the buckets of the proxy's own state.

With one store it is that store's. With several, each is asked for all of its buckets, and a bucket is shown
where its rule leads to the store that has it: what is listed is what a request by that name would reach.
"""

from collections.abc import AsyncIterator

from proxy.gateway.call import Call, Store
from proxy.gateway.forward import XML, forward
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.s3.bucket_list import (
    Bucket,
    BucketList,
    build_bucket_list,
    page_of,
    parse_bucket_list,
    without_bucket,
)
from proxy.s3.headers import client_headers, store_headers
from proxy.s3.xml import MAX_LISTING_BYTES
from proxy.upstream.messages import Request

NARROWING = frozenset({"prefix", "bucket-region"})
"""Parameters that each store can apply for itself. Pages are cut here, from the whole."""


async def list_buckets(call: Call) -> None:
    """Raises S3Error, UpstreamError: a store that does not answer is not left out in silence."""
    stores = [call.rooms.stores.for_identity(each.name, call.caller.principal) for each in call.rooms.stores]
    if len(stores) == 1:
        await _list_one(call, stores[0])
        return
    found: list[Bucket] = []
    owner = ""
    for store in stores:
        async for part in _pages(call, store):
            owner = owner or part.owner
            found += [each for each in part.buckets if _shown(call, each.name, store)]
    page = page_of(found, dict(call.request.query))
    await call.reply(200, dict(XML), build_bucket_list(page, owner=owner))


async def _pages(call: Call, store: Store) -> AsyncIterator[BucketList]:
    headers = store_headers(call.operation.name, call.request.headers)
    narrowed = [pair for pair in call.request.store_query.split("&") if pair.partition("=")[0] in NARROWING]
    token = ""
    while True:
        query = "&".join([*narrowed, *([f"continuation-token={token}"] if token else [])])
        request = Request(method="GET", path="/", query=query, headers=headers)
        async with answer_to(call, request, store=store) as response:
            await refuse_unless_ok(call, response)
            part = parse_bucket_list(await response.read(limit=MAX_LISTING_BYTES))
        yield part
        if not part.next_token or part.next_token == token:
            return
        token = part.next_token


async def _list_one(call: Call, store: Store) -> None:
    place = store.state.place
    if place is None:
        await forward(call)
        return
    headers = store_headers(call.operation.name, call.request.headers)
    async with answer_to(call, request_for(call, headers), store=store) as response:
        await refuse_unless_ok(call, response)
        document = await response.read(limit=MAX_LISTING_BYTES)
        await call.reply(200, client_headers(response.headers) | XML, without_bucket(document, place.bucket))


def _shown(call: Call, bucket: str, store: Store) -> bool:
    leads_here = call.rooms.rules.for_name(bucket, "").upstream == store.name
    return leads_here and not store.state.is_state_bucket(bucket)
