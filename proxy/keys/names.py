"""What a key's id or alias stands for, remembered for a moment: else each write would ask the KMS.

One call is the answer of all who ask for a name at once. While the KMS cannot be asked, what it said last
serves on, as long as an older yes may (proxy/keys/decisions.py): a write under an alias would else end before
the data key that is in memory for it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache

from proxy.keys.decisions import RETRY_SECONDS, again
from proxy.keys.provider import Caller, KeyProvider, KeyServiceError, KeyUnavailable

MAX_REMEMBERED = 4096


@dataclass(slots=True, kw_only=True)
class _Name:
    key_arn: str
    asked_at: float
    ask_again_at: float


class KeyNames:
    """Safe for concurrent use; a cancelled call leaves nothing behind."""

    def __init__(
        self,
        keys: KeyProvider,
        caller: Caller,
        *,
        remembered_seconds: float,
        stale_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        """Asks as `caller`. Both times count from when the KMS was asked. `clock` is monotonic."""
        self._keys = keys
        self._caller = caller
        self._remembered_seconds = remembered_seconds
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._held: LRUCache[str, _Name] = LRUCache(MAX_REMEMBERED)
        self._asked: dict[str, asyncio.Future[str | KeyServiceError]] = {}

    async def arn_of(self, key_id: str) -> str:
        """Raises KeyServiceError."""
        held = self._held.get(key_id)
        if held is not None and self._clock() < held.ask_again_at:
            return held.key_arn
        told = await self._told(key_id)
        if isinstance(told, KeyServiceError):
            raise again(told)
        return told

    async def _told(self, key_id: str) -> str | KeyServiceError:
        while (asked := self._asked.get(key_id)) is not None:
            await asyncio.wait([asked])  # unlike await, cancels it for nobody else
            if not asked.cancelled():  # else who asked has left: the next one does
                return asked.result()
        asked = self._asked[key_id] = asyncio.get_running_loop().create_future()
        try:
            asked.set_result(told := await self._ask(key_id))
        finally:
            del self._asked[key_id]
            asked.cancel()
        return told

    async def _ask(self, key_id: str) -> str | KeyServiceError:
        asked_at = self._clock()
        try:
            key_arn = (await self._keys.describe(key_id, self._caller)).key_arn
        except KeyUnavailable as exc:
            return self._maybe_stale(key_id) or exc
        except KeyServiceError as exc:
            self._held.pop(key_id, None)
            return exc
        self._held[key_id] = _Name(
            key_arn=key_arn, asked_at=asked_at, ask_again_at=asked_at + self._remembered_seconds
        )
        return key_arn

    def _maybe_stale(self, key_id: str) -> str | None:
        held, now = self._held.get(key_id), self._clock()
        if held is None or now >= (ends_at := held.asked_at + self._stale_seconds):
            return None
        held.ask_again_at = min(now + RETRY_SECONDS, ends_at)
        return held.key_arn
