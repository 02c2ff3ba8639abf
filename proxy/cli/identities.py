"""Where a configuration keeps its identities, and how one is added or disabled there: by a few lines of text,
so that everything else of the file, its comments among it, stays as it was.

What comes of it is loaded before anything is written, and must differ in that one identity alone.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import yaml

from proxy.cli.options import ConfigRefused, loaded, read
from proxy.cli.whole_file import whole_file
from proxy.config.errors import ConfigError
from proxy.config.load import parse
from proxy.config.schema import Config, Identity
from proxy.config.sources import plain_values
from proxy.hsm.durable import sync_directory

BY_HAND = "write it there yourself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """`path` is the file that holds the list: the configuration itself, or its identities_file."""

    config_path: Path
    path: Path
    config: Config

    @classmethod
    def of(cls, config_path: Path) -> "Home":
        """Raises ConfigRefused."""
        config = loaded(config_path)
        values = plain_values(read(config_path))
        named = values.get("identities_file") if isinstance(values, dict) else None
        path = config_path.absolute().parent / named if isinstance(named, str) else config_path
        return cls(config_path=config_path, path=path, config=config)

    def add(self, lines: list[str], who: Identity) -> None:
        """The lines of one entry, first in the list. Raises ConfigRefused and ClickException."""
        text, sequence = self._text_and_list()
        if sequence.flow_style:
            raise click.ClickException(
                f"{self.path}: the identities are in brackets: {BY_HAND}, with --print"
            )
        at = sequence.start_mark
        entry = [f"{'- ' if number == 0 else '  '}{line}" for number, line in enumerate(lines)]
        written = f"\n{' ' * at.column}".join(entry) + f"\n{' ' * at.column}"
        new = text[: at.index] + written + text[at.index :]
        self._write(text, new, replace(self.config, identities=(who, *self.config.identities)))

    def disable(self, who: Identity) -> None:
        """Raises ConfigRefused and ClickException."""
        text, sequence = self._text_and_list()
        entry = sequence.value[self.config.identities.index(who)]
        fields = {key.value: (key, value) for key, value in entry.value}
        _, value = fields["disabled"] if "disabled" in fields else fields["name"]
        begin, end = value.start_mark.index, value.end_mark.index
        if "disabled" in fields:
            new = f"{text[:begin]}true{text[end:]}"
        elif entry.flow_style:
            new = f"{text[:end]}, disabled: true{text[end:]}"
        else:
            indent = " " * entry.start_mark.column
            line_end = text.find("\n", end)
            line_end = len(text) if line_end < 0 else line_end
            new = f"{text[:line_end]}\n{indent}disabled: true{text[line_end:]}"
        others = tuple(
            replace(each, disabled=True) if each is who else each for each in self.config.identities
        )
        self._write(text, new, replace(self.config, identities=others))

    def _text_and_list(self) -> tuple[str, yaml.SequenceNode]:
        text = read(self.path)
        node = yaml.compose(text, yaml.SafeLoader)
        if self.path == self.config_path and isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == "identities"), None)
        if not isinstance(node, yaml.SequenceNode):
            raise click.ClickException(f"{self.path}: has no list of identities here: {BY_HAND}")
        return text, node

    def _write(self, old: str, new: str, wanted: Config) -> None:
        """Whole or not at all, with the file's mode and owner: the service has to read it afterwards."""
        try:
            if self._parsed(new) != wanted:
                raise click.ClickException(f"{self.path}: cannot be changed safely: {BY_HAND}")
        except ConfigError as exc:
            raise ConfigRefused([str(problem) for problem in exc.problems]) from None
        path = self.path.resolve()  # a link stays one
        try:
            with whole_file(path) as draft:
                as_before = path.stat()
                os.fchown(draft.fileno(), as_before.st_uid, as_before.st_gid)
                os.fchmod(draft.fileno(), as_before.st_mode & 0o7777)
                draft.write(new.encode())
                if read(self.path) != old:
                    raise click.ClickException(f"{self.path}: was changed meanwhile: run this again")
            sync_directory(path.parent)
        except OSError as exc:
            raise click.ClickException(f"{self.path}: cannot be written: {exc.strerror}: {BY_HAND}") from None

    def _parsed(self, new: str) -> Config:
        if self.path == self.config_path:
            text, files = new, {}
        else:
            text, files = read(self.config_path), {self.path: new}

        def read_file(file: Path) -> str:
            return files[file] if file in files else file.read_text("utf-8")

        return parse(text, os.environ, read_file, directory=self.config_path.absolute().parent)


def entry_lines(who: Mapping[str, Any]) -> list[str]:
    """As it stands in the list, without the dash."""
    return yaml.safe_dump(dict(who), sort_keys=False, default_flow_style=False, width=1000).splitlines()
