"""Where a child process begins: `python -m proxy.cli.child ROLE REPORT_FD`, started by the supervisor alone.

It shuts what lets secrets out, reads the start message from standard input, runs its role, and reports. The
role is imported last, so that nothing heavy runs before the process is shut. Standard input's end means that
the supervisor is gone: the child then drains, and ends within its bound whatever its loop is doing.
"""

import asyncio
import contextlib
import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Protocol

import uvloop

from proxy.cli import logs
from proxy.cli.obey import Obedience
from proxy.supervisor import orders, report
from proxy.supervisor.harden import end_with_parent, forbid_core_dumps
from proxy.supervisor.orders import Prepare, Ready
from proxy.supervisor.report import Report
from proxy.supervisor.start import Start, StartBarred, StartRefused, decode

log = logging.getLogger(__name__)

STDIN = 0
READ_BYTES = 1 << 16

# Role -> module:function, imported when the role is known.
ROLES: Mapping[str, str] = {
    "hsm": "proxy.runtime.hsm:run_hsm",
    "worker": "proxy.runtime.worker:run_worker",
    "observer": "proxy.runtime.observer:run_observer",
}


class Role(Protocol):
    """What a child does. Calls `ready` once it serves (with what prepares a reload, if it can be reloaded);
    returns soon after `stop` is set, having drained.

    Raises StartRefused where it cannot serve; cancelled (only before it is ready), it leaves nothing behind.
    """

    def __call__(self, start: Start, *, ready: Ready, stop: asyncio.Event) -> Coroutine[None, None, None]: ...


def main(arguments: Sequence[str], roles: Mapping[str, str] = ROLES) -> int:
    """The exit code: 0 after a stop that was asked for."""
    role, report_fd = arguments[0], int(arguments[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forbid_core_dumps()
    end_with_parent()
    os.set_inheritable(report_fd, False)
    try:
        start = decode(_first_line())
    except ValueError as exc:
        _tell(report_fd, Report(state="failed", reason=str(exc)))
        return 1
    logs.set_up(start.name, start.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_live(roles[role], start, lambda told: _tell(report_fd, told)))


async def _live(role: str, start: Start, tell: Callable[[Report], None]) -> int:
    stop, ready = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    obedience, obeying = Obedience(start, tell), []
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    threading.Thread(target=_heed_parent, args=(loop, stop, obedience), daemon=True).start()

    def became_ready(prepare: Prepare | None = None) -> None:
        obeying.append(asyncio.create_task(obedience.obey(prepare)))
        ready.set()
        tell(Report(state="ready"))

    try:
        await _run(_loaded(role)(start, ready=became_ready, stop=stop), ready, stop)
    except StartRefused as exc:
        tell(Report(state="failed", reason=str(exc), for_good=isinstance(exc, StartBarred)))
        return 1
    except Exception as exc:
        log.exception("a fault of ours")
        tell(Report(state="failed", reason=f"{type(exc).__name__}: {exc}"))
        return 1
    finally:
        for task in obeying:
            task.cancel()
        await asyncio.gather(*obeying, return_exceptions=True)
    return 0


async def _run(work: Coroutine[None, None, None], ready: asyncio.Event, stop: asyncio.Event) -> None:
    """Run to the end; asked to stop before it is ready, the role has nothing to drain and is cancelled."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not ready.is_set():
            working.cancel()
        await working
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    finally:
        stopped.cancel()


def _loaded(role: str) -> Role:
    module, name = role.split(":")
    found: Role = getattr(importlib.import_module(module), name)
    return found


def _first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(STDIN, READ_BYTES)
        if not more:
            raise ValueError("the start message was cut")
        line += more
    return line


def _heed_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event, obedience: Obedience) -> None:
    """A thread's work: passes orders on, and sees the end of standard input also while the loop is stuck."""
    with contextlib.suppress(RuntimeError):  # the loop is closed: we are ending already
        for line in _lines():
            loop.call_soon_threadsafe(obedience.take, orders.decode(line))
        loop.call_soon_threadsafe(stop.set)
    time.sleep(obedience.start.drain_seconds + obedience.start.closing_seconds)
    os._exit(1)


def _lines() -> Iterator[bytes]:
    """The whole lines of standard input, to its end."""
    held = bytearray()
    while more := os.read(STDIN, READ_BYTES):
        held += more
        *lines, held = held.split(b"\n") if b"\n" in more else [held]
        yield from map(bytes, lines)


def _tell(report_fd: int, told: Report) -> None:
    with contextlib.suppress(OSError):  # the supervisor is gone, and standard input's end says so
        os.write(report_fd, report.encode(told))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
