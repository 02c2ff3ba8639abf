"""Bodies go with their checksums; an answer that does not fit them is no success."""

import asyncio
import hashlib
from collections.abc import Callable

import pytest

from proxy.upstream.capabilities import Capabilities
from proxy.upstream.integrity import Integrity
from proxy.upstream.messages import (
    AnsweredEarly,
    DamagedOnTheWay,
    Request,
    Upload,
    Upstream,
    UpstreamBroken,
)
from tests.upstream.stores import PUT, Open, Script, Serve, empty, fetch, plain_answer, pool_of, read_request

ABLE = Capabilities(checksum_headers=True, checksum_trailers=True, checksum_parts=True, md5_etags=True)
SURE = Capabilities(md5_etags=True, conditional_deletes=True)
PART = Request(method="PUT", path="/bucket/key", query="partNumber=1&uploadId=u")
MD5 = hashlib.md5(b"body").hexdigest()  # noqa: S324 - what stores have as ETag
OTHER = "0" * 32
Heads = list[tuple[bytes, bytes]]


def answering(seen: Heads, answer: Callable[[bytes], bytes]) -> Script:
    """Notes each request, and answers it by its head."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await read_request(reader)
            seen.append((head, body))
            writer.write(answer(head))

    return script


def with_headers(headers: str) -> Callable[[bytes], bytes]:
    return lambda _: plain_answer(b"", headers=headers)


async def uploaded(up: Upstream, request: Request = PUT, body: bytes = b"body") -> int:
    async with up.upload(request, content_length=len(body)) as upload:
        await upload.write(body[:1])
        await upload.write(body[1:])
        response = await upload.finish()
        await response.read(limit=100)
        return response.status


@pytest.mark.parametrize("request_", [PUT, PART], ids=["object", "part"])
async def test_a_held_body_goes_with_a_header(serve: Serve, opened: Open, request_: Request) -> None:
    seen: Heads = []
    up = opened(
        await serve(answering(seen, with_headers(""))), integrity=Integrity.CHECKSUM, capabilities=ABLE
    )

    assert (await fetch(up, request_, b"123456789"))[0] == 200

    assert b"\r\nx-amz-checksum-crc32c: 4waSgw==\r\n" in seen[0][0]


async def test_a_streamed_body_is_followed_by_its_checksum(serve: Serve, opened: Open) -> None:
    seen: Heads = []
    up = opened(
        await serve(answering(seen, with_headers(""))), integrity=Integrity.CHECKSUM, capabilities=ABLE
    )

    assert await uploaded(up, body=b"123456789") == 200

    assert b"\r\nx-amz-decoded-content-length: 9\r\n" in seen[0][0]
    assert seen[0][1] == b"9\r\n123456789\r\n0\r\nx-amz-checksum-crc32c:4waSgw==\r\n\r\n"


async def test_what_is_about_a_setting_goes_as_it_is(serve: Serve, opened: Open) -> None:
    seen: Heads = []
    up = opened(
        await serve(answering(seen, with_headers(""))), integrity=Integrity.CHECKSUM, capabilities=ABLE
    )
    setting = Request(method="PUT", path="/bucket/key", query="tagging")

    assert (await fetch(up, setting, b"<Tagging/>"))[0] == 200
    assert await uploaded(up, setting) == 200

    assert all(b"checksum" not in head for head, _ in seen)


EARLY = pytest.mark.parametrize("status", ["200 OK", "403 Forbidden"])


def answers_after(size: int, status: str) -> Script:
    """With `size` bytes of the coded body read, and no more."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(size)
        writer.write(plain_answer(b"", status=status))
        await reader.read()

    return script


async def write_for_ever(upload: Upload) -> None:
    for _ in range(64):
        await upload.write(bytes(1 << 20))


async def ended(upload: Upload, status: str) -> None:
    """A refusal is heard. A success cannot be one, as the store has not seen the checksum."""
    if status == "200 OK":
        with pytest.raises(UpstreamBroken):
            await upload.finish()
    else:
        assert (await upload.finish()).status == 403


@EARLY
async def test_an_answer_within_the_body(serve: Serve, opened: Open, status: str) -> None:
    up = opened(await serve(answers_after(0, status)), integrity=Integrity.CHECKSUM, capabilities=ABLE)

    async with up.upload(PUT, content_length=64 << 20) as upload:
        with pytest.raises(AnsweredEarly):
            await write_for_ever(upload)
        await ended(upload, status)


