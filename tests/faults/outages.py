"""A key service that is down: its process killed, and the one in its place stopped before it answers."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.faults.wire import Got, ask
from tests.stores.sealgate import Sealgate

BACK_SECONDS = 15.0
DOWN = (503, "ServiceUnavailable")


def child(service: Sealgate, role: str) -> int:
    """The process in that role now; 0 where there is none."""
    supervisor = service.process.pid
    for process in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        with contextlib.suppress(OSError):
            if f"proxy.cli.child\0{role}\0" in Path(f"/proc/{process}/cmdline").read_text():
                return int(process)
    return 0


@contextlib.contextmanager
def key_service_down(service: Sealgate) -> Iterator[None]:
    """The process is killed, and the one that takes its place does not come to its senses."""
    dead = child(service, "hsm")
    os.kill(dead, signal.SIGKILL)
    deadline = time.monotonic() + BACK_SECONDS
    while (heir := child(service, "hsm")) in {0, dead}:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(heir, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(heir, signal.SIGCONT)


def comes_back(method: str, url: str, **request: Any) -> Got:
    """The first answer that is no 503; until then nothing but 503 with Retry-After is heard."""
    deadline = time.monotonic() + BACK_SECONDS
    while (answer := ask(method, url, **request)).status == 503:
        assert answer.headers["retry-after"] == "1"
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer
