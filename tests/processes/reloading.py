"""Changes the configuration file of a running service, and asks for a reload as its operator would."""

import contextlib
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.service.running import Launched
from tests.stores.sealgate import SEALGATE, Sealgate


def asked(service: Launched | Sealgate, path: Path | None = None) -> tuple[int, str]:
    """The exit code of `sealgate reload` and what it prints."""
    done = subprocess.run(
        [SEALGATE, "reload", "--config", str(path or service.directory / "config.yaml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def asked_directly(service: Launched) -> dict[str, Any]:
    """The answer of the control socket, without a new process each time."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(60)
        asking.connect(str(service.directory / "run" / "control.sock"))
        asking.sendall(b"reload\n")
        with asking.makefile() as answers:
            answer: dict[str, Any] = json.loads(answers.readline())
            return answer


@contextlib.contextmanager
def changed(service: Launched, **changes: Any) -> Iterator[None]:
    """The file with other sections (None leaves one out); afterwards it is as it was, and nobody is asked."""
    path = service.directory / "config.yaml"
    values = {**service.config, **changes}
    path.write_text(yaml.safe_dump({name: value for name, value in values.items() if value is not None}))
    try:
        yield
    finally:
        path.write_text(yaml.safe_dump(dict(service.config)))


def reloaded(service: Launched, **changes: Any) -> None:
    """What the service runs with from now on: its first configuration with these changes."""
    with changed(service, **changes):
        assert asked(service) == (0, "reloaded\n")
