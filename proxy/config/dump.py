"""A Config as text that `parse` turns into the same Config: what a supervisor hands to a child over a pipe.

It holds every secret in the clear, so it goes over a pipe and nowhere else.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

from proxy.config.schema import Config
from proxy.config.terms import Document, Secret


def dump_with_secrets(config: Config) -> str:
    """YAML in ASCII that needs no environment and no file when it is read again."""
    text = json.dumps(_plain(config), ensure_ascii=False)
    # JSON is YAML but for its surrogate pairs, and YAML takes some characters only as escapes.
    return re.sub(r"[^\x20-\x7e]", lambda found: f"\\U{ord(found[0]):08x}", text)


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Document):
        return value.value
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, Mapping) else value
