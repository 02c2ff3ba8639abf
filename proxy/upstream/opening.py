"""Puts an upstream together: pool, client, retries, checks. The one constructor that others use."""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from proxy.upstream.checked import Checked
from proxy.upstream.client import Client, Signer
from proxy.upstream.connecting import connect
from proxy.upstream.connection import Connection
from proxy.upstream.integrity import Integrity
from proxy.upstream.messages import Upstream
from proxy.upstream.pool import Pool
from proxy.upstream.retry import Retrying
from proxy.upstream.settings import UpstreamSettings, address_of, check_tls


def _now() -> datetime:
    return datetime.now(UTC)


def open_upstream(
    settings: UpstreamSettings,
    *,
    signer: Signer | None,
    ssl_context: ssl.SSLContext | None,
    now: Callable[[], datetime] = _now,
    uniform: Callable[[], float] = random.random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    watch: Callable[[Pool], None] = lambda _: None,
) -> Upstream:
    """An upstream of the running loop; it connects when first asked, and its owner must aclose it.

    Without a signer requests go out unsigned. ssl_context belongs to https (see settings.verifying_context).
    `watch` is shown the pool, whose load may be asked for at any time. ValueError where the two do not fit.
    """
    address = address_of(settings.base_url)
    check_tls(address, ssl_context)

    async def connected() -> Connection:
        return await connect(
            address,
            context=ssl_context,
            connect_seconds=settings.connect_seconds,
            idle_seconds=settings.idle_seconds,
        )

    pool = Pool(
        connected,
        loop=asyncio.get_running_loop(),
        limit=settings.connections,
        queue_seconds=settings.queue_seconds,
        keep_alive_seconds=settings.keep_alive_seconds,
    )
    watch(pool)
    return over(pool, settings, signer=signer, now=now, uniform=uniform, sleep=sleep)


def over(
    pool: Pool,
    settings: UpstreamSettings,
    *,
    signer: Signer | None,
    now: Callable[[], datetime] = _now,
    uniform: Callable[[], float] = random.random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Upstream:
    """The same store over the same connections, but with this signer. Closing either closes the pool."""
    client = Client(
        pool,
        host_header=address_of(settings.base_url).host_header,
        signer=signer,
        now=now,
        unsigned_payload=settings.capabilities.unsigned_payload,
    )
    retrying = Retrying(client, attempts=settings.attempts, uniform=uniform, sleep=sleep)
    if settings.integrity is Integrity.NONE:
        return retrying
    return Checked(retrying, integrity=settings.integrity, capabilities=settings.capabilities)
