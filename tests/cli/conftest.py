"""A key service that answers on a Unix socket, and the commands on keys that ask it."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.typed import Typed, config
from tests.hsm.api.service import ADMIN, made_engine, served


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Path]:
    """A service in a thread of its own, as the commands wait."""
    engine, ready, path = made_engine(tmp_path), threading.Event(), tmp_path / "run" / "hsm.sock"
    engine.begin()  # else "never since" is another second each time
    path.parent.mkdir(mode=0o700)
    loop, ending = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with served(engine, path=path):
            ready.set()
            await ending.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(30)
    yield path
    loop.call_soon_threadsafe(ending.set)
    thread.join()
    loop.close()
    engine.close()


@pytest.fixture
def typed(socket: Path, tmp_path: Path) -> Typed:
    return Typed(config(tmp_path, socket, ADMIN))
