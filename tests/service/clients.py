"""SDK clients with one try each, and a client that sends and takes at the pace a test wants."""

import contextlib
import socket
import ssl
import urllib.parse
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config

from tests.stores.sealgate import ALICE, User
from tests.stores.seaweedfs import Store

MIB = 1 << 20
TIMEOUT_SECONDS = 30.0


@contextlib.contextmanager
def client(
    service: str, url: str, user: User = ALICE, *, verify: str | None = None, **settings: Any
) -> Iterator[Any]:
    """boto3's; `settings` go to its Config. Its presigned URLs are SigV4's, which is not its default."""
    if service == "s3":
        settings["signature_version"] = "s3v4"
    config = Config(retries={"total_max_attempts": 1}, **settings)  # type: ignore[no-untyped-call]  # botocore is not annotated
    made = boto3.session.Session().client(  # type: ignore[no-untyped-call]  # nor is boto3
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=user.access_key,
        aws_secret_access_key=user.secret_key,
        aws_session_token=user.session_token or None,
        verify=verify,
        config=config,
    )
    with contextlib.closing(made):
        yield made


@contextlib.contextmanager
def bare(store: Store) -> Iterator[Any]:
    """The store itself, without the proxy."""
    owner = User(name="owner", account="", access_key=store.access_key, secret_key=store.secret_key)
    with client("s3", store.url, owner) as made:
        yield made


class Paced:
    """One presigned request over one connection, piece by piece."""

    def __init__(self, url: str, method: str, *, length: int = 0, tls: ssl.SSLContext | None = None) -> None:
        place = urllib.parse.urlsplit(url)
        opened = socket.socket()
        # A small window: what the test does not read must wait in the service, not in the kernel.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        opened.settimeout(TIMEOUT_SECONDS)
        opened.connect((place.hostname or "", place.port or 0))
        self.socket = tls.wrap_socket(opened, server_hostname=place.hostname) if tls else opened
        head = [f"{method} {place.path}?{place.query} HTTP/1.1", f"Host: {place.netloc}"]
        if length:
            head.append(f"Content-Length: {length}")
        self.socket.sendall("\r\n".join([*head, "", ""]).encode())
        self._received = b""

    def send(self, piece: bytes) -> None:
        self.socket.sendall(piece)

    def head(self) -> str:
        """Status line and headers of the answer."""
        while b"\r\n\r\n" not in self._received:
            self._take()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        return head.decode()

    def body(self, length: int) -> bytes:
        """So many bytes more, or fewer where the connection ended."""
        try:
            while len(self._received) < length:
                self._take()
        except ConnectionError:
            pass
        taken, self._received = self._received[:length], self._received[length:]
        return taken

    def _take(self) -> None:
        more = self.socket.recv(262_144)
        if not more:
            raise ConnectionResetError("the other side ended")
        self._received += more

    def close(self) -> None:
        self.socket.close()


@contextlib.contextmanager
def paced(s3: Any, method: str, bucket: str, key: str, **settings: Any) -> Iterator[Paced]:
    """GET or PUT of an object, as whom the client signs."""
    url = s3.generate_presigned_url(f"{method.lower()}_object", Params={"Bucket": bucket, "Key": key})
    with contextlib.closing(Paced(url, method, **settings)) as made:
        yield made
