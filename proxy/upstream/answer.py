"""An answer whose head was read: gives its body, however its end is told.

A body with a length goes from the socket straight into the caller's buffer. Chunked ones and those that end
with the connection pass through a small piece at a time.
"""

from proxy.chunks import DamagedChunks, of_answer
from proxy.upstream.answer_head import AnswerHead, Framing
from proxy.upstream.connection import Connection
from proxy.upstream.messages import AnswerTooLarge, Headers, UpstreamBroken

_NOTHING = memoryview(b"")


class Answer:
    """A Response (messages.py) read from a connection."""

    __slots__ = ("_chunks", "_connection", "_head", "_left", "_over", "_piece")

    def __init__(self, head: AnswerHead, connection: Connection) -> None:
        self._head = head
        self._connection = connection
        self._left = head.body_length
        self._chunks = of_answer() if head.framing is Framing.CHUNKED else None
        self._over = self._left is not None
        self._piece = _NOTHING

    @property
    def status(self) -> int:
        return self._head.status

    @property
    def reason(self) -> str:
        return self._head.reason

    @property
    def headers(self) -> Headers:
        return self._head.headers

    @property
    def content_length(self) -> int | None:
        """Bytes of the body, thus 0 for a HEAD; the header says what a GET would bring."""
        return self._head.body_length

    @property
    def reusable(self) -> bool:
        """It was read to its end, and the connection may carry another request."""
        read = not self._left and self._over and not self._piece
        surplus = self._chunks is not None and self._chunks.surplus
        return read and not surplus and self._head.keep_alive

    async def fill(self, buffer: memoryview, *, at_least: int) -> int:
        """See messages.py. After a cancellation or an error nothing more can be read."""
        want = min(max(at_least, 1), len(buffer))
        if self._left is not None:
            want = min(want, self._left)
            if want == 0:
                return 0
            count = await self._connection.fill(buffer[: self._left], at_least=want)
            self._left -= count
            return count
        filled = 0
        while filled < want and (self._piece or await self._next_piece()):
            count = min(len(self._piece), len(buffer) - filled)
            buffer[filled : filled + count] = self._piece[:count]
            self._piece = self._piece[count:]
            filled += count
        return filled

    async def read(self, *, limit: int) -> bytes:
        """See messages.py. Memory is bounded by limit and 64 KiB."""
        if self._left is not None:
            return await self._read_known(self._left, limit)
        whole = bytearray()
        while self._piece or await self._next_piece():
            whole += self._piece
            self._piece = _NOTHING
            if len(whole) > limit:
                raise AnswerTooLarge(f"more than {limit} bytes")
        return bytes(whole)

    async def _read_known(self, left: int, limit: int) -> bytes:
        if left > limit:
            raise AnswerTooLarge(f"{left} bytes where {limit} are allowed")
        whole = bytearray(left)
        await self.fill(memoryview(whole), at_least=left)
        return bytes(whole)

    async def _next_piece(self) -> bool:
        """Get more of a body without a known length; False at its end."""
        while not self._over and not self._piece:
            raw = await self._connection.take()
            if self._chunks is None:
                self._over = not raw
                self._piece = memoryview(bytes(raw))
            else:
                try:
                    self._piece = memoryview(self._chunks.feed(raw))
                except DamagedChunks as exc:
                    raise UpstreamBroken(str(exc)) from exc
                self._over = self._chunks.over
        return bool(self._piece)


class HeldAnswer(Answer):
    """An early answer, all in memory: its connection is gone."""

    __slots__ = ()

    def __init__(self, head: AnswerHead, connection: Connection, body: bytes) -> None:
        super().__init__(head, connection)
        self._left = None
        self._over = True
        self._piece = memoryview(body)
