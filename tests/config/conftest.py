"""A small valid configuration, and a way to write one field of it otherwise."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config.errors import ConfigError
from proxy.config.load import parse
from proxy.config.schema import Config

SMALL: dict[str, Any] = {
    "upstreams": [
        {
            "name": "main",
            "url": "http://127.0.0.1:9000",
            "access_key_id": "AKSTORE",
            "secret_access_key": "s3cret",
        }
    ],
    "accounts": ["111122223333"],
    "identities": [
        {
            "name": "ann",
            "account": "111122223333",
            "access_keys": [{"access_key_id": "AKIDANN", "secret_access_key": "hush-hush"}],
            "policies": [{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}],
        }
    ],
    "kms": {"backends": [{"type": "aws", "write": True}]},
}

Edits = dict[str, Any]


def no_file(path: Path) -> str:
    raise FileNotFoundError(2, "No such file or directory", str(path))


def edited(edits: Edits) -> dict[str, Any]:
    """SMALL with values set at dotted paths (a number is a place in a list)."""
    data = copy.deepcopy(SMALL)
    for path, value in edits.items():
        *way, last = path.split(".")
        place: Any = data
        for step in way:
            place = place[int(step)] if step.isdigit() else place.setdefault(step, {})
        if last.isdigit() and int(last) == len(place):
            place.append(value)
        else:
            place[int(last) if last.isdigit() else last] = value
    return data


@pytest.fixture
def make() -> Callable[..., Config]:
    """The Config of SMALL with edits."""

    def config(edits: Edits | None = None, **parts: Any) -> Config:
        return parse(yaml.safe_dump(edited(edits or {}) | parts), {}, no_file)

    return config


@pytest.fixture
def refused() -> Callable[..., list[str]]:
    """The faults of SMALL with edits, as texts."""

    def problems(edits: Edits, env: dict[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            parse(yaml.safe_dump(edited(edits)), env or {}, no_file)
        return [str(problem) for problem in caught.value.problems]

    return problems
