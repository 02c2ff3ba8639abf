"""Data keys kept for a while, so that a thousand requests need not be a thousand KMS calls.

A KeyProvider around another. A data key serves every caller that the KMS allows it, for the same key id and
the whole of the same context: who has no decision yet (proxy/keys/decisions.py) is asked about, by a dry run.
Making and opening are kept apart: an opened key never seals. An entry ends by age, by uses, by news of a
change, or by want of room, and its key bytes go with it. One miss makes one call, which outlives any one
waiter and ends with the cache. Describe and re_encrypt pass through.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Hashable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from cachetools import TLRUCache

from proxy.keys.decisions import DecisionLimits, Decisions, Question, again
from proxy.keys.provider import (
    Caller,
    DataKey,
    KeyContext,
    KeyDescription,
    KeyProvider,
    KeyRefused,
    KeyServiceError,
    KeyUnavailable,
    Standing,
)

_UNLIMITED: Final = 1 << 62
_SWEEP_SECONDS: Final = 1.0
"""How long the bytes of an entry past its age may stay, if nobody asks for anything meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLimits:
    """Zero of max_age_seconds turns the cache off."""

    max_age_seconds: float = 300.0
    """Counted from when the KMS was asked."""
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
    decisions_asked: int = 0
    """Dry runs: the data key was here, and the KMS's yes for this caller was not."""

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


_Landed = _Entry | KeyServiceError
_Call = Callable[[], Coroutine[Any, Any, DataKey]]
_Permit = Callable[[], Coroutine[Any, Any, None]]
_Shelf = TLRUCache[Hashable, _Entry]


@dataclass(frozen=True, slots=True)
class _Flight:
    """A call under way. A refusal is for whoever asks the same question, and for nobody else."""

    question: Question
    task: "asyncio.Task[_Landed]"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """One request for a data key: where it is kept, and how the KMS is asked for it or about it."""

    shelf: _Shelf
    name: Hashable
    question: Question
    call: _Call
    permit: _Permit
    uses: int


