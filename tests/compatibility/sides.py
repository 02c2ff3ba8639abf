"""The two servers that the suite meets: a fresh store, and Sealgate in front of another fresh store."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.compatibility.users import (
    MAIN,
    sealgate_identities,
    seaweedfs_identities,
    write_suite_config,
)
from tests.e2e.sdk import client
from tests.stores.sealgate import Sealgate, User, config_for, serving
from tests.stores.seaweedfs import Store, seaweedfs

STATE = "sealgate-state"


@contextlib.contextmanager
def bare(directory: Path) -> Iterator[Path]:
    """The suite's configuration for the store itself."""
    with seaweedfs(_made(directory), seaweedfs_identities()) as store:
        yield _configured(directory, store.url, kms_keys=None)


@contextlib.contextmanager
def proxied(directory: Path) -> Iterator[Path]:
    """The suite's configuration for Sealgate in front of such a store."""
    with (
        seaweedfs(_made(directory / "store"), seaweedfs_identities()) as store,
        serving(store, _made(directory / "sealgate"), **_sections(store, directory)) as gate,
    ):
        yield _configured(directory, gate.url, kms_keys=_two_keys(gate))


def _sections(store: Store, directory: Path) -> dict[str, Any]:
    """Users as themselves, state in a bucket of its own, and what nobody signed left to the store."""
    [upstream] = config_for(store, directory)["upstreams"]
    owner = User(name="owner", account="", access_key=store.access_key, secret_key=store.secret_key)
    with client("s3", store.url, owner) as raw:
        raw.create_bucket(Bucket=STATE)
    return {
        "identities": sealgate_identities(),
        "upstreams": [upstream | {"state": f"s3://{STATE}"}],
        "buckets": [{"match": "*", "anonymous": "forward", "anonymous_as": MAIN.user.arn}],
    }


def _two_keys(gate: Sealgate) -> tuple[str, str]:
    with client("kms", gate.kms_url, MAIN.user) as kms:
        first, second = (str(kms.create_key()["KeyMetadata"]["Arn"]) for _ in range(2))
    return first, second


def _configured(directory: Path, url: str, *, kms_keys: tuple[str, str] | None) -> Path:
    path = directory / "s3tests.conf"
    write_suite_config(path, url, kms_keys)
    return path


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory
