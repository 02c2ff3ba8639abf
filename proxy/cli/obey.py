"""A child's side of a reload: takes orders one by one and answers each. Knows nothing of what is reloaded.

An order that cannot be carried out is answered `refused`, with why; whatever was prepared is then given back,
so a child is always wholly the old or wholly the new.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from proxy.supervisor.orders import Change, Order, Prepare
from proxy.supervisor.report import Report
from proxy.supervisor.start import Start, StartRefused

log = logging.getLogger(__name__)


class Obedience:
    """`start` is what the process works from now."""

    def __init__(self, start: Start, tell: Callable[[Report], None]) -> None:
        self.start = start
        self._tell = tell
        self._orders: asyncio.Queue[Order] = asyncio.Queue()
        self._prepared: tuple[int, Start, Change] | None = None

    def take(self, order: Order) -> None:
        self._orders.put_nowait(order)

    async def obey(self, prepare: Prepare | None) -> None:
        """Until cancelled; then what was prepared is given back."""
        try:
            while True:
                order = await self._orders.get()
                self._tell(await self._answered(order, prepare))
        finally:
            await self._drop()

    async def _answered(self, order: Order, prepare: Prepare | None) -> Report:
        try:
            if order.step == "swap":
                await self._swap(order.number)
                return Report(state="swapped", number=order.number)
            await self._drop()
            if order.step == "drop":
                return Report(state="dropped", number=order.number)
            await self._prepare(order, prepare)
            return Report(state="prepared", number=order.number)
        except StartRefused as exc:
            return Report(state="refused", number=order.number, reason=str(exc))
        except Exception as exc:
            log.exception("a fault of ours")
            return Report(state="refused", number=order.number, reason=f"{type(exc).__name__}: {exc}")

    async def _prepare(self, order: Order, prepare: Prepare | None) -> None:
        if prepare is None or order.renewal is None:
            raise StartRefused("this process cannot be reloaded")
        renewal = order.renewal
        start = replace(self.start, config_text=renewal.config_text, drain_seconds=renewal.drain_seconds)
        self._prepared = (order.number, start, await prepare(start))

    async def _swap(self, number: int) -> None:
        if self._prepared is None or self._prepared[0] != number:
            await self._drop()
            raise StartRefused("nothing was prepared")
        prepared, self._prepared = self._prepared, None
        await prepared[2].swap()
        self.start = prepared[1]

    async def _drop(self) -> None:
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            await prepared[2].drop()
