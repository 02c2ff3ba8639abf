"""What the tests of the service share: certificates, and starts that take half a minute to be refused."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.authority import Authority
from tests.service.relay import relaying, server_context
from tests.service.running import Launched, launched, upstream
from tests.stores.seaweedfs import Store, free_ports


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody configured."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="session")
def hopeless(
    store: Store, authority: Authority, stranger: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Launched]]:
    """Starts that wait for a store until they give up: begun together, as each takes half a minute."""
    right, wrong = (
        authority.signed("store-elsewhere", hosts=["elsewhere.example"]),
        stranger.signed("store-strange"),
    )
    with contextlib.ExitStack() as opened:
        misnamed = opened.enter_context(
            relaying(store, server_context(right.certificate_file, right.key_file))
        )
        unknown = opened.enter_context(
            relaying(store, server_context(wrong.certificate_file, wrong.key_file))
        )
        places = {
            "nobody": {"url": f"http://127.0.0.1:{free_ports(1)[0]}"},
            "misnamed": {"url": misnamed.url, "ca_file": authority.ca_file},
            "unknown": {"url": unknown.url, "ca_file": authority.ca_file},
        }
        yield {
            name: opened.enter_context(
                launched(
                    store, directory, "--log-level", "debug", ready=False, upstreams=upstream(store, **place)
                )
            )
            for name, place in places.items()
            for directory in [Path(tmp_path_factory.mktemp(name))]
        }
        assert misnamed.requests == unknown.requests == 0, "a request went to a store that proved nothing"


@pytest.fixture(scope="session", autouse=True)
def _begun_early(hopeless: dict[str, Launched]) -> None:
    """So that their half minute runs while other tests do."""
