"""A process that serves S3 clients: builds what it serves with, proves it, serves, takes up reloads,
drains.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

from proxy.audit.counting import CountingRecorder
from proxy.gateway.app import Front
from proxy.gateway.client.forwarded import TrustedProxies
from proxy.gateway.handle import Gateway
from proxy.gateway.tenure import Tenure
from proxy.metrics import Metrics
from proxy.runtime.doors import front_limits
from proxy.runtime.fips import demand_fips
from proxy.runtime.furnish import Furnished, furnished
from proxy.runtime.inputs import config_of
from proxy.runtime.listen_tls import listen_tls
from proxy.runtime.patience import RELOAD_SECONDS, START_SECONDS
from proxy.runtime.proving import prove
from proxy.runtime.telling import telling
from proxy.runtime.trail import Kept, Trail, open_journal
from proxy.runtime.worker_status import WorkerStatus
from proxy.supervisor.orders import Ready
from proxy.supervisor.start import Start


async def run_worker(start: Start, *, ready: Ready, stop: asyncio.Event) -> None:
    """A process that serves S3 clients. Raises StartRefused."""
    config = config_of(start)
    demand_fips(config)
    async with AsyncExitStack() as opened:
        status = WorkerStatus(metrics=Metrics())
        trail = Trail(await open_journal(config, status.metrics))
        opened.push_async_callback(trail.aclose)
        status.begin(trail)
        await opened.enter_async_context(telling(start.sockets["status"], status.tell))
        made = await furnished(config, start, status.metrics)
        worker = Worker(start, made, trail, status)
        opened.push_async_callback(worker.aclose)
        status.use(made.open_stores, made.keys.value)
        await prove(made.rooms, keys=True, stores=made.stores, patience_seconds=START_SECONDS)
        status.watch(worker.front, worker.gateway)
        await worker.front.listen(start.sockets["listen"], listen_tls(config.listen.tls))
        status.proven = True
        ready(worker.prepare)
        await stop.wait()
        status.draining = True
        await worker.front.drain(within_seconds=worker.start.drain_seconds)


class Worker:
    """What serves now, and how it becomes another."""

    def __init__(self, start: Start, made: Furnished, trail: Trail, status: WorkerStatus) -> None:
        self.start = start
        self.made = made
        self.trail = trail
        self.status = status
        recorder = CountingRecorder(trail, status.metrics)
        self.gateway = Gateway(made.rooms, recorder, room=trail.wait_for_room)
        self.front = Front(
            self.gateway.handle,
            self.gateway.refuse_head,
            front_limits(made.config),
            TrustedProxies(made.config.listen.trusted_proxies),
        )
        self.leaving: set[asyncio.Task[None]] = set()

    async def prepare(self, start: Start) -> "WorkerChange":
        """Build and prove what another configuration asks for. Raises StartRefused."""
        config = await asyncio.to_thread(config_of, start)
        before = self.made
        async with AsyncExitStack() as opened:
            made = await furnished(config, start, self.status.metrics, before)
            opened.push_async_callback(made.aclose)
            await prove(
                made.rooms,
                keys=made.keys is not before.keys,
                stores=made.news(before),
                patience_seconds=RELOAD_SECONDS,
            )
            kept = None
            if config.audit != before.config.audit:
                kept = await open_journal(config, self.status.metrics)
                opened.push_async_callback(kept.aclose)
            door = None
            if config.listen.tls or before.config.listen.tls:
                # Made anew also where the section is the same: its files may hold another certificate.
                door = await self.front.door(listen_tls(config.listen.tls))
                opened.callback(door.close)
            return WorkerChange(
                worker=self, start=start, made=made, kept=kept, door=door, undo=opened.pop_all()
            )

    async def leave(self, tenure: Tenure, made: Furnished) -> None:
        """Close what an earlier configuration alone held, when the last request that began with it has
        ended.
        """
        await tenure.ended()
        await made.aclose()

    def later(self, task: "asyncio.Task[None]") -> None:
        self.leaving.add(task)
        task.add_done_callback(self.leaving.discard)

    async def aclose(self) -> None:
        """After the drain: every request has ended, and with them what waits for that."""
        if self.leaving:
            await asyncio.wait(self.leaving)
        await self.made.aclose()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerChange:
    """A Change."""

    worker: Worker
    start: Start
    made: Furnished
    kept: Kept | None
    """The journal, where it is another."""
    door: asyncio.Server | None
    """Where connections are accepted with other TLS files."""
    undo: AsyncExitStack

    async def swap(self) -> None:
        worker, old = self.worker, self.worker.made
        if self.door is not None:
            await worker.front.open(self.door)
        tenure = worker.gateway.replace(self.made.rooms)
        worker.front.limits = front_limits(self.made.config)
        worker.front.trusted = TrustedProxies(self.made.config.listen.trusted_proxies)
        worker.start, worker.made = self.start, self.made
        worker.status.use(self.made.open_stores, self.made.keys.value)
        if self.kept is not None:
            worker.later(asyncio.create_task(worker.trail.exchange(self.kept).aclose()))
        worker.later(asyncio.create_task(worker.leave(tenure, old)))

    async def drop(self) -> None:
        await self.undo.aclose()
