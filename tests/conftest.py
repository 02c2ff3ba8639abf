"""Servers that the whole run shares: starting one takes seconds, and each test has buckets of its own."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.stores.juicefs import juicefs
from tests.stores.sealgate import Sealgate, serving
from tests.stores.seaweedfs import Store, seaweedfs

# On a busy machine a step that takes a millisecond takes a second: time says nothing about what is tried.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


def pytest_configure() -> None:
    """A run that a shell put in the background ignores Ctrl-C, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A real SeaweedFS."""
    with seaweedfs(tmp_path_factory.mktemp("weed")) as running:
        yield running


@pytest.fixture(scope="session")
def juicefs_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A real JuiceFS, for tests of what holds on every store."""
    with juicefs(tmp_path_factory.mktemp("juicefs")) as running:
        yield running


@pytest.fixture(scope="session")
def sealgate(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealgate]:
    """Sealgate in front of it, with the built-in HSM."""
    with serving(store, Path(tmp_path_factory.mktemp("sealgate"))) as service:
        yield service
