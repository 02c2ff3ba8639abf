"""What a worker serves with, made from one configuration: the rooms, and the store and key services behind
them.

A reload makes another beside it. What both configurations ask for in the same words is kept and shared, with
its connections, cached data keys and budgets; the rest is new, and proven before it serves.
"""

import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from proxy.auth.identities import Identities
from proxy.auth.sigv4 import SigningKeys
from proxy.auth.verify import Authenticator
from proxy.config import schema
from proxy.gateway.budget import SharedBudget
from proxy.gateway.call import Rooms, Store
from proxy.gateway.failures import FailureLimit
from proxy.keys.cache import CacheCounts
from proxy.metrics import Metrics
from proxy.runtime.inputs import identities_of
from proxy.runtime.kms import KeyStack, open_keys
from proxy.runtime.lease import Lease
from proxy.runtime.rules import rules_of
from proxy.runtime.store import OpenStore, open_store, store_sources
from proxy.supervisor.start import Start
from proxy.upstream.capabilities import PRESETS

FAILED_SIGNATURES_BURST = 100
FAILED_SIGNATURES_PER_SECOND = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Furnished:
    """Closed when its last request has ended."""

    config: schema.Config
    rooms: Rooms
    store: Lease[OpenStore]
    keys: Lease[KeyStack]

    async def aclose(self) -> None:
        """Give back what it holds; what no other one holds is closed."""
        try:
            await self.store.release()
        finally:
            await self.keys.release()


async def furnished(
    config: schema.Config, start: Start, metrics: Metrics, before: Furnished | None = None
) -> Furnished:
    """Raises StartRefused; then, and when it is cancelled, nothing is left open."""
    async with AsyncExitStack() as opened:
        store = _store(config, metrics, before)
        opened.push_async_callback(store.release)
        keys = await _keys(config, start, metrics, before)
        opened.push_async_callback(keys.release)
        rooms = _rooms(config, store.value, keys.value, before)
        opened.pop_all()
    return Furnished(config=config, rooms=rooms, store=store, keys=keys)


def _store(config: schema.Config, metrics: Metrics, before: Furnished | None) -> Lease[OpenStore]:
    sources = store_sources(config.upstreams[0])
    if before and before.store.made_from == sources:
        return before.store.again()
    store = open_store(config.upstreams[0], metrics)
    return Lease(store, made_from=sources, close=store.upstream.aclose)


async def _keys(
    config: schema.Config, start: Start, metrics: Metrics, before: Furnished | None
) -> Lease[KeyStack]:
    sources = (config.kms, config.region)
    if before and before.keys.made_from == sources:
        return before.keys.again()
    counts = before.keys.value.keys.counts if before else CacheCounts()
    stack = await open_keys(config, start, metrics, counts)
    return Lease(stack, made_from=sources, close=stack.keys.aclose)


def _rooms(config: schema.Config, store: OpenStore, stack: KeyStack, before: Furnished | None) -> Rooms:
    return Rooms(
        authenticator=Authenticator(
            Identities(identities_of(config)), region=config.region, service="s3", signing_keys=SigningKeys()
        ),
        keys=stack.keys,
        store=Store(upstream=store.upstream, capabilities=PRESETS[config.upstreams[0].preset]),
        rules=rules_of(config, stack.service_arns),
        budget=_budget(config.limits, before),
        failures=before.rooms.failures if before else _failure_limit(),
        region=config.region,
        domains=config.domains,
        owned_key_id=stack.owned_key_id,
        managed_key_id=stack.managed_key_id,
        held_body_bytes=config.limits.held_body_bytes,
        now=partial(datetime.now, UTC),
        random=os.urandom,
    )


def _budget(limits: schema.Limits, before: Furnished | None) -> SharedBudget:
    """The same one for the same limits, so that a reload does not double what may be held."""
    settings = (limits.memory_budget_bytes, limits.memory_share_percent, limits.memory_wait_seconds)
    if before:
        had = before.config.limits
        if settings == (had.memory_budget_bytes, had.memory_share_percent, had.memory_wait_seconds):
            return before.rooms.budget
    return SharedBudget(
        limits.memory_budget_bytes,
        share_bytes=limits.memory_budget_bytes * limits.memory_share_percent // 100,
        wait_seconds=limits.memory_wait_seconds,
    )


def _failure_limit() -> FailureLimit:
    return FailureLimit(
        burst=FAILED_SIGNATURES_BURST, per_second=FAILED_SIGNATURES_PER_SECOND, clock=time.monotonic
    )