class CachedKeys:
    """See the file's head. Needs a running loop from the first call on; `clock` is monotonic, in seconds."""

    def __init__(
        self,
        keys: KeyProvider,
        limits: CacheLimits,
        *,
        decisions: DecisionLimits | None = None,
        counts: CacheCounts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`counts` of an earlier cache go on rising."""
        self.counts = counts or CacheCounts()
        self._keys = keys
        self._limits = limits
        self._clock = clock
        self._decisions = Decisions(decisions or DecisionLimits(), clock)
        self._made = self._shelf()
        self._opened = self._shelf()
        self._flights: dict[Hashable, _Flight] = {}
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def generate(self, key_id: str, context: KeyContext, caller: Caller, *, fresh: bool) -> DataKey:
        if fresh or self._limits.max_age_seconds <= 0:
            return await self._keys.generate(key_id, context, caller, fresh=fresh)
        standing, pairs = self._keys.standing(key_id, caller), frozenset(context.items())
        name, question = (standing.share, key_id, pairs), Question("generate", key_id, pairs, standing)
        entry = self._made.get(name)
        if entry is not None and entry.left > 0 and self._decisions.allows(question):
            return self._taken(entry)
        return await self._used(
            _Use(
                shelf=self._made,
                name=name,
                question=question,
                call=lambda: self._keys.generate(key_id, dict(context), caller, fresh=False),
                permit=lambda: self._keys.may_generate(key_id, dict(context), caller),
                uses=self._limits.max_uses,
            )
        )

    async def unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> DataKey:
        if self._limits.max_age_seconds <= 0:
            return await self._keys.unwrap(key_arn, wrapped, context, caller)
        standing, pairs = self._keys.standing(key_arn, caller), frozenset(context.items())
        name, question = (
            (standing.share, key_arn, wrapped, pairs),
            Question("unwrap", key_arn, pairs, standing),
        )
        entry = self._opened.get(name)
        if entry is not None and self._decisions.allows(question):
            return self._taken(entry)
        return await self._used(
            _Use(
                shelf=self._opened,
                name=name,
                question=question,
                call=lambda: self._keys.unwrap(key_arn, wrapped, dict(context), caller),
                permit=lambda: self._keys.may_unwrap(key_arn, wrapped, dict(context), caller),
                uses=_UNLIMITED,
            )
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

    async def may_generate(self, key_id: str, context: KeyContext, caller: Caller) -> None:
        await self._keys.may_generate(key_id, context, caller)

    async def may_unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> None:
        await self._keys.may_unwrap(key_arn, wrapped, context, caller)

    def standing(self, key_id: str, caller: Caller) -> Standing:
        return self._keys.standing(key_id, caller)

    async def describe(self, key_id: str, caller: Caller) -> KeyDescription:
        return await self._keys.describe(key_id, caller)

    @property
    def holds_keys(self) -> bool:
        """Whether some request could be served without a KMS."""
        return bool(self._made or self._opened)

    def forget(self, key_arns: Collection[str] | None) -> None:
        """Drop the data keys of these KMS keys, and what was decided about them; None: all of both."""
        self._decisions.forget(key_arns)
        for shelf in (self._made, self._opened):
            for name, entry in list(shelf.items()):
                if key_arns is None or entry.data_key.key_arn in key_arns:
                    shelf.pop(name, None)

    def unheard(self) -> None:
        """Changes are no longer told: what was decided serves on as long as an older yes may."""
        self._decisions.unheard()

    async def aclose(self) -> None:
        """Drop every key, end every call under way, close what is wrapped. Waiters get KeyUnavailable."""
        self._closed = True
        self._made.clear()
        self._opened.clear()
        self._decisions.clear()
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await self._keys.aclose()

    def sweep(self) -> None:
        """Drop what is past its age. Runs by itself each second while anything is held."""
        for shelf in (self._made, self._opened):
            shelf.expire()
        self._decisions.expire()
        self._sweep_timer = None
        if (self._made or self._opened) and not self._closed:
            self._arm()

    async def _used(self, use: _Use) -> DataKey:
        """From the entry, once this caller is allowed it; else from a call, whose answer is both."""
        entry: _Entry | None = use.shelf.get(use.name)
        joined = False
        while True:
            if entry is None or entry.left <= 0:
                entry, leads = await self._landed(use)
                if entry is not None and leads and entry.left > 0:
                    entry.left -= 1
                    return replace(entry.data_key, cached=False)
                joined = True
                continue
            if not self._decisions.allows(use.question):
                await self._decided(use, entry)
            if entry.left > 0:
                return self._taken(entry, joined=joined)

    def _taken(self, entry: _Entry, *, joined: bool = False) -> DataKey:
        entry.left -= 1
        if joined:
            self.counts.joined += 1
        else:
            self.counts.hits += 1
        return entry.data_key

    async def _decided(self, use: _Use, entry: _Entry) -> None:
        """Returns where the KMS allows this caller the data key that is here, or did and cannot be asked."""
        name = (use.question, self._decisions.epoch)  # an answer from before a change is none to who asks now
        flight = self._flights.get(name)
        if flight is None:
            self.counts.decisions_asked += 1
            flight = self._take_off(name, use, partial(self._ask, entry))
        try:
            await _result(flight.task)
        except KeyUnavailable:
            if not self._decisions.served_on(use.question):
                raise

    async def _ask(self, entry: _Entry, use: _Use, asked_at: float, epoch: int) -> _Landed:
        refusal = None
        try:
            await use.permit()
        except KeyUnavailable as exc:
            return exc
        except KeyServiceError as exc:
            refusal = exc
        arn = entry.data_key.key_arn
        self._decisions.note(use.question, key_arn=arn, asked_at=asked_at, epoch=epoch, refusal=refusal)
        return refusal or entry

    async def _landed(self, use: _Use) -> tuple[_Entry | None, bool]:
        """From the flight under way for this name, else from a new one; and whether this call began it.

        None where another caller was refused, which says nothing about this one.
        """
        flight = self._flights.get(use.name)
        leads = flight is None
        if flight is None:
            self.counts.misses += 1
            flight = self._take_off(use.name, use, self._fly)
        try:
            return await _result(flight.task), leads
        except KeyRefused:
            if flight.question == use.question:
                raise
            return None, False

    def _take_off(
        self, name: Hashable, use: _Use, fly: Callable[[_Use, float, int], Coroutine[Any, Any, _Landed]]
    ) -> _Flight:
        """A flight that knows when it began, and what had changed until then."""
        if self._closed:
            raise KeyUnavailable("the data-key cache is closed")
        call = fly(use, self._clock(), self._decisions.epoch)
        flight = _Flight(use.question, asyncio.get_running_loop().create_task(call))
        self._flights[name] = flight
        flight.task.add_done_callback(lambda _: self._flights.pop(name))
        return flight

    async def _fly(self, use: _Use, asked_at: float, epoch: int) -> _Landed:
        note = self._decisions.note
        try:
            data_key = await use.call()
        except KeyServiceError as exc:
            if isinstance(exc, KeyRefused):
                note(use.question, key_arn="", asked_at=asked_at, epoch=epoch, refusal=exc)
            # As a value: each waiter raises its own, and nobody waiting is no unretrieved exception.
            return exc
        entry = _Entry(data_key, expires_at=asked_at + self._limits.max_age_seconds, uses=use.uses)
        if not self._closed and epoch == self._decisions.epoch:
            note(use.question, key_arn=data_key.key_arn, asked_at=asked_at, epoch=epoch, refusal=None)
            use.shelf[use.name] = entry
            self._arm()
        return entry

    def _arm(self) -> None:
        if self._sweep_timer is None:
            self._sweep_timer = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self.sweep)

    def _shelf(self) -> _Shelf:
        return TLRUCache(self._limits.max_entries, lambda _, entry, __: entry.expires_at, timer=self._clock)


async def _result(task: "asyncio.Task[_Landed]") -> _Entry:
    """What a flight brought. Raises its error; leaving early takes nobody along."""
    await asyncio.wait([task])  # unlike await and shield, cancels nothing and logs nothing
    if task.cancelled():
        raise KeyUnavailable("the data-key cache is closing")
    landed = task.result()
    if isinstance(landed, KeyServiceError):
        raise again(landed)
    return landed
