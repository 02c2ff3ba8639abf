"""The Unix socket: who may come to it, and what may be in its place."""

import asyncio
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import pytest

from proxy.hsm import api
from proxy.hsm.engine import Engine
from tests.hsm.api.service import served
from tests.hsm.api.wire import signed


@pytest.fixture
def door() -> Iterator[Path]:
    """Short: a socket's path has 107 bytes."""
    with TemporaryDirectory() as directory:
        yield Path(directory) / "run" / "hsm.sock"


async def test_it_serves_whoever_has_our_uid_and_signs(engine: Engine, door: Path) -> None:
    async with served(engine, path=door), _session(door) as session:
        assert (_mode(door.parent), _mode(door)) == (0o700, 0o600)
        async with session.post(
            "http://hsm/", headers=signed("http://hsm/", "ListKeys", b"{}"), data=b"{}"
        ) as r:
            assert (r.status, await r.json(content_type=None)) == (200, {"Keys": [], "Truncated": False})
        async with session.post("http://hsm/", data=b"{}") as refused:
            assert refused.status == 400


async def test_another_uid_gets_nothing(engine: Engine, door: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where somebody opened the file modes."""
    monkeypatch.setattr(api, "maybe_peer_uid", lambda _: 12345)
    async with (
        served(engine, path=door) as service,
        _session(door) as session,
        session.post("http://hsm/", headers=signed("http://hsm/", "ListKeys", b"{}"), data=b"{}") as r,
    ):
        assert r.status == 403
    assert service.recorded.last.error_code == "AccessDeniedException"


async def test_the_peer_is_known_by_its_uid_under_uvloop_too(door: Path) -> None:
    """uvloop wraps sockets in a class of its own."""
    script = (
        "import asyncio, sys, uvloop\n"
        "from proxy.hsm.api_peer import maybe_peer_uid\n"
        "async def main():\n"
        "    seen = asyncio.Queue()\n"
        "    async def met(_, w):\n"
        "        await seen.put(maybe_peer_uid(w.transport)); w.close()\n"
        "    async with await asyncio.start_unix_server(met, sys.argv[1]):\n"
        "        _, w = await asyncio.open_unix_connection(sys.argv[1])\n"
        "        print(await seen.get()); w.close()\n"
        "uvloop.run(main())\n"
    )
    door.parent.mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(door), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()

    assert int(out) == os.geteuid()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _session(door: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(door)))
