"""The self-test around a worker's rooms: what does not answer yet is waited for within a bound."""

from collections.abc import Awaitable, Callable, Container
from functools import partial

from proxy.gateway.call import Rooms
from proxy.gateway.selftest import SelfTestFailed, prove_keys, prove_store
from proxy.runtime.kms import own_caller
from proxy.runtime.patience import Patience
from proxy.supervisor.start import StartRefused


async def prove(rooms: Rooms, *, keys: bool, stores: Container[str], patience_seconds: float) -> None:
    """Prove what is asked for; stores by name. Raises StartRefused with what failed and what to look at."""
    patience = Patience(patience_seconds)
    if keys:
        await _proven(partial(prove_keys, rooms, own_caller()), patience, remedy="check kms.backends")
    for store in rooms.stores:
        if store.name in stores:
            await _proven(partial(prove_store, store), patience, remedy="check url and ca_file of upstreams")


async def _proven(trial: Callable[[], Awaitable[None]], patience: Patience, *, remedy: str) -> None:
    try:
        await patience.until_answered(trial, SelfTestFailed, may_pass=lambda exc: exc.may_pass_later)
    except SelfTestFailed as exc:
        raise StartRefused(f"{exc}: {remedy}" if exc.may_pass_later else str(exc)) from exc
