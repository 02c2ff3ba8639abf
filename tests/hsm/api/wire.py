"""Calls made by hand, so that each byte and header of them can be wrong."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import aiohttp

from proxy.auth.identities import Identity
from proxy.auth.sigv4 import Signer
from tests.hsm.api.service import ADMIN, REGION


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    document: Any

    @property
    def code(self) -> str:
        return str(self.document.get("__type", ""))


def signed(
    url: str,
    action: str,
    body: bytes,
    *,
    who: Identity = ADMIN,
    headers: Mapping[str, str] | None = None,
    region: str = REGION,
    service: str = "kms",
    now: datetime | None = None,
) -> dict[str, str]:
    """All headers of a POST to url's root."""
    sent = {
        "host": url.split("//")[1].split("/", maxsplit=1)[0],
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": f"TrentService.{action}",
        **(headers or {}),
    }
    signer = Signer(who.access_keys[0], region=region, service=service)
    added = signer.sign(
        method="POST",
        path="/",
        query="",
        headers=sent,
        payload_hash=sha256(body).hexdigest(),
        now=now or datetime.now(UTC),
    )
    return {**sent, **added}


async def post(url: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST") -> Answer:
    async with (
        aiohttp.ClientSession(skip_auto_headers=("Content-Type",)) as session,
        session.request(method, url, headers=headers, data=body) as response,
    ):
        return Answer(response.status, response.headers, json.loads(await response.read()))


async def call(
    url: str,
    action: str,
    document: Any,
    *,
    who: Identity = ADMIN,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return await post(url, signed(url, action, body, who=who, headers=headers), body)
