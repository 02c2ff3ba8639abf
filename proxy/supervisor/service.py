"""Runs a plan: starts its stages in order, keeps them alive, and stops them in the opposite order.

SIGTERM and the first SIGINT drain; a SIGINT during the drain kills at once. However the service ends, no
child is left: each is stopped and waited for, and should this process be killed, they notice the end of their
standard input. It holds the listening sockets and reads from none of them.
"""

import asyncio
import logging
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import nullcontext

from proxy.supervisor.keeper import Keeper, close_sockets
from proxy.supervisor.plan import Place, Plan
from proxy.supervisor.reloads import Reloading, reloads
from proxy.supervisor.restart import Policy
from proxy.supervisor.start import Start

log = logging.getLogger(__name__)

AT_ONCE = "stopped at once: requests in progress were cut"


class ServiceFailed(Exception):
    """The service ended and nobody had asked it to drain; the text is the one line that says why."""


async def run(
    plan: Plan,
    *,
    on_ready: Callable[[], None],
    reloading: Reloading | None = None,
    policy: Policy | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Until a signal asks for the end. Calls on_ready once, when every place is ready for the first time.

    Raises ServiceFailed. Takes over the plan's sockets, and the signals SIGTERM and SIGINT, and with
    `reloading` SIGHUP. Cancelled, it kills the children.
    """
    service = _Service(plan, policy or Policy(), clock)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, service.drain)
    loop.add_signal_handler(signal.SIGINT, service.drain_or_kill)
    try:
        async with reloads(reloading, service.serving) if reloading else nullcontext():
            await service.run(on_ready)
    finally:
        for place in (place for stage in plan.stages for place in stage):
            close_sockets(place)
        if plan.control is not None:
            plan.control.close()
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)


class _Service:
    def __init__(self, plan: Plan, policy: Policy, clock: Callable[[], float]) -> None:
        self._plan = plan
        self._policy = policy
        self._clock = clock
        # Known to this process and to those that are told; gone when the service ends.
        self._access_key = "SGPROXY" + secrets.token_hex(8).upper()
        self._secret = secrets.token_urlsafe(30)
        self._started: list[list[Keeper]] = []
        self._ending = asyncio.Event()
        self._ready = False
        self._failure: str | None = None

    def serving(self) -> list[Keeper] | None:
        """The keepers; None before the service is ready for the first time, and when it is being stopped."""
        if self._ending.is_set() or not self._ready:
            return None
        return [keeper for keepers in self._started for keeper in keepers]

    async def run(self, on_ready: Callable[[], None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for stage in self._plan.stages:
                if not await self._start(stage, tasks):
                    break
            else:
                self._ready = True
                on_ready()
            await self._ending.wait()
            for keepers in reversed(self._started):
                await asyncio.gather(*(keeper.stop() for keeper in keepers))
        if self._failure is not None:
            raise ServiceFailed(self._failure)

    def drain(self) -> None:
        if not self._ending.is_set():
            log.info("asked to stop: draining")
        self._ending.set()

    def drain_or_kill(self) -> None:
        if not self._ending.is_set():
            self.drain()
            return
        self._failure = self._failure or AT_ONCE
        for keeper in (keeper for keepers in self._started for keeper in keepers):
            keeper.kill()

    def _fail(self, reason: str) -> None:
        # The first failure is the cause; what fails while the service ends follows from it.
        if not self._ending.is_set():
            self._failure = reason
        self._ending.set()

    async def _start(self, stage: tuple[Place, ...], tasks: asyncio.TaskGroup) -> bool:
        """Whether all of it is ready; False when the service has to end instead."""
        keepers = [self._keeper(place) for place in stage]
        self._started.append(keepers)
        for keeper in keepers:
            tasks.create_task(keeper.run())
        everybody = tasks.create_task(_all_ready(keepers))
        ending = tasks.create_task(self._ending.wait())
        await asyncio.wait([everybody, ending], return_when=asyncio.FIRST_COMPLETED)
        everybody.cancel()
        ending.cancel()
        return not self._ending.is_set()

    def _keeper(self, place: Place) -> Keeper:
        trusted = place.with_proxy_credential
        start = Start(
            role=place.role,
            number=place.number,
            config_text=place.config_text,
            config_path=self._plan.config_path,
            secrets=place.secrets,
            sockets=place.sockets,
            proxy_access_key=self._access_key if trusted else None,
            proxy_secret=self._secret if trusted else None,
            hsm_socket=self._plan.hsm_socket,
            peers=place.peers,
            ledger=place.ledger,
            drain_seconds=place.drain_seconds,
            closing_seconds=place.closing_seconds,
            log_level=self._plan.log_level,
        )
        return Keeper(
            place,
            start,
            command=self._plan.command,
            policy=self._policy,
            clock=self._clock,
            on_end=self._fail,
        )


async def _all_ready(keepers: list[Keeper]) -> None:
    for keeper in keepers:
        await keeper.ready.wait()
