"""A door to one region of moto's KMS: notes what is asked, and can be cut, made to fail or made to lie."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web


class Gate:
    def __init__(self, moto_url: str) -> None:
        self._moto_url = moto_url
        self.url = ""
        self.cut = False
        """As a region that is gone: a connection ends without an answer."""
        self.fault: tuple[int, str] | None = None
        """The status and error name of every answer."""
        self.lie = ("", "")
        """What is replaced in its answers, and by what."""
        self.asked: list[tuple[str, str]] = []
        """Operation, and KeyId."""
        self.documents: list[dict[str, Any]] = []
        self.signers: list[str] = []

    async def take(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        target = request.headers.get("x-amz-target", "")
        operation = target.rpartition(".")[2] or re.findall(rb"Action=(\w+)", body)[0].decode()
        document = json.loads(body) if target else {}
        self.asked.append((operation, document.get("KeyId", "")))
        self.documents.append(document)
        self.signers.append(re.findall(r"Credential=(\w+)", request.headers["authorization"])[0])
        if self.cut:
            assert request.transport
            request.transport.abort()
            return web.Response()
        if self.fault:
            status, name = self.fault
            return web.json_response({"__type": name, "message": "made to"}, status=status)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self._moto_url, data=body, headers=headers) as answer,
        ):
            told = (await answer.read()).replace(self.lie[0].encode(), self.lie[1].encode())
            kind = {"content-type": answer.headers["content-type"]}
            return web.Response(status=answer.status, body=told, headers=kind)


@asynccontextmanager
async def gate_to(moto_url: str) -> AsyncIterator[Gate]:
    gate = Gate(moto_url)
    runner = web.ServerRunner(web.Server(gate.take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gate.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield gate
    await runner.cleanup()
