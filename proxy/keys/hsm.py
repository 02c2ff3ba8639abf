"""Our own key service, over a Unix socket or TCP: signed calls that say for whom they are made.

A call is safe to repeat (a data key that nobody got is nobody's), so a service that is being restarted is
waited for, about a second; beyond that the caller hears KeyUnavailable and may come again. Connections are
aiohttp's; who we speak for goes in x-sealgate-* headers, which the signature covers.
"""

import asyncio
import base64
import binascii
import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from proxy.auth.sigv4 import Credentials, Signer
from proxy.keys.hsm_watch import SILENCE_SECONDS, Watch
from proxy.keys.kms import KmsDocument, KmsKeys
from proxy.keys.kms_errors import key_error
from proxy.keys.provider import Caller, KeyServiceError, KeyUnavailable, Standing

_BLOBS: Final = ("CiphertextBlob", "Plaintext")
_MAX_ANSWER_BYTES: Final = 1 << 20
WATCH_TARGET: Final = "Sealgate.WatchChanges"


@dataclass(frozen=True, slots=True, kw_only=True)
class HsmSettings:
    """Where the service is: a socket's path, or an http(s) URL without a path."""

    address: Path | str
    region: str
    credentials: Credentials
    """Of an identity of kind proxy."""
    via_service: str
    """What policies see as kms:ViaService, such as s3.eu-central-1.amazonaws.com."""
    connect_timeout_seconds: float = 2.0
    answer_timeout_seconds: float = 5.0
    restart_patience_seconds: float = 1.0
    retry_pause_seconds: float = 0.05
    connections: int = 64


class HsmKeys(KmsKeys):
    """A KmsKeys that also hears what changes at its service."""

    def __init__(self, transport: "HsmTransport") -> None:
        super().__init__(transport)
        self.watch = transport.watch
        """To be listened to by whoever keeps what this service decided."""


