"""Configurations for the tests of this room: whole ones, and the same with parts replaced."""

from pathlib import Path
from typing import Any

import yaml

STORE_SECRET = "the-secret-at-the-store"
IDENTITY_SECRET = "the-secret-of-alice"
ACCOUNT = "111122223333"


def whole() -> dict[str, Any]:
    return {
        "listen": {"port": 0},
        "admin": {"port": 0},
        "upstreams": [
            {
                "name": "store",
                "url": "http://127.0.0.1:1",
                "access_key_id": "STOREKEY",
                "secret_access_key": STORE_SECRET,
            }
        ],
        "accounts": [ACCOUNT],
        "identities": [
            {
                "name": "alice",
                "account": ACCOUNT,
                "access_keys": [{"access_key_id": "ALICE", "secret_access_key": IDENTITY_SECRET}],
                "policies": [{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}],
            }
        ],
        "kms": {"backends": [{"type": "hsm", "write": True}]},
        "hsm": {"store": "keys.sqlite", "root_key": {"file": "root.key"}},
    }


def written(directory: Path, **parts: Any) -> Path:
    """The file; a part that is None is left out."""
    values = {name: part for name, part in {**whole(), **parts}.items() if part is not None}
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(values))
    return path
