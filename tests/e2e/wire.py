"""Requests by hand, where an SDK would not send what the test needs.

Signed by botocore's signer and, chunk by chunk, by a few lines after Amazon's "Transferring Payload in
Multiple Chunks" and "Including Trailing Headers": nothing here is the product's own.
"""

import contextlib
import hashlib
import hmac
import http.client
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.e2e.sdk import REGION
from tests.stores.sealgate import ALICE, User

UNSIGNED = "UNSIGNED-PAYLOAD"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)

    @property
    def code(self) -> str:
        found = re.search(rb"<Code>([^<]*)</Code>", self.body)
        return found[1].decode() if found else ""


class _Signer(S3SigV4Auth):
    """botocore's, but the word for the payload is given."""

    def __init__(self, user: User, payload: str) -> None:
        credentials = Credentials(user.access_key, user.secret_key, user.session_token or None)  # type: ignore[no-untyped-call]  # botocore has no annotations
        super().__init__(credentials, "s3", REGION)  # type: ignore[no-untyped-call]  # the same
        self._payload = payload

    def payload(self, _request: Any) -> str:
        return self._payload


def sign(
    method: str, url: str, headers: Mapping[str, str], *, payload_hash: str, user: User = ALICE
) -> dict[str, str]:
    """All headers of the request, signature included.

    However the path is spelled, what is signed is its canonical spelling ("Create a signed AWS API request").
    """
    place = urllib.parse.urlsplit(url)
    segments = [urllib.parse.unquote_to_bytes(segment) for segment in place.path.split("/")]
    canonical = "/".join(urllib.parse.quote(segment, safe="~") for segment in segments)
    request: Any = AWSRequest(
        method=method, url=place._replace(path=canonical).geturl(), headers=dict(headers)
    )  # type: ignore[no-untyped-call]  # the same
    request.context["payload_signing_enabled"] = True
    _Signer(user, payload_hash).add_auth(request)  # type: ignore[no-untyped-call]  # the same
    return dict(request.headers.items())


def send(
    method: str,
    url: str,
    body: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    payload_hash: str | None = None,
    user: User = ALICE,
    connect_to: str = "",
) -> Answer:
    """A signed request; without payload_hash it is the body's own SHA-256."""
    hashed = payload_hash or hashlib.sha256(body).hexdigest()
    signed = sign(method, url, headers or {}, payload_hash=hashed, user=user)
    return send_as_is(method, url, body, headers=signed, connect_to=connect_to)


def send_as_is(
    method: str, url: str, body: bytes = b"", *, headers: Mapping[str, str], connect_to: str = ""
) -> Answer:
    """A request with these headers and no others but Host and Content-Length.

    connect_to is the URL of the server that takes it, where the host's name leads elsewhere.
    """
    place = urllib.parse.urlsplit(url)
    target = (place.path or "/") + (f"?{place.query}" if place.query else "")
    with _connection(urllib.parse.urlsplit(connect_to or url).netloc) as connection:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        if "host" not in {name.lower() for name in headers}:
            connection.putheader("Host", place.netloc)
        for name, value in headers.items():
            connection.putheader(name, value.encode())
        if method in {"PUT", "POST"}:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(status=answer.status, headers=told, body=answer.read())


@contextlib.contextmanager
def _connection(netloc: str) -> Iterator[http.client.HTTPConnection]:
    with contextlib.closing(http.client.HTTPConnection(netloc, timeout=30)) as connection:
        yield connection


def put_chunked(
    url: str,
    plain: bytes,
    *,
    coding: str,
    chunk_bytes: int = 65_536,
    trailer: tuple[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    user: User = ALICE,
) -> Answer:
    """PUT in the aws-chunked coding: an object of `plain`, cut into chunks, then the trailer."""
    announced = {"x-amz-trailer": trailer[0]} if trailer else {}
    head = {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(plain)),
        **announced,
        **(headers or {}),
    }
    signed = sign("PUT", url, head, payload_hash=coding, user=user)
    chain = _Chain(signed, user) if coding != UNSIGNED_TRAILER else None
    chunks = [plain[at : at + chunk_bytes] for at in range(0, len(plain), chunk_bytes)] + [b""]
    body = b"".join(_chunk(chunk, chain) for chunk in chunks) + _trailer(trailer, chain) + b"\r\n"
    return send_as_is("PUT", url, body, headers=signed)


class _Chain:
    """Each signature covers the one before it; the first covers the request's own."""

    def __init__(self, signed: Mapping[str, str], user: User) -> None:
        authorization = signed["Authorization"]
        self._last = authorization.rpartition("Signature=")[2]
        self._time = signed["X-Amz-Date"]
        self._scope = f"{self._time[:8]}/{REGION}/s3/aws4_request"
        key = f"AWS4{user.secret_key}".encode()
        for step in self._scope.split("/"):
            key = hmac.digest(key, step.encode(), "sha256")
        self._key = key

    def next(self, kind: str, *hashes: str) -> str:
        text = "\n".join([f"AWS4-HMAC-SHA256-{kind}", self._time, self._scope, self._last, *hashes])
        self._last = hmac.digest(self._key, text.encode(), "sha256").hex()
        return self._last


def _chunk(data: bytes, chain: _Chain | None) -> bytes:
    size = f"{len(data):x}"
    if chain is not None:
        hashes = (hashlib.sha256(b"").hexdigest(), hashlib.sha256(data).hexdigest())
        size += f";chunk-signature={chain.next('PAYLOAD', *hashes)}"
    return size.encode() + b"\r\n" + (data + b"\r\n" if data else b"")


def _trailer(trailer: tuple[str, str] | None, chain: _Chain | None) -> bytes:
    if trailer is None:
        return b""
    line = ":".join(trailer)
    if chain is None:
        return f"{line}\r\n".encode()
    signature = chain.next("TRAILER", hashlib.sha256(f"{line}\n".encode()).hexdigest())
    return f"{line}\r\nx-amz-trailer-signature:{signature}\r\n".encode()
