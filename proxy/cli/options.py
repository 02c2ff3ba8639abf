"""What several commands share: the option that names the configuration, and how its faults reach a person."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import click

from proxy.config.errors import ConfigError
from proxy.config.load import load
from proxy.config.schema import Config

config_option = click.option(
    "--config",
    "config_path",
    envvar="SEALGATE_CONFIG",
    default="config.yaml",
    show_default=True,
    show_envvar=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The configuration, in YAML.",
)


class ConfigRefused(click.ClickException):
    """Each fault on a line of its own, as `path: what is wrong: what to write`."""

    exit_code = 2

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=True)


def loaded(path: Path) -> Config:
    """The checked configuration. Raises ConfigRefused."""
    read(path)
    try:
        return load(path, os.environ)
    except ConfigError as exc:
        raise ConfigRefused([str(problem) for problem in exc.problems]) from None


def read(path: Path) -> str:
    """The file's text. Raises ConfigRefused, which says how to name another file."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigRefused(
            [f"{path}: there is no such file: give --config FILE or set SEALGATE_CONFIG"]
        ) from None
    except OSError as exc:
        raise ConfigRefused([f"{path}: cannot be read: {exc.strerror}: choose another file"]) from None
    except UnicodeDecodeError:
        raise ConfigRefused([f"{path}: is not UTF-8 text: write it anew as UTF-8"]) from None
