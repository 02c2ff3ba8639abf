"""The service as its operator runs it: any configuration, arguments, environment; its processes are counted.

Standard output and standard error go to files of their own, as standard output may be the audit trail.
Whatever a test does, `launched` ends every process that it started, by its id.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.stores.sealgate import SEALGATE, config_for, run
from tests.stores.seaweedfs import Store

PATIENCE_SECONDS = 45.0

Event = dict[str, Any]


class Launched:
    """A service that was started and may be ready, refused or gone."""

    def __init__(
        self, path: Path, config: Mapping[str, Any], arguments: tuple[str, ...], environ: Mapping[str, str]
    ) -> None:
        self.directory = path.parent
        self.config = config
        self._stderr, self._stdout = self.directory / "stderr", self.directory / "stdout"
        with self._stderr.open("wb") as stderr, self._stdout.open("wb") as stdout:
            self.process = subprocess.Popen(
                [SEALGATE, "serve", "--config", str(path), *arguments],
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, **environ},
                start_new_session=True,
            )

    @property
    def url(self) -> str:
        scheme = "https" if self.config["listen"].get("tls") else "http"
        return f"{scheme}://127.0.0.1:{self.config['listen']['port']}"

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.config['admin']['port']}"

    @property
    def kms_url(self) -> str:
        return f"http://127.0.0.1:{self.config['hsm']['listen']['port']}"

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    @property
    def stdout(self) -> str:
        return self._stdout.read_text()

    @property
    def last_line(self) -> str:
        return self.stderr.splitlines()[-1]

    def until_ready(self) -> None:
        until(lambda: "ready" in self.stderr.splitlines() or self.process.poll() is not None)
        assert self.process.poll() is None, self.stderr

    def ended(self) -> int:
        """The exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def child(self, name: str) -> int:
        """The process that fills a place now, such as worker-0."""
        found = re.findall(rf"{name} is ready \(process (\d+)\)$", self.stderr, re.MULTILINE)
        return int(found[-1])

    def children(self) -> list[int]:
        """Every process that the service told of. One that never became ready is told at debug level."""
        told = re.findall(r"(?: is process |\(process )(\d+)", self.stderr)
        return sorted({int(pid) for pid in told})

    def left(self) -> list[int]:
        return [pid for pid in self.children() if alive(pid)]

    def asked(self, path: str) -> tuple[int, str]:
        """Status and body of the admin port's answer."""
        try:
            with urllib.request.urlopen(f"{self.admin_url}{path}", timeout=10) as answer:  # noqa: S310  # our own loopback URL
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def ready(self) -> tuple[int, dict[str, Any]]:
        status, body = self.asked("/readyz")
        return status, json.loads(body)

    def number(self, sample: str) -> float:
        """The value of one line of the metrics page, 0 where it is not there."""
        for line in self.asked("/metrics")[1].splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        return 0.0

    def events(self) -> list[Event]:
        text = (self.directory / "audit.jsonl").read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def until_event(self, **wanted: Any) -> Event:
        """The first event that has these values; dots in a name are written as `__`."""
        until(lambda: any(has(event, wanted) for event in self.events()))
        return next(event for event in self.events() if has(event, wanted))

    def closed(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        self.process.kill()
        self.process.wait()
        for pid in self.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def launched(
    store: Store,
    directory: Path,
    *arguments: str,
    ready: bool = True,
    initialised: bool = True,
    environ: Mapping[str, str] | None = None,
    **changes: Any,
) -> Iterator[Launched]:
    """`changes` replace whole sections of the configuration; None leaves one out."""
    config = {
        name: value for name, value in config_for(store, directory, **changes).items() if value is not None
    }
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    if initialised and "hsm" in config and not (directory / "hsm.sqlite").exists():
        run("hsm", "init", "--config", str(path), environ=environ)
    service = Launched(path, config, arguments, environ or {})
    try:
        if ready:
            service.until_ready()
        yield service
    finally:
        service.closed()


def has(event: Event, wanted: Mapping[str, Any]) -> bool:
    return all(_value(event, name.split("__")) == value for name, value in wanted.items())


def _value(event: Any, names: list[str]) -> Any:
    for name in names:
        event = (event or {}).get(name)
    return event


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """A zombie, which whoever adopted it has not reaped yet, is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def upstream(store: Store, **changes: Any) -> list[dict[str, Any]]:
    """The one store of a configuration, with some settings changed."""
    [section] = config_for(store, Path())["upstreams"]
    return [{**section, **changes}]