def open_hsm_keys(
    settings: HsmSettings,
    *,
    tls: ssl.SSLContext | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> HsmKeys:
    """A provider that is ready to call; the stream of changes is being opened. Needs a running loop."""
    transport = HsmTransport(settings, tls=tls, now=now)
    transport.watch.start()
    return HsmKeys(transport)


class HsmTransport:
    """See the file's head."""

    def __init__(
        self, settings: HsmSettings, *, tls: ssl.SSLContext | None, now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._now = now
        self._signer = Signer(settings.credentials, region=settings.region, service="kms")
        self._url, connector = _door(settings, tls)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=settings.connect_timeout_seconds,
                sock_read=settings.answer_timeout_seconds,
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept"),
        )
        self._host = urlsplit(self._url).netloc
        self.watch = Watch(self._stream)

    async def call(self, action: str, request: KmsDocument, caller: Caller) -> KmsDocument:
        """Only while changes are heard: what is decided otherwise could be kept past a change."""
        if not await self.watch.is_alive(self._settings.restart_patience_seconds):
            trouble = self.watch.trouble
            raise KeyUnavailable(f"the key service cannot be heard: {trouble}", code=trouble.code)
        body = json.dumps(request, separators=(",", ":"), default=_base64).encode()
        status, answer = await self._posted(action, body, caller)
        document = _document(answer)
        if status != 200:
            raise _refusal(document, status)
        return _with_bytes(document)

    def standing(self, key_id: str, caller: Caller) -> Standing:
        """All that a policy can see of a caller, but what is the same for all of this proxy.

        An id or alias names a key of the caller's account: another one's is another key.
        """
        account = "" if key_id.startswith("arn:") else caller.account
        return Standing(account, (caller.principal, caller.source_ip, caller.secure_transport))

    async def aclose(self) -> None:
        await self.watch.aclose()
        await self._session.close()

    def _stream(self) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        headers = self._signed(WATCH_TARGET, b"", None)
        timeout = aiohttp.ClientTimeout(
            total=None, connect=self._settings.connect_timeout_seconds, sock_read=SILENCE_SECONDS
        )
        return self._session.post(self._url, data=b"", headers=headers, timeout=timeout)

    async def _posted(self, action: str, body: bytes, caller: Caller) -> tuple[int, bytes]:
        """Again, within the patience for a restart, where the service did not answer at all."""
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + self._settings.restart_patience_seconds
        while True:
            try:
                return await self._posted_once(action, body, caller)
            except _NotThere as exc:
                if loop.time() >= patient_until:
                    raise KeyUnavailable(f"the key service cannot be reached: {exc}") from exc
            await asyncio.sleep(self._settings.retry_pause_seconds)

    async def _posted_once(self, action: str, body: bytes, caller: Caller) -> tuple[int, bytes]:
        headers = self._signed(f"TrentService.{action}", body, caller)
        try:
            async with self._session.post(self._url, data=body, headers=headers) as response:
                if (response.content_length or 0) > _MAX_ANSWER_BYTES:
                    raise KeyUnavailable("the key service answered too much", code="MalformedResponse")
                return response.status, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError, ConnectionError) as exc:
            raise _NotThere(type(exc).__name__) from exc
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise KeyUnavailable(f"the key service did not answer: {type(exc).__name__}") from exc

    def _signed(self, target: str, body: bytes, caller: Caller | None) -> dict[str, str]:
        headers = {
            "host": self._host,
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": target,
            **self._spoken(caller),
        }
        added = self._signer.sign(
            method="POST",
            path="/",
            query="",
            headers=headers,
            payload_hash=sha256(body).hexdigest(),
            now=self._now(),
        )
        return {**headers, **added}

    def _spoken(self, caller: Caller | None) -> dict[str, str]:
        """Nobody, or an empty principal, is the proxy itself, as at its self-test."""
        if caller is None or not caller.principal:
            return {}
        return {
            "x-sealgate-principal": caller.principal,
            "x-sealgate-via-service": self._settings.via_service,
            "x-sealgate-source-ip": caller.source_ip,
            "x-sealgate-secure-transport": "true" if caller.secure_transport else "false",
            "x-sealgate-request-id": caller.request_id,
        }


class _NotThere(Exception):
    """Nobody took the call: it may be made again."""


def _door(settings: HsmSettings, tls: ssl.SSLContext | None) -> tuple[str, aiohttp.BaseConnector]:
    if isinstance(settings.address, Path):
        return "http://hsm/", aiohttp.UnixConnector(str(settings.address), limit=settings.connections)
    url = urlsplit(settings.address)
    if url.scheme not in {"http", "https"} or not url.netloc or url.path not in {"", "/"}:
        raise ValueError(f"the key service's address must be http(s)://host:port, not {settings.address}")
    connector = aiohttp.TCPConnector(limit=settings.connections, ssl=tls if tls is not None else True)
    return f"{url.scheme}://{url.netloc}/", connector


def _base64(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"no JSON for {type(value).__name__}")


def _document(answer: bytes) -> dict[str, Any]:
    try:
        document = json.loads(answer)
    except ValueError as exc:
        raise KeyUnavailable("the key service did not answer JSON", code="MalformedResponse") from exc
    if not isinstance(document, dict):
        raise KeyUnavailable("the key service did not answer a document", code="MalformedResponse")
    return document


def _with_bytes(document: dict[str, Any]) -> KmsDocument:
    for name in _BLOBS:
        if name in document:
            try:
                document[name] = base64.b64decode(document[name], validate=True)
            except (binascii.Error, TypeError, ValueError) as exc:
                raise KeyUnavailable(f"{name} is not Base64", code="MalformedResponse") from exc
    return document


def _refusal(document: Mapping[str, Any], status: int) -> KeyServiceError:
    code = str(document.get("__type", ""))
    return key_error(code, str(document.get("message", "")), status=status)