@EARLY
async def test_an_answer_between_the_body_and_its_checksum(serve: Serve, opened: Open, status: str) -> None:
    up = opened(
        await serve(answers_after(len(b"4\r\nbody"), status)), integrity=Integrity.CHECKSUM, capabilities=ABLE
    )

    async with up.upload(PUT, content_length=4) as upload:
        await upload.write(b"body")
        connection = upload.upload._use.connection  # type: ignore[attr-defined]  # of what is wrapped
        while not connection.held:  # noqa: ASYNC110  # nobody says when bytes come
            await asyncio.sleep(0.01)
        await ended(upload, status)


async def test_an_etag_that_is_the_md5_is_a_success(serve: Serve, opened: Open) -> None:
    seen: Heads = []
    script = answering(seen, with_headers(f'etag: "{MD5.upper()}"\r\n'))
    up = opened(await serve(script), integrity=Integrity.MD5, capabilities=SURE)

    assert await uploaded(up) == 200
    assert await uploaded(up, PART) == 200
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("headers", "capabilities", "request_", "taken_back"),
    [
        (f'etag: "{OTHER}"\r\nx-amz-version-id: v1\r\n', SURE, PUT, b"DELETE /bucket/key?versionId=v1 "),
        (f'etag: "{OTHER}"\r\nx-amz-version-id: null\r\n', SURE, PUT, b"DELETE /bucket/key "),
        (f'etag: "{OTHER}"\r\n', SURE, PUT, b"DELETE /bucket/key "),
        (f'etag: "{OTHER}"\r\n', Capabilities(md5_etags=True), PUT, b""),
        (f'etag: "{OTHER}"\r\nx-amz-version-id: v1\r\n', SURE, PART, b""),
        ("", SURE, PUT, b""),
    ],
    ids=["version", "null version", "by its ETag", "no way to", "part", "no ETag"],
)
async def test_another_etag_is_damage_and_only_that_object_is_deleted(
    *,
    serve: Serve,
    opened: Open,
    headers: str,
    capabilities: Capabilities,
    request_: Request,
    taken_back: bytes,
) -> None:
    seen: Heads = []
    script = answering(seen, with_headers(headers))
    up = opened(await serve(script), integrity=Integrity.MD5, capabilities=capabilities)

    with pytest.raises(DamagedOnTheWay, match="deleted" if taken_back else "left"):
        await uploaded(up, request_)

    heads = [head for head, _ in seen[1:]]
    assert [head.startswith(taken_back) for head in heads] == ([True] if taken_back else [])
    if taken_back and b"versionId" not in taken_back:
        assert f'\r\nif-match: "{OTHER}"\r\n'.encode() in heads[0]


async def test_a_refusal_is_no_damage(serve: Serve, opened: Open) -> None:
    seen: Heads = []
    refused = plain_answer(b"<Error/>", status="403 Forbidden")
    up = opened(await serve(answering(seen, lambda _: refused)), integrity=Integrity.MD5, capabilities=SURE)

    assert await uploaded(up) == 403


async def test_an_object_that_cannot_be_deleted_is_said_to_be_left(serve: Serve, opened: Open) -> None:
    seen: Heads = []

    def answer(head: bytes) -> bytes:
        if head.startswith(b"DELETE"):
            return plain_answer(b"", status="403 Forbidden")
        return plain_answer(b"", headers=f'etag: "{OTHER}"\r\n')

    up = opened(await serve(answering(seen, answer)), integrity=Integrity.MD5, capabilities=SURE)

    with pytest.raises(DamagedOnTheWay, match="left"):
        await uploaded(up)


async def test_a_client_that_leaves_does_not_keep_the_damage(serve: Serve, opened: Open) -> None:
    """Once it is known to be wrong it goes, whoever waits."""
    seen: Heads = []
    deleting, go_on = asyncio.Event(), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await read_request(reader)
            seen.append((head, body))
            if head.startswith(b"DELETE"):
                deleting.set()
                await go_on.wait()
            writer.write(plain_answer(b"", headers=f'etag: "{OTHER}"\r\n'))

    up = opened(await serve(script), integrity=Integrity.MD5, capabilities=SURE)
    task = asyncio.create_task(uploaded(up))
    await deleting.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert pool_of(up).startswith(empty()[: len("<Pool busy=0")])
