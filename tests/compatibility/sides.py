"""The two servers that the suite meets: a fresh store, and Sealgate in front of another fresh store."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.compatibility.users import (
    MAIN,
    sealgate_identities,
    seaweedfs_identities,
    write_suite_config,
)
from tests.e2e.sdk import client
from tests.stores.sealgate import Sealgate, serving
from tests.stores.seaweedfs import seaweedfs


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
        serving(store, _made(directory / "sealgate"), identities=sealgate_identities()) as gate,
    ):
        yield _configured(directory, gate.url, kms_keys=_two_keys(gate))


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
