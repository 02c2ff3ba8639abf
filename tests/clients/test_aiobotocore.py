"""aiobotocore: many requests at once on one client."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from tests.e2e.at_rest import AtRest, plaintext
from tests.e2e.sdk import REGION, refused
from tests.stores.sealgate import ALICE, Sealgate

MANY = 24


@contextlib.asynccontextmanager
async def client(sealgate: Sealgate) -> AsyncIterator[Any]:
    session = get_session()  # type: ignore[no-untyped-call]  # aiobotocore is not annotated
    async with session.create_client(
        "s3",
        region_name=REGION,
        endpoint_url=sealgate.url,
        aws_access_key_id=ALICE.access_key,
        aws_secret_access_key=ALICE.secret_key,
        config=AioConfig(retries={"total_max_attempts": 1}),
    ) as made:
        yield made


@pytest.mark.parametrize("size", [0, 1, 65_537, 1024 * 1024 + 1])
async def test_an_object_goes_in_and_comes_out(
    *, sealgate: Sealgate, bucket: str, key_arn: str, sealed_on_store: AtRest, size: int
) -> None:
    plain, key = plaintext(size), f"size-{size}"
    async with client(sealgate) as s3:
        put = await s3.put_object(
            Bucket=bucket, Key=key, Body=plain, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn
        )
        got = await s3.get_object(Bucket=bucket, Key=key)
        async with got["Body"] as body:
            assert await body.read() == plain
        part = await s3.get_object(Bucket=bucket, Key=key, Range="bytes=-1") if size else None
        if part:
            async with part["Body"] as body:
                assert await body.read() == plain[-1:]

    assert put["ETag"] == got["ETag"]
    await asyncio.to_thread(sealed_on_store, bucket, key, plain)


async def test_many_at_once_do_not_mix(
    *, sealgate: Sealgate, bucket: str, key_arn: str, sealed_on_store: AtRest
) -> None:
    """Each object gets its own bytes back, whatever runs beside it."""

    async def there_and_back(s3: Any, number: int) -> bytes:
        key, plain = f"many-{number}", plaintext(70_000 + number, number)
        await s3.put_object(
            Bucket=bucket, Key=key, Body=plain, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn
        )
        got = await s3.get_object(Bucket=bucket, Key=key)
        async with got["Body"] as body:
            return bytes(await body.read())

    async with client(sealgate) as s3:
        found = await asyncio.gather(*(there_and_back(s3, number) for number in range(MANY)))

    assert found == [plaintext(70_000 + number, number) for number in range(MANY)]
    for number in (0, MANY - 1):
        await asyncio.to_thread(sealed_on_store, bucket, f"many-{number}", found[number])


async def test_pages_and_deletions(sealgate: Sealgate, bucket: str) -> None:
    async with client(sealgate) as s3:
        for number in range(5):
            await s3.put_object(Bucket=bucket, Key=f"page/{number}", Body=bytes(number))
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix="page/", PaginationConfig={"PageSize": 2}
        )
        sizes = [each["Size"] async for page in pages for each in page["Contents"]]
        gone = await s3.delete_objects(
            Bucket=bucket, Delete={"Objects": [{"Key": f"page/{number}"} for number in range(5)]}
        )
        with pytest.raises(ClientError) as caught:
            await s3.get_object(Bucket=bucket, Key="page/1")

    assert sizes == [0, 1, 2, 3, 4]
    assert len(gone["Deleted"]) == 5
    assert refused(caught.value) == (404, "NoSuchKey")
