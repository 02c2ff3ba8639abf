"""A service of real processes for the tests of this room: started, asked, signalled, and looked after.

Whatever a test does, `closed` ends every process that it started, by its id.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("service_main.py")
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 15.0


class Running:
    def __init__(self, directory: Path, **told: Any) -> None:
        self._directory = directory
        self._notes = directory / "notes"
        self._stderr = directory / "stderr"
        told = {"log": str(self._notes), "hsm_socket": str(directory / "run" / "hsm.sock"), **told}
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), json.dumps(told)],
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, "PYTHONPATH": str(ROOT), "EXPORTED_SECRET": "nobody's business"},
                cwd=directory,
                text=True,
            )

    def until_ready(self) -> None:
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline() or "0")
        assert self.process.stdout.readline() == "ready\n", self.stderr()

    def ask(self, line: str = "pid") -> str:
        with self.connected() as client:
            return tell(client, line)

    def connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)

    def asked_hsm(self, line: str = "pid") -> str:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE_SECONDS)
            client.connect(str(self._directory / "run" / "hsm.sock"))
            return tell(client, line)

    def notes(self) -> list[str]:
        return self._notes.read_text().splitlines() if self._notes.exists() else []

    def until_note(self, note: str) -> None:
        until(lambda: note in self.notes())

    def stderr(self) -> str:
        return self._stderr.read_text()

    def stdout(self) -> str:
        """What was not read yet, of a service that has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.read()

    def last_line(self) -> str:
        return self.stderr().splitlines()[-1]

    def children(self) -> list[int]:
        """Every process that the service ever started."""
        return [int(pid) for pid in re.findall(r" is process (\d+)$", self.stderr(), re.MULTILINE)]

    def left(self) -> list[int]:
        return [pid for pid in self.children() if alive(pid)]

    def ended(self) -> int:
        """The exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def closed(self) -> None:
        self.process.kill()
        self.process.wait()
        for pid in self.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextlib.contextmanager
def running(directory: Path, **told: Any) -> Iterator[Running]:
    service = Running(directory, **told)
    try:
        yield service
    finally:
        service.closed()


def tell(client: socket.socket, line: str) -> str:
    """The answer to a line; empty where the connection ended without one."""
    client.sendall(line.encode() + b"\n")
    with client.makefile() as answers:
        return answers.readline().strip()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """A zombie, which whoever adopted it has not reaped yet, is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
