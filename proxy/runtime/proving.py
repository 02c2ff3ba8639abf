"""The self-test around a worker's rooms: what does not answer yet is waited for within a bound."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Container
from functools import partial

from proxy.gateway.call import Rooms
from proxy.gateway.selftest import SelfTestFailed, prove_keys, prove_store
from proxy.runtime.kms import own_caller
from proxy.supervisor.start import StartRefused

START_PATIENCE_SECONDS = 30.0
"""How long a start waits for a key service or a store that does not answer yet."""
RELOAD_PATIENCE_SECONDS = 5.0
"""Shorter: somebody waits for the answer, and meanwhile the old configuration serves."""
PAUSE_SECONDS = 0.5

log = logging.getLogger(__name__)


async def prove(rooms: Rooms, *, keys: bool, stores: Container[str], patience_seconds: float) -> None:
    """Prove what is asked for; stores by name. Raises StartRefused with what failed and what to look at."""
    deadline = time.monotonic() + patience_seconds
    if keys:
        trial = partial(prove_keys, rooms, own_caller())
        await _patiently(trial, deadline, patience_seconds, remedy="check kms.backends")
    for store in rooms.stores:
        if store.name not in stores:
            continue
        trial = partial(prove_store, store)
        await _patiently(trial, deadline, patience_seconds, remedy="check url and ca_file of upstreams")


async def _patiently(
    trial: Callable[[], Awaitable[None]], deadline: float, patience_seconds: float, *, remedy: str
) -> None:
    told = ""
    while True:
        try:
            await trial()
        except SelfTestFailed as exc:
            if not exc.may_pass_later:
                raise StartRefused(str(exc)) from exc
            if time.monotonic() > deadline:
                raise StartRefused(f"{exc}: {remedy}") from exc
            if str(exc) != told:
                log.warning("%s; trying again for %g s", exc, patience_seconds)
            told = str(exc)
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return
