"""Requests as no SDK would send them: bytes on a socket, and what comes back, whole or torn.

Each talk comes from a loopback address of its own unless told otherwise: the proxy counts wrong signatures by
address, and one test's must not slow another's. Signatures are botocore's.
"""

import contextlib
import http.client
import random
import re
import socket
import unittest.mock
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.e2e.sdk import REGION
from tests.e2e.wire import UNSIGNED, sign
from tests.stores.sealgate import ALICE, User

TIMEOUT_SECONDS = 30
TORN = (http.client.IncompleteRead, ConnectionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer as far as it came."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)
    torn: bool
    """The connection ended before the body's declared end."""

    @property
    def code(self) -> str:
        found = re.search(rb"<Code>([^<]*)</Code>", self.body)
        return found[1].decode() if found else ""

    @property
    def told(self) -> tuple[int, str]:
        return self.status, self.code

    @property
    def request_id(self) -> str:
        return self.headers["x-amz-request-id"]


class Talk:
    """One connection to a server, by hand."""

    def __init__(self, url: str, *, source: str = "") -> None:
        self.netloc = urllib.parse.urlsplit(url).netloc
        host, _, port = self.netloc.partition(":")
        came_from = (source or own_address(), 0)
        self._socket = socket.create_connection(
            (host, int(port)), timeout=TIMEOUT_SECONDS, source_address=came_from
        )

    def head(self, method: str, target: str, headers: Mapping[str, str]) -> None:
        """The head alone; Host is added where headers have none."""
        lines = [f"{method} {target} HTTP/1.1"]
        if "host" not in {name.lower() for name in headers}:
            lines.append(f"Host: {self.netloc}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def send(self, data: bytes) -> None:
        """What an answer that came early makes unsendable is not sent."""
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(data)

    def end_of_sending(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def got(self, method: str = "GET") -> Got:
        """The next answer, in small reads: so what came before a tear is kept."""
        response = http.client.HTTPResponse(self._socket, method=method)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        body, torn = bytearray(), False
        try:
            while piece := response.read1(16_384):
                body += piece
        except TORN:
            torn = True
        torn = torn or (method != "HEAD" and len(body) < int(headers.get("content-length", 0)))
        response.close()
        return Got(status=response.status, headers=headers, body=bytes(body), torn=torn)

    def status_ahead(self) -> int:
        """Of the answer that comes next, an interim one too; it stays to be read."""
        return int(self._socket.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL).split()[1])

    def is_over(self, *, within_seconds: float = 1.0) -> bool:
        """Whether the other side ends the connection without another word."""
        self._socket.settimeout(within_seconds)
        try:
            return self._socket.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    def reset(self) -> None:
        """Leave without a word, as a crashed client's system does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._socket.close()

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def talking(url: str, *, source: str = "") -> Iterator[Talk]:
    with contextlib.closing(Talk(url, source=source)) as talk:
        yield talk


def own_address() -> str:
    """Some address of 127.0.0.0/8 that nobody else in the run is likely to use."""
    return f"127.{random.randint(1, 254)}.{random.randint(0, 254)}.{random.randint(1, 254)}"  # noqa: S311  # no secret


def target_of(url: str) -> str:
    place = urllib.parse.urlsplit(url)
    return (place.path or "/") + (f"?{place.query}" if place.query else "")


def ask(
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    body: bytes = b"",
    user: User = ALICE,
    source: str = "",
) -> Got:
    """A well-signed request with an unsigned payload, and its answer, whole or torn."""
    signed = sign(method, url, headers or {}, payload_hash=UNSIGNED, user=user)
    return send_as_is(method, url, signed, body, source=source)


def send_as_is(
    method: str, url: str, headers: Mapping[str, str], body: bytes = b"", *, source: str = ""
) -> Got:
    """These headers, Host, and Content-Length where there is a body."""
    length = {"Content-Length": str(len(body))} if body or method in {"PUT", "POST"} else {}
    with talking(url, source=source) as talk:
        talk.head(method, target_of(url), {**length, **headers})
        talk.send(body)
        return talk.got(method)


@contextlib.contextmanager
def signing_at(*, seconds_from_now: float) -> Iterator[None]:
    """What is signed in here bears another time."""
    when = datetime.now(UTC) + timedelta(seconds=seconds_from_now)
    with unittest.mock.patch("botocore.auth.get_current_datetime", return_value=when):
        yield


def presigned(
    method: str,
    url: str,
    *,
    expires: int = 300,
    user: User = ALICE,
    headers: Mapping[str, str] | None = None,
) -> str:
    """The URL with its signature in the query. These headers are signed with it, and must go along."""
    credentials = Credentials(user.access_key, user.secret_key)  # type: ignore[no-untyped-call]  # botocore has no annotations
    request: Any = AWSRequest(method=method, url=url, headers=dict(headers or {}))  # type: ignore[no-untyped-call]  # the same
    S3SigV4QueryAuth(credentials, "s3", REGION, expires=expires).add_auth(request)  # type: ignore[no-untyped-call]  # the same
    return str(request.url)
