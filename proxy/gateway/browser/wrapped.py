"""An exchange around another one, for those that change one thing of it."""

from collections.abc import Mapping

from proxy.gateway.exchange import Buffer, Exchange


class WrappedExchange:
    """See Exchange for the contract."""

    def __init__(self, inner: Exchange) -> None:
        self._inner = inner
        self.method, self.target, self.headers = inner.method, inner.target, inner.headers
        self.source_ip, self.secure = inner.source_ip, inner.secure

    @property
    def tls_version(self) -> str:
        return self._inner.tls_version

    @property
    def begun(self) -> bool:
        return self._inner.begun

    @property
    def waiting(self) -> bool:
        return self._inner.waiting

    @property
    def plain_bytes_in(self) -> int:
        return self._inner.plain_bytes_in

    @property
    def plain_bytes_out(self) -> int:
        return self._inner.plain_bytes_out

    async def read(self) -> bytes:
        return await self._inner.read()

    async def begin(
        self, status: int, headers: Mapping[str, str], *, length: int | None, first: Buffer = b""
    ) -> None:
        await self._inner.begin(status, headers, length=length, first=first)

    async def begin_waiting(self, headers: Mapping[str, str], first: bytes) -> bool:
        return await self._inner.begin_waiting(headers, first)

    async def begin_in_chunks(self, status: int, headers: Mapping[str, str], first: Buffer) -> bool:
        return await self._inner.begin_in_chunks(status, headers, first)

    async def conclude(self, last: bytes) -> None:
        await self._inner.conclude(last)

    async def write(self, data: Buffer) -> None:
        await self._inner.write(data)

    def tear(self) -> None:
        self._inner.tear()
