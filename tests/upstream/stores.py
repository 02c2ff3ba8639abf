"""What the tests of this room share: scripts that a raw store plays, and a certificate authority."""

import asyncio
import datetime as dt
import ipaddress
import re
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from proxy.upstream.messages import Request, Response, Upstream
from proxy.upstream.settings import verifying_context

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., Awaitable[str]]
Open = Callable[..., Upstream]

GET = Request(method="GET", path="/bucket/key")
PUT = Request(method="PUT", path="/bucket/key")
POST = Request(method="POST", path="/bucket/key")


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)\r\n", head)
    return head, await reader.readexactly(int(length[1])) if length else b""


def answers(*answers: bytes, then_close: bool = False, step: int = 0) -> Script:
    """Answer each request with the next bytes, the last for ever; step bytes at a time."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = list(answers)
        while True:
            await read_request(reader)
            answer = left.pop(0) if len(left) > 1 else left[0]
            for at in range(0, len(answer), step or len(answer) or 1):
                writer.write(answer[at : at + (step or len(answer))])
                await writer.drain()
                if step:
                    await asyncio.sleep(0)
            if then_close:
                return

    return script


def plain_answer(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


def pool_of(upstream: Upstream) -> str:
    """The pool's own account of itself."""
    found = re.search(r"<Pool .*?>", repr(upstream))
    assert found is not None
    return found[0]


def empty(limit: int = 128) -> str:
    return f"<Pool busy=0 idle=0 connecting=0 waiting=0 limit={limit}>"


def one_idle(limit: int = 128) -> str:
    return f"<Pool busy=0 idle=1 connecting=0 waiting=0 limit={limit}>"


async def fetch(upstream: Upstream, request: Request = GET, body: bytes = b"") -> tuple[int, bytes]:
    async with upstream.open(request, body) as response:
        return response.status, await response.read(limit=1 << 20)


async def filled(response: Response, *, size: int, at_least: int) -> bytes:
    """The whole body, through a buffer of this size."""
    buffer, whole = memoryview(bytearray(size)), bytearray()
    while count := await response.fill(buffer, at_least=at_least):
        whole += buffer[:count]
    return bytes(whole)


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    issuer: str,
    signed_by: ec.EllipticCurvePrivateKey,
    ca: bool,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key()), critical=False
        )
    )
    if not ca:
        name: x509.GeneralName = x509.DNSName(subject)
        if subject[0].isdigit():
            name = x509.IPAddress(ipaddress.ip_address(subject))
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=False)
    return builder.sign(signed_by, hashes.SHA256())


class Authority:
    """A certificate authority for one test run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._ca = _certificate("test ca", self._key, issuer="test ca", signed_by=self._key, ca=True)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self._ca.public_bytes(serialization.Encoding.PEM))

    def server(self, name: str) -> ssl.SSLContext:
        """A server's context with a certificate for this name or address."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(name, key, issuer="test ca", signed_by=self._key, ca=False)
        file = self._folder / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def client(self) -> ssl.SSLContext:
        return verifying_context(str(self.ca_file))
