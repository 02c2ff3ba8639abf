"""Keeps one place filled: starts a child, and another when it dies, as restart.judge decides, until told to
stop.

A keeper never gives up by raising: it tells its service why, which then stops everything in order.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from proxy.supervisor.life import Ended, Life
from proxy.supervisor.orders import Renewal
from proxy.supervisor.plan import Place
from proxy.supervisor.restart import Death, End, Policy, judge, recent
from proxy.supervisor.start import Start

log = logging.getLogger(__name__)


class Keeper:
    """One place. `run` is called once; `stop` and `kill` at any time, from the same loop."""

    def __init__(
        self,
        place: Place,
        start: Start,
        *,
        command: tuple[str, ...],
        policy: Policy,
        clock: Callable[[], float],
        on_end: Callable[[str], None],
    ) -> None:
        self.ready = asyncio.Event()
        self._place = place
        self._start = start
        self._command = command
        self._policy = policy
        self._clock = clock
        self._on_end = on_end
        self._stopping = asyncio.Event()
        self._gone = asyncio.Event()
        self._life: Life | None = None
        self._serving = False
        self._overdue = False

    @property
    def name(self) -> str:
        return self._place.name

    @property
    def role(self) -> str:
        return self._place.role

    @property
    def life(self) -> Life | None:
        """The child that serves in the place; None while there is none, or it is not ready yet."""
        return self._life if self._serving else None

    def renew(self, renewal: Renewal) -> None:
        """Whoever is started from now on is told this."""
        changes: dict[str, Any] = {"config_text": renewal.config_text, "drain_seconds": renewal.drain_seconds}
        self._place = replace(self._place, **changes)
        self._start = replace(self._start, **changes)

    async def run(self) -> None:
        """Until stopped, or until the place cannot be filled: on_end was then called with the reason."""
        deaths: tuple[Death, ...] = ()
        try:
            while not self._stopping.is_set():
                death = await self._live_once()
                if self._stopping.is_set():
                    return
                deaths = recent(self._policy, (*deaths, death))
                verdict = judge(self._policy, deaths)
                if isinstance(verdict, End):
                    self._on_end(f"{self._place.name}: {verdict.reason}")
                    return
                log.warning(
                    "%s died: %s; another starts in %.1f s",
                    self._place.name,
                    death.cause,
                    verdict.delay_seconds,
                )
                await self._pause(verdict.delay_seconds)
        finally:
            self._gone.set()

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL when the place's time is over. Returns when no child is left."""
        self._stopping.set()
        # The supervisor's copies go first: when the child closes its own, new connections are refused, not
        # queued.
        close_sockets(self._place)
        self._send(signal.SIGTERM)
        bound_seconds = self._place.drain_seconds + self._place.closing_seconds
        try:
            async with asyncio.timeout(bound_seconds):
                await self._gone.wait()
        except TimeoutError:
            log.warning("%s did not end in %g s: killed", self._place.name, bound_seconds)
            self.kill()
            await self._gone.wait()

    def kill(self) -> None:
        self._stopping.set()
        self._send(signal.SIGKILL)

    async def _live_once(self) -> Death:
        try:
            self._life = life = await Life.begin(self._command, self._start, self._place.environment)
        except OSError as exc:
            return self._death(f"the system started no process: {exc.strerror}", reported=False)
        log.debug("%s is process %d", self._place.name, life.pid)
        if self._stopping.is_set():
            life.send(signal.SIGTERM)
        self._overdue = False
        deadline = asyncio.get_running_loop().call_later(self._place.start_seconds, self._give_up_waiting)

        def became_ready() -> None:
            deadline.cancel()
            self._serving = True
            self.ready.set()
            log.info("%s is ready (process %d)", self._place.name, life.pid)

        try:
            return self._death_of(await life.ended(became_ready))
        finally:
            deadline.cancel()
            self._life, self._serving = None, False

    def _death_of(self, ended: Ended) -> Death:
        if self._overdue:
            return self._death(f"it was not ready within {self._place.start_seconds:g} s", reported=True)
        told = ended.last_report
        if told is None or told.state != "failed":
            return self._death(ended.cause, reported=False)
        return self._death(ended.cause, reported=True, for_good=told.for_good)

    def _death(self, cause: str, *, reported: bool, for_good: bool = False) -> Death:
        was_ready = self.ready.is_set()
        return Death(
            at_seconds=self._clock(),
            cause=cause,
            was_ready=was_ready,
            reported=reported,
            for_good=for_good,
        )

    def _give_up_waiting(self) -> None:
        self._overdue = True
        self._send(signal.SIGKILL)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    def _send(self, number: signal.Signals) -> None:
        if self._life is not None:
            self._life.send(number)


def close_sockets(place: Place) -> None:
    for each in place.sockets.values():
        each.close()
