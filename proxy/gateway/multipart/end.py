"""Sends what an object ends with: the tail, where it must behind the last part's kept bytes.

What fits in memory is held and can be sent again; longer kept bytes stream from the state to the store.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from proxy.gateway.call import Call
from proxy.gateway.exchange import Buffer
from proxy.gateway.multipart.memory import OpenUpload
from proxy.gateway.multipart.parts import FoundRecord
from proxy.gateway.multipart.plan import End
from proxy.gateway.multipart.upload import upload_request
from proxy.gateway.sending import send
from proxy.gateway.store import answer_to, refuse_unless_ok
from proxy.s3.errors import S3Error
from proxy.s3.multipart import unquoted
from proxy.seal.errors import DamagedRecord
from proxy.seal.geometry import run_size
from proxy.seal.index import Index
from proxy.seal.records import Kept, run_name
from proxy.seal.segments import RUN_ID
from proxy.seal.tail import multipart_tail
from proxy.upstream.messages import Request, Response

HELD_BYTES = 8 * 1024 * 1024
PIECE_BYTES = 512 * 1024


async def send_end(
    call: Call, upload: OpenUpload, end: End, index: Index, record: FoundRecord | None
) -> list[tuple[int, str]]:
    """Number and ETag of the store's parts that it became. Raises S3Error, DamagedRecord, UpstreamError."""
    tail = multipart_tail(index, index_key=upload.index_key)
    run_length = run_size(index.parts[-1].plain_length) if end.keeps_last else 0
    length = run_length + len(tail)
    cut = end.cut or length
    last = index.parts[-1].number
    numbers = end.numbers(-(-length // cut), last=last, capabilities=call.store.capabilities)
    sizes = [min(cut, length - at) for at in range(0, length, cut)]
    async with (
        call.hold(min(length, HELD_BYTES)),
        _end_bytes(call, upload, record, run_length, tail) as ending,
    ):
        sent = []
        for number, size in zip(numbers, sizes, strict=True):
            request = upload_request(call, upload.name, method="PUT", query={"partNumber": str(number)})
            if length <= HELD_BYTES:
                etag = await _put(call, request, await ending.take(size))
            else:
                etag = await _stream(call, request, ending, size)
            sent.append((number, etag))
        return sent


class _Ending:
    """Kept bytes, if any, then the tail; read once from front to back."""

    def __init__(self, kept: Response | None, left: int, tail: bytes, *, run_id: bytes) -> None:
        self._kept = kept
        self._left = left
        self._tail = memoryview(tail)
        self._run_id = run_id

    async def take(self, size: int) -> memoryview:
        """The next `size` bytes. Raises DamagedRecord where the kept ones are not what was kept."""
        taken = memoryview(bytearray(size))
        from_kept = min(size, self._left)
        if from_kept and self._kept is not None:
            received = await self._kept.fill(taken[:from_kept], at_least=from_kept)
            if received != from_kept:
                raise DamagedRecord("the kept bytes of a part are cut")
            if self._run_id and taken[:RUN_ID] != self._run_id:
                raise DamagedRecord("the kept bytes are another attempt's")
            self._run_id = b""
            self._left -= from_kept
        taken[from_kept:] = self._tail[: size - from_kept]
        self._tail = self._tail[size - from_kept :]
        return taken

    async def pieces(self, size: int) -> AsyncIterator[Buffer]:
        for at in range(0, size, PIECE_BYTES):
            yield await self.take(min(PIECE_BYTES, size - at))


@asynccontextmanager
async def _end_bytes(
    call: Call, upload: OpenUpload, record: FoundRecord | None, run_length: int, tail: bytes
) -> AsyncIterator[_Ending]:
    if not run_length or record is None:
        yield _Ending(None, 0, tail, run_id=b"")
        return
    name, first = record.name, record.size
    if record.record.kept is Kept.NOWHERE:
        raise S3Error("InvalidPart", "The store wants parts of one size, and this one was sent before them.")
    if record.record.kept is Kept.BESIDE:
        name, first = upload.name.prefix + run_name(record.number, record.record.run_id), 0
    reading = call.store.state.reading(upload.name.bucket, name, first=first, last=first + run_length - 1)
    async with reading as response:
        if response is None:
            raise DamagedRecord("the kept bytes of a part are gone")
        yield _Ending(response, run_length, tail, run_id=record.record.run_id)


async def _put(call: Call, request: Request, body: memoryview) -> str:
    async with answer_to(call, request, body) as response:
        await refuse_unless_ok(call, response)
        return unquoted(response.headers.get("etag", ""))


async def _stream(call: Call, request: Request, ending: _Ending, size: int) -> str:
    async with call.store.upstream.upload(request, content_length=size) as upload:
        response = await send(call, upload, ending.pieces(size))
        await refuse_unless_ok(call, response)
        return unquoted(response.headers.get("etag", ""))
