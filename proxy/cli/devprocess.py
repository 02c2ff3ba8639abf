"""The processes that `sealgate dev` starts: each on a leash, with a log file, in a process group of its own.

Ctrl-C at a terminal reaches `sealgate dev` alone, which then stops them one by one, the last started first.
Polling is what waits here: it is cancelled anywhere without a process being forgotten.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy.cli.leash import leashed

POLL_SECONDS = 0.05
LAST_LINE_BYTES = 4096


class ProcessEnded(Exception):
    """One that should run does not any more; the text is one line that says which, and where to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """How a process is stopped, and what it gets when its parent dies."""

    first: signal.Signals
    patience_seconds: float
    """After this long: SIGKILL."""
    hurried: signal.Signals
    orphaned: signal.Signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    stopping: Stopping
    log: Path

    def check(self) -> None:
        """Raises ProcessEnded."""
        if self.process.poll() is not None:
            raise ProcessEnded(f"{self.name} ended: {_last_line(self.log)} (see {self.log})")

    async def until(self, ready: Callable[[], Awaitable[bool]], *, within_seconds: float) -> None:
        """Raises ProcessEnded, also where it is not ready in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_seconds
        while not await ready():
            self.check()
            if loop.time() > deadline:
                raise ProcessEnded(
                    f"{self.name} did not answer within {within_seconds:.0f} s (see {self.log})"
                )
            await asyncio.sleep(POLL_SECONDS)
        # What answered may be somebody else, on the port that ours did not get.
        self.check()

    async def stop(self, hurry: asyncio.Event) -> None:
        """Returns when it has ended. Not to be cancelled."""
        self._send(self.stopping.first)
        loop = asyncio.get_running_loop()
        deadline, hurried = loop.time() + self.stopping.patience_seconds, False
        while self.process.poll() is None:
            if hurry.is_set() and not hurried:
                hurried = True
                self._send(self.stopping.hurried)
            if loop.time() > deadline:
                self._send(signal.SIGKILL)
            await asyncio.sleep(POLL_SECONDS)

    def _send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)


def start(
    name: str,
    command: Sequence[str],
    *,
    stopping: Stopping,
    log: Path,
    log_descriptor: int,
    directory: Path,
    environment: Mapping[str, str],
    inherited: int,
) -> Child:
    """Takes over log_descriptor. `inherited` is a descriptor that stays open in the process, which works in
    `directory`.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - a command of ours, without a shell
            leashed(command, stopping.orphaned),
            stdin=subprocess.DEVNULL,
            stdout=log_descriptor,
            stderr=log_descriptor,
            cwd=directory,
            env=dict(environment),
            pass_fds=(inherited,),
            process_group=0,
        )
    finally:
        os.close(log_descriptor)
    return Child(name=name, process=process, stopping=stopping, log=log)


async def until_one_ends(children: Sequence[Child]) -> None:
    """Raises ProcessEnded; returns never."""
    while True:
        for child in children:
            child.check()
        await asyncio.sleep(POLL_SECONDS)


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_LINE_BYTES))
        lines = file.read().decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return "".join(c for c in last.removeprefix("Error: ") if c.isprintable())[:300]
