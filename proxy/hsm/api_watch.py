"""The stream of changes that a proxy holds open: a line of JSON for each, and one each quarter second.

The first line names the service's run and the last change before it; each further one has its number, and
the keys where something changed. A listener that is slower than the changes is cut off: it comes again, and
knows by the number that it missed some.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Collection
from threading import Event
from typing import Any, Final

from aiohttp import web

from proxy.hsm.changes import Change, Changes

OPERATION: Final = "WatchChanges"
TARGET: Final = f"Sealgate.{OPERATION}"
"""Ours, not AWS's; on the same signed API."""
HEARTBEAT_SECONDS: Final = 0.25
_MOST_WAITING: Final = 1000


class Watchers:
    """All open streams of a service."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._ending = asyncio.Event()
        self._may_listen: Callable[[str], bool] = _everybody

    def keep(self, may_listen: Callable[[str], bool]) -> None:
        """Ends, at their next heartbeat, the streams of access keys that may not listen any more."""
        self._may_listen = may_listen

    def end(self) -> None:
        """Ends every stream, so that a shutdown need not wait for them."""
        self._ending.set()

    async def watch(
        self, request: web.BaseRequest, headers: dict[str, str], access_key: str
    ) -> web.StreamResponse:
        """Writes until the client leaves, lags behind or may not listen any more, or the service ends."""
        response = web.StreamResponse(headers=headers)
        waiting: deque[Change] = deque()
        news, loop = asyncio.Event(), asyncio.get_running_loop()
        lags = Event()

        def heard(change: Change) -> None:
            if len(waiting) < _MOST_WAITING:
                waiting.append(change)
            else:  # a client that stopped reading holds up the writing, and would have them pile up
                lags.set()
            loop.call_soon_threadsafe(news.set)

        sequence, unheard = self._changes.listen(heard)
        try:
            await response.prepare(request)
            await _write(response, {"instance": self._changes.instance, "sequence": sequence})
            while not self._ending.is_set() and not lags.is_set():
                await _either(news, self._ending, HEARTBEAT_SECONDS)
                if not self._may_listen(access_key):
                    break
                news.clear()
                while waiting and not lags.is_set():
                    change = waiting.popleft()
                    sequence = change.sequence
                    await _write(response, {"sequence": sequence, "keys": _listed(change.key_arns)})
                if not lags.is_set():
                    await _write(response, {"sequence": sequence})
        except ConnectionError:
            pass  # the client left; there is nobody to tell
        finally:
            unheard()
        return response


def _everybody(_access_key: str) -> bool:
    """Who asks was proven before."""
    return True


async def _write(response: web.StreamResponse, line: dict[str, Any]) -> None:
    await response.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


async def _either(news: asyncio.Event, ending: asyncio.Event, within_seconds: float) -> None:
    waits = [asyncio.ensure_future(each.wait()) for each in (news, ending)]
    try:
        await asyncio.wait(waits, timeout=within_seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _listed(key_arns: Collection[str] | None) -> list[str] | None:
    return None if key_arns is None else sorted(key_arns)
