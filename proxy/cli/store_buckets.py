"""Buckets as a command names them, and all that a store has."""

from collections.abc import AsyncIterator

from proxy.cli.options import ConfigRefused
from proxy.s3.bucket_list import parse_bucket_list
from proxy.s3.errors import S3Error
from proxy.upstream.messages import Request, Upstream

LIST_BYTES = 16 << 20


def bucket_named(name: str) -> str:
    """Of s3://BUCKET. Raises ConfigRefused."""
    bucket = name.removeprefix("s3://").rstrip("/")
    if not name.startswith("s3://") or not bucket or "/" in bucket:
        raise ConfigRefused([f"{name!r} is not of the form s3://BUCKET"])
    return bucket


async def all_buckets(upstream: Upstream) -> AsyncIterator[str]:
    """Raises UpstreamError, and S3Error where the store refuses."""
    token = ""
    while True:
        query = f"continuation-token={token}" if token else ""
        async with upstream.open(Request(method="GET", path="/", query=query)) as response:
            document = await response.read(limit=LIST_BYTES)
            if response.status >= 300:
                raise S3Error("ServiceUnavailable", f"the store answered {response.status} to ListBuckets")
        page = parse_bucket_list(document)
        for bucket in page.buckets:
            yield bucket.name
        if not page.next_token or page.next_token == token:
            return
        token = page.next_token
