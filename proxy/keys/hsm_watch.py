"""Listens to the HSM's stream of changes, so that what was decided before one does not outlive it.

While the stream is heard, a decision may be kept. When nothing is heard for a second (four heartbeats), or
the connection ends, it is lost: nothing new is decided until it is back, and what was missed meanwhile is
told as one change of everything. Knows nothing of data keys: who listens drops them.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

import aiohttp

SILENCE_SECONDS: Final = 1.0
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0
_LONGEST_LINE: Final = 1 << 20

Opens = Callable[[], AbstractAsyncContextManager[aiohttp.ClientResponse]]

_log = logging.getLogger(__name__)


class StreamLost(Exception):
    """It ended, was refused, said nothing for too long, or nonsense."""

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.code = code
        """The key service's error name, where it refused."""


class Listener(Protocol):
    """Whoever keeps what was decided. Returns at once and raises nothing."""

    def forget(self, key_arns: Collection[str] | None) -> None:
        """Something changed about these keys; None: it may be any."""

    def unheard(self) -> None:
        """The stream is lost: changes happen that nobody tells."""


class Nobody:
    """Before anybody listens there is nothing to drop."""

    def forget(self, key_arns: Collection[str] | None) -> None: ...

    def unheard(self) -> None: ...


class Watch:
    """One stream, opened again whenever it is lost. `listener` is replaced by whoever wants to listen."""

    def __init__(self, opens: Opens) -> None:
        self.listener: Listener = Nobody()
        self._opens = opens
        self._alive = asyncio.Event()
        self._instance = ""
        self._sequence = -1
        self._task: asyncio.Task[None] | None = None
        self.trouble = StreamLost("it was not there yet")
        """Why it is not alive."""

    @property
    def alive(self) -> bool:
        return self._alive.is_set()

    def start(self) -> None:
        """Idempotent. Ends with aclose."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def is_alive(self, within_seconds: float) -> bool:
        """Waits that long at most."""
        if self._alive.is_set():
            return True
        try:
            async with asyncio.timeout(within_seconds):
                await self._alive.wait()
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        self._alive.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._listen()
            except Exception as exc:  # noqa: BLE001 - else nothing would be heard again, and nobody know
                self.trouble = exc if isinstance(exc, StreamLost) else StreamLost(type(exc).__name__)
                if self._alive.is_set():
                    pause = _FIRST_PAUSE_SECONDS
                    _log.warning("the key service's stream of changes is lost: %s", self.trouble)
                    self.listener.unheard()
            self._alive.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _listen(self) -> None:
        async with self._opens() as response:
            if response.status != 200:
                code = str(_document(await response.content.read(_LONGEST_LINE)).get("__type", ""))
                raise StreamLost(f"the key service answered {code or response.status}", code)
            lines = _lines(response)
            first = await _next(lines)
            self._begin(first)
            while True:
                self._take(await _next(lines))

    def _begin(self, line: dict[str, Any]) -> None:
        """Where another run answers, or numbers were missed, all that was decided may be otherwise."""
        instance, sequence = _member(line, "instance", str), _member(line, "sequence", int)
        if (instance, sequence) != (self._instance, self._sequence):
            self.listener.forget(None)
        self._instance, self._sequence = instance, sequence
        self._alive.set()

    def _take(self, line: dict[str, Any]) -> None:
        sequence = _member(line, "sequence", int)
        if "keys" not in line:
            if sequence != self._sequence:
                raise StreamLost("a change was missed")
            return
        if sequence != self._sequence + 1:
            raise StreamLost("a change was missed")
        keys = line["keys"]
        if keys is not None and not isinstance(keys, list):
            raise StreamLost("a line without keys")
        self.listener.forget(None if keys is None else frozenset(keys))
        self._sequence = sequence


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    held = b""
    async for piece in response.content.iter_any():
        *whole, held = (held + piece).split(b"\n")
        if len(held) > _LONGEST_LINE:
            raise StreamLost("a line that does not end")
        for line in whole:
            yield _document(line)


async def _next(lines: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    try:
        # Not wait_for: until Python 3.12 it swallows a cancellation that comes with a line, and who waits
        # for the end of this stream would wait for ever.
        async with asyncio.timeout(SILENCE_SECONDS):
            return await anext(lines)
    except StopAsyncIteration:
        raise StreamLost("it ended") from None
    except TimeoutError:
        raise StreamLost(f"nothing was heard for {SILENCE_SECONDS:g} s") from None


def _document(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError as exc:
        raise StreamLost("a line that is no JSON") from exc
    if not isinstance(document, dict):
        raise StreamLost("a line that is no document")
    return document


def _member(line: dict[str, Any], name: str, kind: type) -> Any:
    value = line.get(name)
    if not isinstance(value, kind):
        raise StreamLost(f"a line without {name}")
    return value
