"""Both event loops, and stores that play a script byte by byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from proxy.upstream.messages import Upstream
from proxy.upstream.opening import open_upstream
from proxy.upstream.settings import UpstreamSettings
from tests.upstream.stores import Authority, Open, Script, Serve


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a store: `await serve(script, ...)` gives its base URL. The last script goes on for ever."""
    servers: list[asyncio.Server] = []
    tasks: set[asyncio.Task[None]] = set()

    async def start(*scripts: Script, tls: ssl.SSLContext | None = None) -> str:
        left = list(scripts)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            script = left.pop(0) if len(left) > 1 else left[0]
            try:
                await script(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()
                tasks.discard(task)

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls, limit=1 << 20)
        servers.append(server)
        return f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Open an upstream that is closed at the test's end; one attempt, short times, unless told otherwise."""
    ups: list[Upstream] = []

    def start(base_url: str, *, context: ssl.SSLContext | None = None, **settings: object) -> Upstream:
        careful = {"attempts": 1, "connect_seconds": 5.0, "idle_seconds": 5.0, **settings}
        up = open_upstream(
            UpstreamSettings(base_url=base_url, **careful),  # type: ignore[arg-type]  # a test's own words
            signer=None,
            ssl_context=context,
            uniform=lambda: 0.0,
        )
        ups.append(up)
        return up

    yield start
    for up in ups:
        await up.aclose()
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=["plain", "tls"])
def wire(
    request: pytest.FixtureRequest, authority: Authority
) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """The two sides' contexts; none for plain TCP."""
    return (authority.server("127.0.0.1"), authority.client()) if request.param == "tls" else (None, None)
