"""YAML, environment and files to a Config: one reader over the schema's types, no code for any single field.

First every field alone is read, and all faults are told at once; then, where all fields are well, the
contradictions between them (config/check). Values of secrets come from the YAML, the environment or a file,
exactly one of them, and never appear in a message.
"""

import dataclasses
import difflib
import json
import re
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from proxy.config.check import contradictions
from proxy.config.errors import ConfigError, Problem
from proxy.config.schema import Config
from proxy.config.sources import plain_values
from proxy.config.terms import Bounds, Document, Place, Secret, Shape, Sourced

ReadFile = Callable[[Path], str]


class _Bad:
    """Stands for a value whose fault has been noted."""


_BAD = _Bad()


def load(path: Path, env: Mapping[str, str]) -> Config:
    """The configuration in a file. Raises ConfigError with every fault found."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError([Problem(str(path), f"cannot be read: {_why(exc)}")]) from exc
    return parse(text, env, lambda file: file.read_text("utf-8"), directory=path.absolute().parent)


def parse(text: str, env: Mapping[str, str], read_file: ReadFile, *, directory: Path = Path()) -> Config:
    """The configuration in a YAML text. Relative paths start at directory. Raises ConfigError."""
    reader = _Reader(env, read_file, directory)
    config = reader.read(Config, plain_values(text), "")
    if reader.problems or not isinstance(config, Config):
        raise ConfigError(reader.problems)
    if found := contradictions(config):
        raise ConfigError(found)
    return config


def sourced_names(name: str, hint: Any) -> tuple[str, ...]:
    """The names under which a field may be written: NAME alone, or NAME_env and NAME_file too."""
    base, marks = _unwrapped(hint)
    if base is not Secret and not any(isinstance(mark, Sourced) for mark in marks):
        return (name,)
    return (name, f"{name}_file") if get_origin(base) is tuple else (name, f"{name}_env", f"{name}_file")


_EMPTY = "is empty: write a value, or leave the line out"
_EMPTY_FILE = "the file is empty: config.example.yaml shows what may stand there"


class _Reader:
    def __init__(self, env: Mapping[str, str], read_file: ReadFile, directory: Path) -> None:
        self._env = env
        self._read_file = read_file
        self._directory = directory
        self.problems: list[Problem] = []

    def read(self, hint: Any, value: Any, path: str) -> Any:
        """The value as the hint wants it, or _BAD with the fault noted."""
        base, marks = _unwrapped(hint)
        if value is None:
            return None if _optional(hint) else self._bad(path, _EMPTY if path else _EMPTY_FILE)
        found = self._read_base(base, value, path)
        return found if found is _BAD else self._marked(found, marks, path)

    def _read_base(self, base: Any, value: Any, path: str) -> Any:
        if base is Document:
            return self._document(value, path)
        if dataclasses.is_dataclass(base):
            return self._fields(base, value, path)
        origin = get_origin(base)
        if origin in {Union, types.UnionType}:
            return self._variant(get_args(base), value, path)
        if origin is tuple:
            return self._list(get_args(base)[0], value, path)
        if origin is Literal:
            return self._choice(get_args(base), value, path)
        if origin is not None:
            return self._pairs(get_args(base)[1], value, path)
        return self._scalar(base, value, path)

    def _fields(self, base: Any, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return self._bad(path, f"must be a section with fields such as {next(iter(_hints(base)))}:")
        hints = _hints(base)
        known = {written: name for name, hint in hints.items() for written in sourced_names(name, hint)}
        for written in value.keys() - known.keys():
            self._bad(_join(path, str(written)), _unknown(str(written), list(known)))
        found = {
            name: self._field(name, hint, value, path)
            if any(written in value for written in sourced_names(name, hint)) or default is _BAD
            else self._default(hint, default)
            for (name, hint), default in zip(hints.items(), _defaults(base), strict=True)
        }
        return _BAD if any(v is _BAD for v in found.values()) else base(**found)

    def _default(self, hint: Any, default: Any) -> Any:
        """A default path is relative too."""
        place = any(isinstance(mark, Place) for mark in _unwrapped(hint)[1])
        return str(self._directory / default) if place and isinstance(default, str) else default

    def _field(self, name: str, hint: Any, values: Mapping[str, Any], path: str) -> Any:
        names = sourced_names(name, hint)
        written = [n for n in names if n in values]
        place = _join(path, name)
        if not written:
            return self._bad(place, f"is missing: write {' or '.join(names)}")
        if len(written) > 1:
            return self._bad(place, f"is given {len(written)} times: keep one of {', '.join(written)}")
        if written[0] == name:
            return self.read(hint, values[name], place)
        return self._sourced(
            hint, values[written[0]], _join(path, written[0]), from_env=written[0] != names[-1]
        )

    def _sourced(self, hint: Any, source: Any, path: str, *, from_env: bool) -> Any:
        """The value of NAME_env or NAME_file: text, or a YAML list where the field is one."""
        if not isinstance(source, str) or not source:
            return self._bad(
                path, f"must be the {'name of an environment variable' if from_env else 'path of a file'}"
            )
        if from_env and source not in self._env:
            return self._bad(path, f"the environment has no {source}: set it before the start")
        try:
            text = self._env[source] if from_env else self._read_file(self._directory / source)
        except (OSError, UnicodeDecodeError) as exc:
            return self._bad(path, f"{source} cannot be read: {_why(exc)}")
        if get_origin(_unwrapped(hint)[0]) is not tuple:
            return self.read(hint, re.sub(r"\r?\n\Z", "", text), path)
        try:
            return self.read(hint, plain_values(text, path=path), path)
        except ConfigError as exc:
            self.problems.extend(exc.problems)
            return _BAD

    def _variant(self, variants: tuple[Any, ...], value: Any, path: str) -> Any:
        """One of several classes, told apart by their literal `type`."""
        by_type = {get_args(_hints(variant)["type"])[0]: variant for variant in variants}
        if not isinstance(value, dict) or "type" not in value:
            return self._bad(_join(path, "type"), f"is missing: write one of {', '.join(by_type)}")
        kind = self._choice(tuple(by_type), value["type"], _join(path, "type"))
        return kind if kind is _BAD else self._fields(by_type[kind], value, path)

    def _list(self, item: Any, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            return self._bad(path, "must be a list: write [a, b], or one line `- item` each")
        found = tuple(self.read(item, v, f"{path}[{i}]") for i, v in enumerate(value))
        return _BAD if any(v is _BAD for v in found) else found

    def _document(self, value: Any, path: str) -> Any:
        try:
            return Document(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError):
            return self._bad(path, "holds what JSON has no form for: write text, numbers, lists and sections")

    def _pairs(self, item: Any, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return self._bad(path, "must be a section of `name: value` lines")
        found = {
            self._scalar(str, k, path): self.read(item, v, _join(path, str(k))) for k, v in value.items()
        }
        return _BAD if _BAD in found or any(v is _BAD for v in found.values()) else found

    def _choice(self, choices: tuple[Any, ...], value: Any, path: str) -> Any:
        if value is False and "off" in choices:
            return "off"  # without quotes YAML takes it for false
        if value in choices:
            return value
        return self._bad(path, f"must be one of {', '.join(choices)}{_nearest(str(value), list(choices))}")

    def _scalar(self, base: Any, value: Any, path: str) -> Any:
        if base is bool:
            return value if isinstance(value, bool) else self._bad(path, "must be true or false")
        if base in {int, float}:
            whole = isinstance(value, int) and not isinstance(value, bool)
            if whole or (base is float and isinstance(value, float)):
                return base(value)
            return self._bad(
                path, f"must be a {'whole ' if base is int else ''}number, without unit or quotes"
            )
        if not isinstance(value, str):
            return self._bad(path, "must be text: put it in quotes")
        if base is not Secret:
            return value
        if not value.strip() or re.search(r"[\x00-\x1f\x7f]", value):
            return self._bad(path, "is empty or holds control characters: a secret is one line of text")
        return Secret(value)

    def _marked(self, value: Any, marks: tuple[Any, ...], path: str) -> Any:
        for mark in marks:
            if isinstance(mark, Place):
                value = str(self._directory / value)
            elif (fault := _fault(mark, value)) is not None:
                return self._bad(path, fault)
        return value

    def _bad(self, path: str, message: str) -> _Bad:
        self.problems.append(Problem(path, message))
        return _BAD


def _fault(mark: Any, value: Any) -> str | None:
    """What one mark of a field's type holds against a value."""
    if isinstance(mark, Shape):
        return None if re.fullmatch(mark.pattern, value) else f"must be {mark.hint}"
    if not isinstance(mark, Bounds):
        return None
    if isinstance(value, tuple):
        if mark.least <= len(value) <= mark.most:
            return None
        many = f"{mark.least:g}" if mark.least == mark.most else f"{mark.least:g} to {mark.most:.10g}"
        return f"must have {many} item{'s' if mark.most > 1 else ''}, and has {len(value)}"
    return None if mark.least <= value <= mark.most else f"must be from {mark.least:.15g} to {mark.most:.15g}"


