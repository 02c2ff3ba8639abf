"""What a service holds in memory is bounded by what is under way, never by how large an object is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.memory.measured import BUCKET, MIB, Measured, client
from tests.memory.resident import resident_mib
from tests.stores.sealgate import ALICE, BOB, Sealgate, User, serving
from tests.stores.seaweedfs import Store

TRANSFERS_MIB = 256
"""docs/architecture.md: 64 transfers of 64 MiB at once."""
IDLE_KIB = 64

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


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
