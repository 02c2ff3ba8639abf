"""`sealgate reload`: asks the service that runs with a configuration to take it up anew, and says what came
of it.

Of the file only the place of the control socket is read here: whether the rest is well is for the service to
say, whose environment may hold what this one's does not.
"""

import json
import socket
from pathlib import Path
from typing import Any

import click

from proxy.cli.options import ConfigRefused, config_option, read
from proxy.cli.plan import CONTROL
from proxy.config.errors import ConfigError
from proxy.config.schema import HSM_SOCKET
from proxy.config.sources import plain_values
from proxy.supervisor.reloads import ORDER

PATIENCE_SECONDS = 120.0
"""Longer than the service gives its processes."""


@click.command(epilog="Example: sealgate reload --config config.yaml")
@config_option
def reload(config_path: Path) -> None:
    """Have the running service take up the changed configuration, in all of its processes or in none.

    Requests in progress keep what they began with. Where it is refused, nothing has changed, the lines say
    why, and the exit code is 1.
    """
    lines = _asked(control_path(config_path))
    if lines:
        raise click.ClickException("not reloaded:\n" + "\n".join(lines))
    click.echo("reloaded")


def control_path(config_path: Path) -> Path:
    """Where the service with this configuration listens. Raises ConfigRefused."""
    try:
        values = plain_values(read(config_path))
    except ConfigError as exc:
        raise ConfigRefused([str(problem) for problem in exc.problems]) from None
    beside = config_path.absolute().parent
    values = values if isinstance(values, dict) else {}
    return beside / (_maybe_text(values, "run_directory") or _beside_hsm(values) or "run") / CONTROL


def _beside_hsm(values: dict[Any, Any]) -> Path | None:
    hsm = values.get("hsm")
    if not isinstance(hsm, dict):
        return None
    return Path(_maybe_text(hsm, "socket") or HSM_SOCKET).parent


def _maybe_text(values: dict[Any, Any], name: str) -> str | None:
    found = values.get(name)
    return found if isinstance(found, str) else None


def _asked(path: Path) -> list[str]:
    """Why it was refused; empty where it is done."""
    try:
        with socket.socket(socket.AF_UNIX) as asking, asking.makefile("rb") as answers:
            asking.settimeout(PATIENCE_SECONDS)
            asking.connect(str(path))
            asking.sendall(ORDER)
            line = answers.readline()
    except OSError as exc:
        raise click.ClickException(
            f"{path}: no service answers: {exc.strerror or exc}: start it with `sealgate serve`"
        ) from None
    if not line:
        raise click.ClickException(f"{path}: the service ended meanwhile")
    return [str(each) for each in json.loads(line)["lines"]]
