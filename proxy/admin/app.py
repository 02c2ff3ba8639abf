"""The admin port: /metrics, /livez and /readyz, and nothing that changes anything or needs a login.

It is fed two coroutines and knows neither workers nor keys. That /livez answers at all is its whole
answer: this process's event loop runs.
"""

import dataclasses
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from proxy.admin.readiness import Readiness

Render = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Given a scrape's Accept header, the page and its content type."""
Ready = Callable[[], Awaitable[Readiness]]

SHUTDOWN_SECONDS = 2.0
NO_STORE = {"Cache-Control": "no-store"}


def admin_app(*, render: Render, readiness: Ready) -> web.Application:
    """The application; each callable is asked anew for every request."""

    async def metrics(request: web.Request) -> web.Response:
        page, content_type = await render(request.headers.get("Accept", ""))
        return web.Response(body=page, headers=NO_STORE | {"Content-Type": content_type})

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"alive": True}, headers=NO_STORE)

    async def readyz(_: web.Request) -> web.Response:
        found = await readiness()
        status = 200 if found.ready else 503
        return web.json_response(dataclasses.asdict(found), status=status, headers=NO_STORE)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/livez", livez), web.get("/readyz", readyz)])
    app.on_response_prepare.append(_name_no_version)
    return app


@asynccontextmanager
async def admin_server(listener: socket.socket, *, render: Render, readiness: Ready) -> AsyncIterator[None]:
    """Serve on a socket that is bound and listens; on leaving it is closed, within SHUTDOWN_SECONDS."""
    runner = web.AppRunner(
        admin_app(render=render, readiness=readiness),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()


async def _name_no_version(_: web.Request, response: web.StreamResponse) -> None:
    """Which libraries answer here is nobody's business."""
    response.headers["Server"] = "sealgate"
