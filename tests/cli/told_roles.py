"""Children that answer every connection with what they were told, as one JSON line."""

import asyncio
import json
import os
import sys
from collections.abc import Callable

from proxy.cli import child
from proxy.supervisor.start import BACKLOG, Start


async def tell(start: Start, *, ready: Callable[[], None], stop: asyncio.Event) -> None:
    told = {
        "role": start.role,
        "number": start.number,
        "config": start.config_text,
        "config_path": start.config_path,
        "secrets": dict(start.secrets),
        "sockets": sorted(start.sockets),
        "credential": start.proxy_access_key,
        "hsm_socket": start.hsm_socket,
        "drain_seconds": start.drain_seconds,
        "environment": dict(os.environ),
    }

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(told).encode() + b"\n")
        writer.close()
        await writer.wait_closed()

    servers = [
        await asyncio.start_server(answer, sock=each, backlog=BACKLOG) for each in start.sockets.values()
    ]
    ready()
    await stop.wait()
    for server in servers:
        server.close()


if __name__ == "__main__":
    sys.exit(child.main(sys.argv[1:], dict.fromkeys(("hsm", "worker", "observer"), "__main__:tell")))