def _unknown(name: str, known: list[str]) -> str:
    hint = _nearest(name, known) or f"; known here: {', '.join(known)}"
    return f"is not a field{hint}"


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _hints(base: Any) -> dict[str, Any]:
    return get_type_hints(base, include_extras=True)


def _defaults(base: Any) -> list[Any]:
    """The fields' defaults in order; _BAD where a field must be written."""
    return [
        field.default_factory()
        if field.default_factory is not dataclasses.MISSING
        else _BAD
        if field.default is dataclasses.MISSING
        else field.default
        for field in dataclasses.fields(base)
    ]


def _optional(hint: Any) -> bool:
    return get_origin(hint) in {Union, types.UnionType} and type(None) in get_args(hint)


def _unwrapped(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type below `| None` and Annotated, and the marks that stood there."""
    if _optional(hint):
        rest = [arg for arg in get_args(hint) if arg is not type(None)]
        hint = rest[0] if len(rest) == 1 else Union[tuple(rest)]  # noqa: UP007 -- made at run time from a list
    if get_origin(hint) is Annotated:
        return get_args(hint)[0], tuple(hint.__metadata__)
    return hint, ()


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _why(exc: Exception) -> str:
    """The reason without the content: a decoding error's text would show bytes of the file."""
    return (exc.strerror or type(exc).__name__) if isinstance(exc, OSError) else "it is not UTF-8 text"
