"""What a worker knows of itself beside what every process does: its stores, its keys, its clients."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from proxy.gateway.app import Front
from proxy.gateway.handle import Gateway
from proxy.metrics import (
    BUDGET,
    BUDGET_USED,
    CACHE_HITS,
    CACHE_MISSES,
    CALLS_SAVED,
    CONNECTIONS,
    IN_FLIGHT,
    READY,
    UPSTREAM_CONNECTIONS,
    UPSTREAM_SKEW,
    UPSTREAM_WAITING,
    Metric,
)
from proxy.runtime.counting import CountedKeys
from proxy.runtime.kms import KeyStack
from proxy.runtime.status import Status
from proxy.runtime.store import OpenStore


@dataclass(slots=True, kw_only=True)
class WorkerStatus(Status):
    """Ready while its stores and keys serve."""

    stores: tuple[OpenStore, ...] = ()
    stack: KeyStack | None = None

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

    def troubles(self) -> list[str]:
        # No super(): a class with slots is made anew by its decorator, and does not know itself by it.
        troubles = Status.troubles(self)
        troubles += [
            f"the store {store.name} did not answer the last request"
            for store in self.stores
            if not store.upstream.available
        ]
        return troubles + [trouble for each in self._backends for trouble in each.troubles()]

    def keys_serve(self) -> bool:
        cached = self.stack is not None and self.stack.keys.holds_keys
        serving = cached or any(each.available for each in self._backends)
        return serving or not self.proven or not self._backends

    @property
    def _backends(self) -> Sequence[CountedKeys]:
        return self.stack.backends if self.stack else ()


def _pool_gauges(store: OpenStore) -> dict[tuple[Metric, str] | tuple[Metric, str, str], Callable[[], float]]:
    pool = store.pool
    return {
        (UPSTREAM_CONNECTIONS, store.name, "busy"): lambda: pool.busy,
        (UPSTREAM_CONNECTIONS, store.name, "idle"): lambda: pool.idle,
        (UPSTREAM_WAITING, store.name): lambda: pool.waiting,
    }
