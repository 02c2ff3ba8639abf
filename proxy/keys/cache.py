"""Data keys kept for a while, so that a thousand requests need not be a thousand KMS calls.

A KeyProvider around another. What the KMS gave one principal serves that principal alone, for the same key id
and the whole of the same context. Making and opening are kept apart: an opened key never seals. An entry ends
by age, by uses or by want of room, and its key bytes go with it. Errors are not kept. One miss makes one
call, which outlives any one waiter and ends with the cache. Describe and re_encrypt pass through.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, replace
from typing import Any, Final

from cachetools import TLRUCache

from proxy.keys.provider import (
    Caller,
    DataKey,
    KeyContext,
    KeyDescription,
    KeyProvider,
    KeyServiceError,
    KeyUnavailable,
)

_UNLIMITED: Final = 1 << 62
_SWEEP_SECONDS: Final = 1.0
"""How long the bytes of an entry past its age may stay, if nobody asks for anything meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLimits:
    """Zero of max_age_seconds turns the cache off."""

    max_age_seconds: float = 300.0
    """Counted from when the KMS was asked: the longest that a revocation can go unseen."""
    max_uses: int = 65_536
    """How often one data key is given out to seal with (docs/FORMAT.md has the hard limit)."""
    max_entries: int = 10_000
    """Of made keys and of opened keys, each; the least recently used goes first."""

    def __post_init__(self) -> None:
        if self.max_uses < 1 or self.max_entries < 1:
            raise ValueError("a data-key cache needs room for one entry and one use")


@dataclass(slots=True)
class CacheCounts:
    """Only ever rising; `fresh` calls are in none of them."""

    hits: int = 0
    misses: int = 0
    """Calls that went to the KMS."""
    joined: int = 0
    """Requests that waited for another's miss."""

    @property
    def calls_saved(self) -> int:
        return self.hits + self.joined


class _Entry:
    """A data key and what is left of it."""

    __slots__ = ("data_key", "expires_at", "left")

    def __init__(self, data_key: DataKey, *, expires_at: float, uses: int) -> None:
        self.data_key = replace(data_key, cached=True)
        self.expires_at = expires_at
        self.left = uses


_Flight = asyncio.Task[_Entry | KeyServiceError]
_Call = Callable[[], Coroutine[Any, Any, DataKey]]
_Shelf = TLRUCache[Hashable, _Entry]


class CachedKeys:
    """See the file's head. Needs a running loop from the first call on; `clock` is monotonic, in seconds."""

    def __init__(
        self,
        keys: KeyProvider,
        limits: CacheLimits,
        *,
        counts: CacheCounts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`counts` of an earlier cache go on rising."""
        self.counts = counts or CacheCounts()
        self._keys = keys
        self._limits = limits
        self._clock = clock
        self._made = self._shelf()
        self._opened = self._shelf()
        self._flights: dict[Hashable, _Flight] = {}
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def generate(self, key_id: str, context: KeyContext, caller: Caller, *, fresh: bool) -> DataKey:
        if fresh or self._limits.max_age_seconds <= 0:
            return await self._keys.generate(key_id, context, caller, fresh=fresh)
        name = (caller.principal, key_id, frozenset(context.items()))
        entry = self._made.get(name)
        if entry is not None and entry.left > 0:
            entry.left -= 1
            self.counts.hits += 1
            return entry.data_key
        return await self._landed(
            self._made,
            name,
            lambda: self._keys.generate(key_id, dict(context), caller, fresh=False),
            self._limits.max_uses,
        )

    async def unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> DataKey:
        if self._limits.max_age_seconds <= 0:
            return await self._keys.unwrap(key_arn, wrapped, context, caller)
        name = (caller.principal, key_arn, wrapped, frozenset(context.items()))
        entry = self._opened.get(name)
        if entry is not None:
            self.counts.hits += 1
            return entry.data_key
        return await self._landed(
            self._opened,
            name,
            lambda: self._keys.unwrap(key_arn, wrapped, dict(context), caller),
            _UNLIMITED,
        )

    async def re_encrypt(
        self,
        key_arn: str,
        wrapped: bytes,
        context: KeyContext,
        caller: Caller,
        *,
        to_key_id: str,
        to_context: KeyContext,
    ) -> tuple[str, bytes]:
        return await self._keys.re_encrypt(
            key_arn, wrapped, context, caller, to_key_id=to_key_id, to_context=to_context
        )

    async def describe(self, key_id: str, caller: Caller) -> KeyDescription:
        return await self._keys.describe(key_id, caller)

    @property
    def holds_keys(self) -> bool:
        """Whether some request could be served without a KMS."""
        return bool(self._made or self._opened)

    async def aclose(self) -> None:
        """Drop every key, end every call under way, close what is wrapped. Waiters get KeyUnavailable."""
        self._closed = True
        self._made.clear()
        self._opened.clear()
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        try:
            await asyncio.gather(*flights, return_exceptions=True)
        finally:
            await self._keys.aclose()

    def sweep(self) -> None:
        """Drop what is past its age. Runs by itself each second while anything is held."""
        for shelf in (self._made, self._opened):
            shelf.expire()
        self._sweep_timer = None
        if (self._made or self._opened) and not self._closed:
            self._arm()

    async def _landed(self, shelf: _Shelf, name: Hashable, call: _Call, uses: int) -> DataKey:
        """From the flight under way for `name`, else from a new one; again where others used the key up."""
        while True:
            flight = self._flights.get(name)
            leads = flight is None
            if flight is None:
                flight = self._take_off(shelf, name, call, uses)
            await asyncio.wait([flight])  # unlike await and shield, cancels nothing and logs nothing
            entry = _result(flight)
            if entry.left > 0:
                entry.left -= 1
                if not leads:
                    self.counts.joined += 1
                    return entry.data_key
                return replace(entry.data_key, cached=False)

    def _take_off(self, shelf: _Shelf, name: Hashable, call: _Call, uses: int) -> _Flight:
        if self._closed:
            raise KeyUnavailable("the data-key cache is closed")
        self.counts.misses += 1
        flight = asyncio.get_running_loop().create_task(
            self._fly(shelf, name, call, uses, asked_at=self._clock())
        )
        self._flights[name] = flight
        flight.add_done_callback(lambda _: self._flights.pop(name))
        return flight

    async def _fly(
        self, shelf: _Shelf, name: Hashable, call: _Call, uses: int, *, asked_at: float
    ) -> _Entry | KeyServiceError:
        try:
            data_key = await call()
        except KeyServiceError as exc:
            return (
                exc  # as a value: each waiter raises its own, and nobody waiting is no unretrieved exception
            )
        entry = _Entry(data_key, expires_at=asked_at + self._limits.max_age_seconds, uses=uses)
        if not self._closed:
            shelf[name] = entry
            self._arm()
        return entry

    def _arm(self) -> None:
        if self._sweep_timer is None:
            self._sweep_timer = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self.sweep)

    def _shelf(self) -> _Shelf:
        return TLRUCache(self._limits.max_entries, lambda _, entry, __: entry.expires_at, timer=self._clock)


def _result(flight: _Flight) -> _Entry:
    """Raises a copy of the flight's error: one raised by a thousand waiters grows a thousand tracebacks."""
    if flight.cancelled():
        raise KeyUnavailable("the data-key cache is closing")
    landed = flight.result()
    if isinstance(landed, KeyServiceError):
        raise type(landed)(landed.reason, code=landed.code) from landed
    return landed
