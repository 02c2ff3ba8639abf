"""A key service in memory, and a clock, for the tests of what stands before a real one."""

import asyncio
from typing import Any

from proxy.keys.cache import CachedKeys
from proxy.keys.provider import Caller, DataKey, KeyContext, KeyDescription, Standing
from tests.keys.conftest import CALLER

CONTEXT = {"aws:s3:arn": "arn:aws:s3:::bucket"}


class Kms:
    """A key service in memory: counts its calls, and can be held up, down or unwilling."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None
        self.closed = 0
        self.cancelled = 0

    async def generate(self, key_id: str, context: KeyContext, caller: Caller, *, fresh: bool) -> DataKey:
        del context
        await self._called("generate", key_id, caller.principal, str(fresh))
        n = len(self.calls)
        return DataKey(key_arn="arn:" + key_id, wrapped=b"wrapped%d" % n, plain=b"%032d" % n)

    async def unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> DataKey:
        del context
        await self._called("unwrap", key_arn, caller.principal)
        return DataKey(key_arn=key_arn, wrapped=wrapped, plain=b"%032d" % len(self.calls))

    async def may_generate(self, key_id: str, context: KeyContext, caller: Caller) -> None:
        del context
        await self._called("may_generate", key_id, caller.principal)

    async def may_unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> None:
        del context, wrapped
        await self._called("may_unwrap", key_arn, caller.principal)

    def standing(self, key_id: str, caller: Caller) -> Standing:
        del key_id
        return Standing((), (caller.principal, caller.source_ip))

    async def re_encrypt(self, *_: Any, **__: Any) -> tuple[str, bytes]:
        await self._called("re_encrypt")
        return "arn:to", b"rewrapped"

    async def describe(self, key_id: str, caller: Caller) -> KeyDescription:
        await self._called("describe", key_id, caller.principal)
        return KeyDescription(key_arn=key_id, state="Enabled", manager="CUSTOMER")

    async def aclose(self) -> None:
        self.closed += 1

    async def _called(self, *what: str) -> None:
        self.calls.append(what)
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def get(keys: CachedKeys, key_id: str = "k", caller: Caller = CALLER, **context: str) -> DataKey:
    return await keys.generate(key_id, CONTEXT | context, caller, fresh=False)
