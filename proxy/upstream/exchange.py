"""One request and its answer on one connection: HTTP/1.1's order of steps, and nothing of pools or signing.

An answer may come before the request is whole. It is then read into memory (it is an error, and small) and
the connection is cut, so that what was not sent yet never is: its memory belongs to the caller again.
"""

from proxy.upstream.answer import Answer, HeldAnswer
from proxy.upstream.answer_head import AnswerHead, maybe_answer_head
from proxy.upstream.connection import STORE_BYTES, Connection
from proxy.upstream.messages import AnswerTooLarge, UpstreamBroken, UpstreamUnreachable

MAX_INTERIM = 64
"""Interim answers (1xx) to one request; a 102 every few seconds is usual, an endless row is not."""

EARLY_BYTES = 65536
"""What is kept of the body of an early answer."""


class Exchange:
    """Call `send` until all is sent or it returns False, then `answer` once."""

    __slots__ = ("_begun", "_connection", "_early", "_head", "_interim", "_method")

    def __init__(self, connection: Connection, *, method: str) -> None:
        self._connection = connection
        self._method = method
        self._head: AnswerHead | None = None
        self._begun = False
        self._interim = 0
        self._early: HeldAnswer | None = None

    async def send(self, *parts: bytes | bytearray | memoryview) -> bool:
        """Send parts. True: all went. False: an answer came first, and the rest is not wanted.

        However it ends, also by an error or a cancellation, the memory is free and unsent bytes stay unsent.
        UpstreamUnreachable where nothing of the request was sent: bytes that came before are no answer to it.
        """
        if not self._begun and (self._connection.held or not self._connection.alive):
            raise UpstreamUnreachable("the store ended the connection before the request was sent")
        self._begun = True
        try:
            for piece in _sliced(parts) if self._connection.slices else (parts,):
                if self._answered() or not await self._written(*piece):
                    await self._hold()
                    return False
            return True
        except BaseException:
            await self._connection.cut()
            raise

    async def answer(self) -> Answer:
        """The final answer. UpstreamBroken where it does not come or is not HTTP."""
        if self._early is not None:
            return self._early
        while not self._answered():
            if not await self._connection.more():
                raise UpstreamBroken("the store closed the connection instead of answering")
        if self._head is None:
            raise AssertionError("answered without a head")
        return Answer(self._head, self._connection)

    async def _written(self, *parts: bytes | bytearray | memoryview) -> bool:
        self._connection.write(*parts)
        while self._connection.unsent:
            await self._connection.moved()
            if self._answered():
                return not self._connection.unsent
        return True

    def _answered(self) -> bool:
        """Look whether the head of a final answer is here; interim ones are passed over."""
        while self._head is None and self._connection.held:
            raw = self._connection.maybe_head()
            if raw is None:
                return False
            self._head = maybe_answer_head(raw, method=self._method)
            self._interim += 1
            if self._interim > MAX_INTERIM:
                raise UpstreamBroken("interim answers without end")
        return self._head is not None

    async def _hold(self) -> None:
        if self._head is None:
            raise AssertionError("answered without a head")
        try:
            body = await Answer(self._head, self._connection).read(limit=EARLY_BYTES)
        except AnswerTooLarge as exc:
            raise UpstreamBroken("an early answer longer than 64 KiB") from exc
        await self._connection.cut()
        self._early = HeldAnswer(self._head, self._connection, body)


def _sliced(
    parts: tuple[bytes | bytearray | memoryview, ...],
) -> list[tuple[bytes | bytearray | memoryview]]:
    """Pieces of at most the store's size; one where that is enough, since each is a record and a packet."""
    if sum(map(len, parts)) <= STORE_BYTES:
        return [(b"".join(parts),)]
    pieces: list[tuple[bytes | bytearray | memoryview]] = []
    for part in parts:
        view = memoryview(part)
        pieces += [(view[at : at + STORE_BYTES],) for at in range(0, len(view), STORE_BYTES)]
    return pieces
