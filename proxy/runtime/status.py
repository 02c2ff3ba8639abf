"""What a worker tells the observer of itself: its numbers, and whether it should be sent requests."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import cast

from proxy.admin.readiness import Facts, Readiness, readiness
from proxy.gateway.app import Front
from proxy.gateway.handle import Gateway
from proxy.metrics import (
    AUDIT_QUEUE,
    BUDGET,
    BUDGET_USED,
    CACHE_HITS,
    CACHE_MISSES,
    CALLS_SAVED,
    CONNECTIONS,
    IN_FLIGHT,
    READY,
    RUNNING,
    UPSTREAM_CONNECTIONS,
    UPSTREAM_SKEW,
    UPSTREAM_WAITING,
    Metric,
    Metrics,
)
from proxy.runtime.kms import KeyStack
from proxy.runtime.store import OpenStore
from proxy.runtime.telling import Told
from proxy.runtime.trail import Trail


@dataclass(slots=True, kw_only=True)
class Status:
    """What a worker knows of itself. A process of another role fills in less of it."""

    metrics: Metrics
    proven: bool = False
    draining: bool = False
    trail: Trail | None = None
    stores: tuple[OpenStore, ...] = ()
    stack: KeyStack | None = None

    def begin(self, trail: Trail) -> None:
        """What every process with an audit trail tells."""
        self.trail = trail
        self.metrics.watch(AUDIT_QUEUE, read=lambda: trail.depth)
        self.metrics.count(RUNNING, version("sealgate"))

    def use(self, stores: tuple[OpenStore, ...], stack: KeyStack) -> None:
        """What serves now; the gauges of a store that does no longer are forgotten."""
        kept = {store.name for store in stores}
        for gone in (store for store in self.stores if store.name not in kept):
            for metric, *labels in _pool_gauges(gone):
                self.metrics.forget(metric, *labels)
            self.metrics.forget(UPSTREAM_SKEW, gone.name)
        for store in stores:
            for (metric, *labels), read in _pool_gauges(store).items():
                self.metrics.watch(metric, *labels, read=read)
        self.stores, self.stack = stores, stack

    def watch(self, front: Front, gateway: Gateway) -> None:
        """Numbers that others keep, asked at each snapshot."""
        watch, counts = self.metrics.watch, cast("KeyStack", self.stack).keys.counts
        watch(IN_FLIGHT, read=lambda: front.in_flight)
        watch(CONNECTIONS, read=lambda: front.connections)
        watch(BUDGET, read=lambda: gateway.rooms.budget.total_bytes)
        watch(BUDGET_USED, read=lambda: gateway.rooms.budget.used_bytes)
        watch(CACHE_HITS, read=lambda: counts.hits)
        watch(CACHE_MISSES, read=lambda: counts.misses)
        watch(CALLS_SAVED, read=lambda: counts.calls_saved)
        watch(READY, read=lambda: self.readiness().ready)

    def tell(self) -> Told:
        return Told(readiness=self.readiness(), snapshot=self.metrics.snapshot())

    def readiness(self) -> Readiness:
        troubles = list(self.trail.troubles) if self.trail else []
        troubles += [
            f"the store {store.name} did not answer the last request"
            for store in self.stores
            if not store.upstream.available
        ]
        backends = self.stack.backends if self.stack else ()
        troubles += [f"{each.name} does not answer" for each in backends if not each.available]
        cached = self.stack is not None and self.stack.keys.holds_keys
        serving = cached or any(each.available for each in backends)
        return readiness(
            Facts(
                proven=self.proven,
                draining=self.draining,
                keys_serve=serving or not self.proven or not backends,
                troubles=tuple(troubles),
            )
        )


def _pool_gauges(store: OpenStore) -> dict[tuple[Metric, str] | tuple[Metric, str, str], Callable[[], float]]:
    pool = store.pool
    return {
        (UPSTREAM_CONNECTIONS, store.name, "busy"): lambda: pool.busy,
        (UPSTREAM_CONNECTIONS, store.name, "idle"): lambda: pool.idle,
        (UPSTREAM_WAITING, store.name): lambda: pool.waiting,
    }
