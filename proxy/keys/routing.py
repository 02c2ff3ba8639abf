"""Several KMS backends as one: one writes, all read what they claim.

A backend claims key ARNs; the configuration sees to it that no two claim the same. An ARN that nobody claims
is refused before any call, and a claim is checked again on what a backend answers: an envelope under an ARN
that its maker does not claim could never be opened.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.keys.provider import (
    Caller,
    DataKey,
    KeyContext,
    KeyDescription,
    KeyProvider,
    KeyRefused,
    Standing,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    name: str
    keys: KeyProvider
    claims: Callable[[str], bool]
    """Whether it opens what is under this key ARN."""
    writes: bool


class RoutedKeys:
    """A KeyProvider over backends. Raises ValueError unless exactly one writes."""

    def __init__(self, backends: Sequence[Backend]) -> None:
        writers = [b for b in backends if b.writes]
        if len(writers) != 1:
            raise ValueError(f"exactly one KMS backend must write, not {len(writers)}")
        self._writer = writers[0]
        self._backends = tuple(backends)

    async def generate(self, key_id: str, context: KeyContext, caller: Caller, *, fresh: bool) -> DataKey:
        """From the backend that writes."""
        made = await self._writer.keys.generate(key_id, context, caller, fresh=fresh)
        self._check_claim(self._writer, made.key_arn)
        return made

    async def unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> DataKey:
        return await self._claimant(key_arn).keys.unwrap(key_arn, wrapped, context, caller)

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
        """Inside the backend that claims key_arn: a key that stays in one KMS cannot reach another."""
        backend = self._claimant(key_arn)
        to_arn, rewrapped = await backend.keys.re_encrypt(
            key_arn, wrapped, context, caller, to_key_id=to_key_id, to_context=to_context
        )
        self._check_claim(backend, to_arn)
        return to_arn, rewrapped

    async def may_generate(self, key_id: str, context: KeyContext, caller: Caller) -> None:
        await self._writer.keys.may_generate(key_id, context, caller)

    async def may_unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> None:
        await self._claimant(key_arn).keys.may_unwrap(key_arn, wrapped, context, caller)

    def standing(self, key_id: str, caller: Caller) -> Standing:
        """Of the backend that the key is at; no other backend's data keys are shared with it."""
        backend = self._home(key_id)
        standing = backend.keys.standing(key_id, caller)
        return Standing((backend.name, standing.share), standing.seen)

    async def describe(self, key_id: str, caller: Caller) -> KeyDescription:
        return await self._home(key_id).keys.describe(key_id, caller)

    async def aclose(self) -> None:
        """Close all, also where one fails; then raise the first failure."""
        ends = await asyncio.gather(*(b.keys.aclose() for b in self._backends), return_exceptions=True)
        for failure in filter(None, ends):
            raise failure

    def _home(self, key_id: str) -> Backend:
        """A key ARN goes to its claimant; ids and aliases are names at the backend that writes."""
        return self._claimant(key_id) if ":key/" in key_id else self._writer

    def _claimant(self, key_arn: str) -> Backend:
        for backend in self._backends:
            if backend.claims(key_arn):
                return backend
        raise KeyRefused(f"no KMS backend claims {key_arn}")

    def _check_claim(self, backend: Backend, key_arn: str) -> None:
        if self._claimant(key_arn) is not backend:
            raise KeyRefused(f"{backend.name} used {key_arn}, which another KMS backend claims")
