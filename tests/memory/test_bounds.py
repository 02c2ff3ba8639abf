"""What a service holds in memory is bounded by what is under way, never by how large an object is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.memory.resident import resident_mib
from tests.stores.sealgate import ALICE, BOB, Sealgate, User, serving
from tests.stores.seaweedfs import Store

MIB = 1 << 20
TRANSFERS_MIB = 256
"""docs/architecture.md: 64 transfers of 64 MiB at once."""
IDLE_KIB = 64
BUCKET = "memory"

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A service, and what it held before anybody read from it: memory that was freed once may be kept."""

    service: Sealgate
    base_mib: float

    def held_mib(self) -> float:
        return resident_mib(self.service) - self.base_mib


@pytest.fixture(scope="module")
def loaded(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    directory = Path(tmp_path_factory.mktemp("memory"))
    with serving(store, directory, limits={"memory_budget_bytes": 256 * MIB, "drain_seconds": 1}) as running:
        base_mib = resident_mib(running)
        client(running).create_bucket(Bucket=BUCKET)
        for name, size in (("64", 64 * MIB), ("1024", 1024 * MIB)):
            client(running).put_object(Bucket=BUCKET, Key=name, Body=Zeros(size))
        yield Measured(service=running, base_mib=base_mib)


class Zeros:
    """A body of so many bytes that takes no memory."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._at = 0

    def read(self, amount: int = -1) -> bytes:
        amount = min(amount if amount >= 0 else self._size, self._size - self._at)
        self._at += amount
        return bytes(amount)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + {0: 0, 1: self._at, 2: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at


def client(service: Sealgate, user: User = ALICE) -> Any:
    return boto3.client(  # type: ignore[no-untyped-call]  # boto3 has no types
        "s3",
        endpoint_url=service.url,
        region_name="us-east-1",
        aws_access_key_id=user.access_key,
        aws_secret_access_key=user.secret_key,
        config=Config(  # type: ignore[no-untyped-call]  # as above
            request_checksum_calculation="when_required",
            signature_version="s3v4",
            s3={"payload_signing_enabled": False},
        ),
    )


async def test_64_transfers_of_64_mib_at_once_stay_within_the_bound(loaded: Measured) -> None:
    """Half of them one identity's, half another's; each is read to its end."""
    async with contextlib.AsyncExitStack() as opened:
        streams = [
            await opened.enter_async_context(getting(loaded.service, "64", user))
            for user in (ALICE, BOB)
            for _ in range(32)
        ]
        for reader, _ in streams:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        held = loaded.held_mib()
        lengths = await asyncio.gather(*(drained(reader) for reader, _ in streams))

    assert lengths == [64 * MIB] * 64
    assert 1 < held < TRANSFERS_MIB


async def test_100_ranges_of_an_object_of_1_gib_stay_within_the_bound(loaded: Measured) -> None:
    async with contextlib.AsyncExitStack() as opened:
        streams = [
            await opened.enter_async_context(
                getting(loaded.service, "1024", BOB, f"bytes={at * 8 * MIB}-{(at + 1) * 8 * MIB - 1}")
            )
            for at in range(100)
        ]
        for reader, _ in streams:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 206 ")
        held = loaded.held_mib()
        lengths = await asyncio.gather(*(drained(reader) for reader, _ in streams))

    assert lengths == [8 * MIB] * 100
    assert 1 < held < TRANSFERS_MIB


async def test_1000_idle_connections_cost_little_each(store: Store, tmp_path: Path) -> None:
    """On a service that has done nothing yet, so that no memory lies about."""
    with serving(store, tmp_path) as fresh:
        port = int(fresh.url.rpartition(":")[2])
        before = resident_mib(fresh)
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(1000)]
        await asyncio.sleep(0.5)
        held = resident_mib(fresh) - before
        for _, writer in streams:
            writer.close()

    assert 0 < held * 1024 / 1000 < IDLE_KIB


async def test_one_identity_that_asks_for_too_much_is_slowed_and_others_are_not(loaded: Measured) -> None:
    """Alice's share is full of answers that she does not read; Bob is served meanwhile."""
    async with contextlib.AsyncExitStack() as opened:
        statuses = []
        for _ in range(160):
            reader, _writer = await opened.enter_async_context(getting(loaded.service, "64", ALICE))
            statuses.append(asyncio.ensure_future(reader.readuntil(b"\r\n\r\n")))
        heads = await asyncio.gather(*statuses)
        reader, _writer = await opened.enter_async_context(getting(loaded.service, "64", BOB))
        bobs = await reader.readuntil(b"\r\n\r\n")

    assert {head[9:12] for head in heads} == {b"200", b"503"}
    assert bobs.startswith(b"HTTP/1.1 200 ")


@contextlib.asynccontextmanager
async def getting(service: Sealgate, key: str, user: User, byte_range: str = "") -> AsyncIterator[Stream]:
    """A GET whose answer nobody has read yet."""
    parameters = {"Bucket": BUCKET, "Key": key}
    url = client(service, user).generate_presigned_url("get_object", Params=parameters)
    host, _, target = url.removeprefix("http://").partition("/")
    reader, writer = await asyncio.open_connection(*host.split(":"), limit=MIB)
    wanted = f"Range: {byte_range}\r\n" if byte_range else ""
    writer.write(f"GET /{target} HTTP/1.1\r\nHost: {host}\r\n{wanted}Connection: close\r\n\r\n".encode())
    try:
        yield reader, writer
    finally:
        writer.close()


async def drained(reader: asyncio.StreamReader) -> int:
    length = 0
    while data := await reader.read(MIB):
        length += len(data)
    return length
