"""Brings a changed configuration to all children that take it, or to none.

It is loaded and checked once, and every child is told the same text. All prepare; only if all could, all
swap. From that moment a child that dies is replaced by one of the new configuration, so whatever happens
during the swap, the service ends up in one state.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from proxy.supervisor.keeper import Keeper
from proxy.supervisor.life import Life
from proxy.supervisor.orders import Order, Renewal
from proxy.supervisor.report import Report

log = logging.getLogger(__name__)

PREPARE_SECONDS = 30.0
SWAP_SECONDS = 10.0


class ReloadRefused(Exception):
    """Nothing has changed; `lines` say why, one for each fault."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    renewals: Mapping[str, Renewal]
    """By role. A role that is not in it is not concerned."""
    accept: Callable[[], None]
    """To be called when it is decided that the service goes over to it."""


Load = Callable[[], Loaded]
"""Reads and checks the configuration anew; may take its time, in a thread. Raises ReloadRefused."""


async def reload(keepers: Sequence[Keeper], load: Load, *, number: int) -> None:
    """Raises ReloadRefused. One at a time; `number` is another each time. Cancelled, the service is
    ending.
    """
    loaded = await asyncio.to_thread(load)
    lives = _lives([keeper for keeper in keepers if keeper.role in loaded.renewals])
    answers = await _ordered(
        {
            life: Order(step="prepare", number=number, renewal=loaded.renewals[k.role])
            for k, life in lives.items()
        },
        within_seconds=PREPARE_SECONDS,
    )
    faults = _faults({keeper.name: answers[life] for keeper, life in lives.items()}, wanted="prepared")
    faults += [
        f"{keeper.name} died meanwhile: try again"
        for keeper, life in lives.items()
        if keeper.life is not life
    ]
    if faults:
        drop = Order(step="drop", number=number)
        await _ordered(dict.fromkeys(lives.values(), drop), within_seconds=SWAP_SECONDS)
        raise ReloadRefused(list(dict.fromkeys(faults)))
    for keeper in lives:
        keeper.renew(loaded.renewals[keeper.role])
    loaded.accept()
    swap = Order(step="swap", number=number)
    answers = await _ordered(dict.fromkeys(lives.values(), swap), within_seconds=SWAP_SECONDS)
    for keeper, life in lives.items():
        if answers[life].state != "swapped":
            log.error("%s did not swap: %s; it is replaced", keeper.name, answers[life].reason)
            life.kill()


def _lives(keepers: Sequence[Keeper]) -> dict[Keeper, Life]:
    away = [keeper.name for keeper in keepers if keeper.life is None]
    if away:
        raise ReloadRefused([f"{', '.join(away)}: is being started: try again when it is ready"])
    return {keeper: keeper.life for keeper in keepers if keeper.life is not None}


async def _ordered(orders: Mapping[Life, Order], *, within_seconds: float) -> dict[Life, Report]:
    answers = await asyncio.gather(
        *(life.obeyed(order, within_seconds=within_seconds) for life, order in orders.items())
    )
    return dict(zip(orders, answers, strict=True))


def _faults(answers: Mapping[str, Report], *, wanted: str) -> list[str]:
    """One line for each reason, however many children give it."""
    faults: dict[str, str] = {}
    for name, answer in answers.items():
        if answer.state != wanted:
            faults.setdefault(answer.reason, f"{name}: {answer.reason}")
    return list(faults.values())
