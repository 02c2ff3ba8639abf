"""What a worker serves with, made from one configuration: the rooms, and the store and key services behind
them.

A reload makes another beside it. What both configurations ask for in the same words is kept and shared, with
its connections, cached data keys and budgets; the rest is new, and proven before it serves.
"""

import os
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from proxy.auth.identities import Identities
from proxy.auth.sigv4 import SigningKeys
from proxy.auth.verify import Authenticator
from proxy.config import schema
from proxy.gateway.browser.origins import Origins
from proxy.gateway.budget import SharedBudget
from proxy.gateway.call import Rooms
from proxy.gateway.failures import FailureLimit
from proxy.gateway.known_objects import KnownObjects
from proxy.gateway.listings.sightings import Sightings
from proxy.gateway.multipart.memory import UploadMemory
from proxy.gateway.settings.memory import SettingsMemory
from proxy.keys.cache import CacheCounts
from proxy.metrics import Metrics
from proxy.runtime.inputs import identities_of
from proxy.runtime.kms import KeyStack, claim_of, known_to_aws, open_keys
from proxy.runtime.lease import Lease
from proxy.runtime.patience import RELOAD_SECONDS, START_SECONDS
from proxy.runtime.principals import principals_of
from proxy.runtime.rules import rules_of
from proxy.runtime.store import OpenStore, open_store, store_sources, stores_of
from proxy.s3.customer_key import OverHttp
from proxy.supervisor.start import Start

FAILED_SIGNATURES_BURST = 100
FAILED_SIGNATURES_PER_SECOND = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Furnished:
    """Closed when its last request has ended."""

    config: schema.Config
    rooms: Rooms
    stores: Mapping[str, Lease[OpenStore]]
    """By name."""
    keys: Lease[KeyStack]

    @property
    def open_stores(self) -> tuple[OpenStore, ...]:
        return tuple(lease.value for lease in self.stores.values())

    def news(self, before: "Furnished") -> frozenset[str]:
        """Names of the stores that another configuration did not have in the same words."""
        return frozenset(name for name, lease in self.stores.items() if before.stores.get(name) is not lease)

    async def aclose(self) -> None:
        """Give back what it holds; what no other one holds is closed."""
        async with AsyncExitStack() as leaving:
            leaving.push_async_callback(self.keys.release)
            for lease in self.stores.values():
                leaving.push_async_callback(lease.release)


async def furnished(
    config: schema.Config, start: Start, metrics: Metrics, before: Furnished | None = None
) -> Furnished:
    """Raises StartRefused; then, and when it is cancelled, nothing is left open."""
    async with AsyncExitStack() as opened:
        stores: dict[str, Lease[OpenStore]] = {}
        for section in config.upstreams:
            stores[section.name] = _store(section, metrics, before)
            opened.push_async_callback(stores[section.name].release)
        keys = await _keys(config, start, metrics, before)
        opened.push_async_callback(keys.release)
        rooms = _rooms(config, {name: lease.value for name, lease in stores.items()}, keys.value, before)
        opened.pop_all()
    return Furnished(config=config, rooms=rooms, stores=stores, keys=keys)


def _store(section: schema.Upstream, metrics: Metrics, before: Furnished | None) -> Lease[OpenStore]:
    sources = store_sources(section)
    had = before.stores.get(section.name) if before else None
    if had and had.made_from == sources:
        return had.again()
    store = open_store(section, metrics)
    return Lease(store, made_from=sources, close=store.upstream.aclose)


async def _keys(
    config: schema.Config, start: Start, metrics: Metrics, before: Furnished | None
) -> Lease[KeyStack]:
    sessions = [(who.name, who.arn, who.assume_role, who.aws_credentials) for who in known_to_aws(config)]
    sources = (config.kms, config.region, sessions)
    if before and before.keys.made_from == sources:
        return before.keys.again()
    counts = before.keys.value.keys.counts if before else CacheCounts()
    patience_seconds = RELOAD_SECONDS if before else START_SECONDS
    stack = await open_keys(config, start, metrics, counts, patience_seconds=patience_seconds)
    return Lease(stack, made_from=sources, close=stack.keys.aclose)


def _rooms(
    config: schema.Config, opened: Mapping[str, OpenStore], stack: KeyStack, before: Furnished | None
) -> Rooms:
    return Rooms(
        authenticator=Authenticator(
            Identities(who for who in identities_of(config) if who.kind == "user"),
            region=config.region,
            service="s3",
            signing_keys=SigningKeys(),
        ),
        principals=principals_of(config),
        keys=stack.keys,
        judged_keys=stack.judged,
        stores=stores_of(config, opened),
        rules=rules_of(config, stack.service_arns),
        budget=_budget(config.limits, before),
        known=before.rooms.known if before else KnownObjects(),
        failures=before.rooms.failures if before else _failure_limit(),
        sightings=before.rooms.sightings if before else Sightings(secret=os.urandom(16)),
        origins=Origins(),
        uploads=before.rooms.uploads if before else UploadMemory(),
        settings=before.rooms.settings if before else SettingsMemory(),
        region=config.region,
        domains=config.domains,
        owned_key_id=stack.owned_key_id,
        accepts_owned=claim_of(stack.owned_arns),
        managed_key_id=stack.managed_key_id,
        sse_c_over_http=OverHttp(config.listen.sse_c_over_http),
        silent_seconds=config.limits.silent_seconds,
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
