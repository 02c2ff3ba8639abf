"""The program that supervisor tests start as the child, with roles that do as their configuration says.

`echo` answers each line with its process id, or with what it knows; told to fail in some way, it does. What
happens is written to the file that the configuration names, so that a test can read the order of things.
"""

import asyncio
import ctypes
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from proxy.cli import child
from proxy.supervisor.start import Start, StartBarred, StartRefused

# linux/prctl.h
PR_GET_PDEATHSIG = 2
PR_GET_DUMPABLE = 3


async def echo(start: Start, *, ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Serve every socket of the start message until asked to stop, then finish what is in flight."""
    told = json.loads(start.config_text)
    act = told.get(start.name, {})
    note(told, f"{start.name} begins")
    fail(act, first=begun(told).count(start.name) == 1)
    if act.get("hang"):
        await asyncio.sleep(3600)
    flying: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flying.add(task) if (task := asyncio.current_task()) else None
        while line := await reader.readline():
            if line == b"slow\n":
                note(told, f"{start.name} has a slow request")
                await asyncio.sleep(act.get("slow_seconds", 0.3))
            writer.write(reply(line.decode().strip(), start).encode() + b"\n")
            if line == b"slow\n":
                break
        writer.close()
        flying.discard(task) if task else None

    servers = [await asyncio.start_server(answer, sock=each) for each in start.sockets.values()]
    ready()
    note(told, f"{start.name} is ready")
    await stop.wait()
    note(told, f"{start.name} stops")
    if act.get("stuck"):
        time.sleep(3600)  # noqa: ASYNC251 -- it is to be stuck
    for server in servers:
        server.close()
    if flying:
        await asyncio.wait(flying)
    note(told, f"{start.name} ends")


def fail(act: dict[str, Any], *, first: bool) -> None:
    """If that is what it is to do."""
    if "bar_second" in act and not first:
        raise StartBarred(act["bar_second"])
    if "refuse" in act:
        raise StartRefused(act["refuse"])
    if "crash" in act:
        raise RuntimeError(act["crash"])
    if "exit" in act:
        os._exit(act["exit"])


def begun(told: dict[str, Any]) -> list[str]:
    """The names of those who began so far."""
    lines = Path(told["log"]).read_text().splitlines()
    return [line.removesuffix(" begins") for line in lines if line.endswith(" begins")]


def reply(line: str, start: Start) -> str:
    known: dict[str, Any] = {
        "environment": dict(os.environ),
        "credential": [start.proxy_access_key, start.proxy_secret],
        "secrets": dict(start.secrets),
        "loop": type(asyncio.get_running_loop()).__module__,
        "limits": Path("/proc/self/limits").read_text() if sys.platform == "linux" else "",
        "arguments": sys.argv,
        "prctl": [asked(PR_GET_DUMPABLE), asked(PR_GET_PDEATHSIG)],
    }
    return json.dumps(known[line]) if line in known else str(os.getpid())


def asked(option: int) -> int:
    """What the kernel holds: one of the two answers by its result, the other into memory."""
    answer = ctypes.c_int(0)
    result: int = ctypes.CDLL(None).prctl(option, ctypes.byref(answer), 0, 0, 0)
    return result or answer.value


def note(told: dict[str, Any], what: str) -> None:
    with Path(told["log"]).open("a") as log:
        log.write(what + "\n")


if __name__ == "__main__":
    sys.exit(child.main(sys.argv[1:], dict.fromkeys(("hsm", "worker", "observer"), "__main__:echo")))
