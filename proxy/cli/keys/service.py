"""The key service as a person's command calls it: one signed request and its answer.

Where it is and who asks come from the configuration. Waits, and knows nothing of what is asked.
"""

import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import click

from proxy.auth.sigv4 import Credentials, Signer
from proxy.cli.options import ConfigRefused
from proxy.config.schema import Config, Identity

TIMEOUT_SECONDS: Final = 30.0
OURS: Final = frozenset({"GetBill", "GetQuotas", "GetUsage"})
"""What AWS's API does not have (docs/kms-api.md)."""

Document = dict[str, Any]


HINTS: Final = {
    "KMSInternalException": "the service's log says why",
    "NotFoundException": "`sealgate keys list` shows those there are",
    "UnrecognizedClientException": "a new identity is known after `sealgate reload`",
}
"""What to do, where AWS's message does not say so."""


class Refused(click.ClickException):
    """The key service said no. `code` is AWS's error name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(": ".join(filter(None, (code, message.rstrip("."), HINTS.get(code)))))
        self.code, self.said = code, message


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyService:
    """`endpoint` is an http(s) URL, or the path of a Unix socket."""

    endpoint: str
    region: str
    credentials: Credentials

    def ask(self, action: str, **request: Any) -> Document:
        """Members that are None are left out. Raises Refused, or ClickException where nobody answers."""
        body = json.dumps({name: value for name, value in request.items() if value is not None}).encode()
        connection = _connection(self.endpoint)
        try:
            connection.request("POST", "/", body, self._signed(action, body, connection.host))
            answer = connection.getresponse()
            return _document(answer.status, answer.read())
        except (OSError, http.client.HTTPException) as exc:
            raise click.ClickException(_silence(self.endpoint, exc)) from None
        finally:
            connection.close()

    def pages(self, action: str, member: str, **request: Any) -> Iterator[Any]:
        """All items of a list that comes in pages."""
        marker = None
        while True:
            answer = self.ask(action, Marker=marker, **request)
            yield from answer[member]
            marker = answer.get("NextMarker")
            if marker is None:
                return

    def _signed(self, action: str, body: bytes, host: str) -> dict[str, str]:
        sent = {
            "host": host,
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"{'Sealgate' if action in OURS else 'TrentService'}.{action}",
        }
        signer = Signer(self.credentials, region=self.region, service="kms")
        digest = sha256(body).hexdigest()
        added = signer.sign(
            method="POST", path="/", query="", headers=sent, payload_hash=digest, now=datetime.now(UTC)
        )
        return {**sent, **added}


def _silence(endpoint: str, error: Exception) -> str:
    why = getattr(error, "strerror", None) or type(error).__name__
    is_anothers = isinstance(error, PermissionError)
    remedy = "run this as the user that the service runs as" if is_anothers else "does it run?"
    return f"the key service at {endpoint} does not answer: {why}: {remedy}"


def key_service(config: Config, *, identity: str | None, region: str | None) -> KeyService:
    """Raises ConfigRefused where the configuration names no key service, or not who asks."""
    if config.hsm is None:
        raise ConfigRefused(["hsm: is missing: these commands are for the built-in key service"])
    listen, regions = config.hsm.listen, config.hsm.regions
    if region is not None and region not in regions:
        raise ConfigRefused([f"--region: {region} is none of hsm.regions: {', '.join(regions)}"])
    # A port with TLS may want a certificate of whoever calls, and have an address that none can call.
    by_port = listen if listen and not listen.tls else None
    return KeyService(
        endpoint=f"http://{_shown(by_port.address)}:{by_port.port}" if by_port else config.hsm.socket,
        region=region or regions[0],
        credentials=_credentials(config, identity),
    )


def _credentials(config: Config, name: str | None) -> Credentials:
    """Of the identity that was named, else of the only one there is, else of the environment."""
    able = [each for each in config.identities if not each.disabled]
    found = [each for each in able if name in {None, each.name, each.arn}]
    if len(found) == 1:
        return _first_key(found[0])
    access_key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if name is None and access_key and secret:
        token = os.environ.get("AWS_SESSION_TOKEN", "")
        return Credentials(access_key=access_key, secret=secret, session_token=token)
    known = ", ".join(each.name for each in able)
    if found and name:
        listed = ", ".join(each.arn for each in found)
        raise ConfigRefused([f"--identity: {name}: several are called that: give an ARN: {listed}"])
    problem = f"{name} is none of them" if name else "must say who asks"
    raise ConfigRefused([f"--identity: {problem}: {known}"])


def _first_key(identity: Identity) -> Credentials:
    key = identity.access_keys[0]
    token = key.session_token.reveal() if key.session_token else ""
    return Credentials(
        access_key=key.access_key_id, secret=key.secret_access_key.reveal(), session_token=token
    )


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("hsm", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(self._path)


def _connection(endpoint: str) -> http.client.HTTPConnection:
    url = urlsplit(endpoint)
    if not url.netloc:
        return _SocketConnection(endpoint)
    if url.scheme == "https":
        return http.client.HTTPSConnection(
            url.netloc, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    return http.client.HTTPConnection(url.netloc, timeout=TIMEOUT_SECONDS)


def _document(status: int, body: bytes) -> Document:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, Mapping):
        raise click.ClickException(f"the key service answered {status} without a document")
    if status != 200:
        raise Refused(str(document.get("__type", status)), str(document.get("message", "")))
    return dict(document)


def _shown(address: str) -> str:
    return f"[{address}]" if ":" in address else address
