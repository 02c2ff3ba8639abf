"""Opens a connection: name, TCP, TLS within one time limit. What fails becomes UpstreamUnreachable here."""

import asyncio
import ssl

from proxy.upstream.connection import Connection
from proxy.upstream.messages import UpstreamUnreachable
from proxy.upstream.settings import Address


async def connect(
    address: Address, *, context: ssl.SSLContext | None, connect_seconds: float, idle_seconds: float
) -> Connection:
    """A fresh connection. A cancelled call leaves none behind."""
    loop = asyncio.get_running_loop()
    connection = Connection(loop, idle_seconds=idle_seconds)
    try:
        async with asyncio.timeout(connect_seconds):
            await loop.create_connection(
                lambda: connection,
                address.host,
                address.port,
                ssl=context,
                server_hostname=address.host if context is not None else None,
            )
    except TimeoutError as exc:
        raise UpstreamUnreachable(f"no connection within {connect_seconds} s") from exc
    except (OSError, UnicodeError) as exc:
        raise UpstreamUnreachable(f"no connection: {type(exc).__name__}: {exc}") from exc
    return connection
