"""config.example.yaml is the reference: it loads, and it shows every field that there is."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
import yaml

from proxy.config.check import warnings
from proxy.config.load import load, sourced_names
from proxy.config.schema import Config, Rule
from proxy.config.terms import Document

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
# Fields that exclude each other: the example can hold one of them, and names the others in comments.
IN_COMMENTS = {
    *("hsm.root_key.env", "hsm.root_key.passphrase_file", "hsm.root_key.passphrase_env"),
    "hsm.root_key.aws_kms",
    *(
        f"hsm.root_key.aws_kms.{name}"
        for name in ("key_id", "sealed_file", "region", "endpoint_url", "access_key_id", "secret_access_key")
    ),
    *(f"hsm.root_key.aws_kms.{name}_timeout_seconds" for name in ("connect", "read")),
    "hsm.root_key.pkcs11",
    *(f"hsm.root_key.pkcs11.{name}" for name in ("module", "token", "key", "pin", "sealed_file")),
    "hsm.root_key.pkcs11.environment",
    "kms.backends.ca_file",
    "identities.aws_credentials",
    *(f"identities.aws_credentials.{name}" for name in ("access_key_id", "secret_access_key")),
}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/backup").write_text("hush-hush\n")
    file = tmp_path / "config.yaml"
    file.write_text(EXAMPLE.read_text())
    names = ("STORE_ACCESS_KEY_ID", "STORE_SECRET_ACCESS_KEY", "KMS_ACCESS_KEY_ID", "KMS_SECRET_ACCESS_KEY")
    return load(file, dict.fromkeys(names, "value"))


def test_the_example_loads_without_a_warning(config: Config) -> None:
    """What people copy must be right."""
    assert warnings(config) == []


def test_the_example_shows_every_field() -> None:
    """A field that nobody can find does not exist."""
    shown = set(_shown(yaml.safe_load(EXAMPLE.read_text()), ""))
    missing = {
        fields[0]
        for fields in _fields(Config, "")
        if not shown.intersection(fields) and fields[0] not in IN_COMMENTS
    }

    assert missing == set()
    assert [name for name in IN_COMMENTS if f"{name.rsplit('.')[-1]}:" not in EXAMPLE.read_text()] == []


def test_each_line_of_the_example_that_says_nothing_new_is_the_default(config: Config) -> None:
    """Where the example shows a number, it is what the program takes when the line is left out."""
    for part in (config.limits, config.kms.data_key_cache, config.admin):
        assert part == type(part)()
    assert dataclasses.replace(config.listen, tls=None, trusted_proxies=()) == type(config.listen)()
    assert config.buckets[-1] == Rule(match="*")


def _shown(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _shown(item, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}{name}"
            yield from _shown(inner, f"{path}{name}.")


def _fields(cls: Any, path: str) -> Iterator[list[str]]:
    """For each field every name under which it may be written."""
    for name, hint in get_type_hints(cls, include_extras=True).items():
        yield [f"{path}{written}" for written in sourced_names(name, hint)]
        for inner in _classes(hint):
            yield from _fields(inner, f"{path}{name}.")


def _classes(hint: Any) -> Iterator[Any]:
    if hint is Document:
        return  # of any shape
    if dataclasses.is_dataclass(hint):
        yield hint
    elif get_origin(hint) in {Union, UnionType, tuple} or hasattr(hint, "__metadata__"):
        inner = (hint.__origin__,) if hasattr(hint, "__metadata__") else get_args(hint)
        for arg in inner:
            yield from _classes(arg)
