"""`sealgate dev` as a person starts it: a real process, in a session of its own, so that all that it starts
can be found again.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).parents[2]
PROGRAM = ["-P", "-c", "from proxy.cli.main import main; main()"]
PATIENCE_SECONDS = 60
FREE_PORTS = ("--port", "0", "--admin-port", "0", "--kms-port", "0", "--store-port", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dev:
    directory: Path
    process: subprocess.Popen[bytes]
    said: Path

    @property
    def output(self) -> str:
        """Both streams together."""
        return self.said.read_text()

    @property
    def env(self) -> dict[str, str]:
        lines = (self.directory / "env").read_text().splitlines()
        pairs = (shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in lines)
        return dict(pairs)

    def until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not what():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.01)

    def until_ready(self) -> None:
        self.until(lambda: "ready" in self.output.splitlines())

    def ended(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)

    def left(self) -> list[str]:
        """The commands of this run's processes that are alive."""
        return [command for _, command in processes(self.process.pid)]


@contextlib.contextmanager
def dev(
    directory: Path,
    *options: str,
    ports: tuple[str, ...] = FREE_PORTS,
    python: str = sys.executable,
    **started: Any,
) -> Iterator[Dev]:
    """`started` goes to Popen. Kills what the test left."""
    said = directory.with_name(directory.name + ".said")
    with said.open("ab") as stream:
        process = subprocess.Popen(
            [python, *PROGRAM, "dev", *ports, "--data-dir", str(directory), *options],
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            **{"env": {**os.environ, "PYTHONPATH": str(ROOT)}, **started},
        )
    try:
        yield Dev(directory=directory, process=process, said=said)
    finally:
        process.kill()
        process.wait()
        for pid, _ in processes(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def processes(session: int) -> Iterator[tuple[int, str]]:
    """Process ids and commands of a session; those that are dead and not yet waited for do not count."""
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            with contextlib.suppress(OSError):
                # proc(5): state, ppid, pgrp, session, after a name in parentheses that may hold anything.
                state, _, _, sid = (place / "stat").read_text().rpartition(") ")[2].split()[:4]
                if int(sid) == session and state not in "ZX":
                    command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    yield int(place.name), command


def client(service: str, env: dict[str, str]) -> Any:
    """As the lines of `env` point it."""
    endpoint = env[f"AWS_ENDPOINT_URL_{service.upper()}"]
    return _client(service, endpoint, env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])


def store_client(env: dict[str, str]) -> Any:
    """Behind the proxy."""
    keys = env["STORE_ACCESS_KEY_ID"], env["STORE_SECRET_ACCESS_KEY"]
    return _client("s3", env["STORE_ENDPOINT_URL"], *keys)


def _client(service: str, endpoint: str, access_key: str, secret: str) -> Any:
    return boto3.client(  # type: ignore[no-untyped-call] # boto3 has no types
        service,
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),  # type: ignore[no-untyped-call] # the same
    )
