"""Certificates for a test, made on the spot: an authority, and what it signs, as PEM files."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    certificate_file: str
    key_file: str


class Authority:
    """Signs certificates into its directory; `ca_file` is its own."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        usage = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = _unsigned(self._name, self._name, self._key, usage).sign(
            self._key, hashes.SHA256()
        )
        self.ca_file = str(_written(directory / f"{name}.pem", _pem(self._certificate)))

    def signed(self, name: str, *, hosts: Sequence[str] = ("127.0.0.1",)) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.BasicConstraints(ca=False, path_length=None)
        unsigned = _unsigned(_name(name), self._name, key, usage)
        names = x509.SubjectAlternativeName([_host(host) for host in hosts])
        certificate = unsigned.add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Certificate(
            certificate_file=str(_written(self._directory / f"{name}.crt", _pem(certificate))),
            key_file=str(_written(self._directory / f"{name}.key", private)),
        )


def trusting(authority: Authority, shown: Certificate | None = None) -> ssl.SSLContext:
    """A client's context: it believes this authority, and shows a certificate of its own where it has one."""
    context = ssl.create_default_context(cafile=authority.ca_file)
    if shown is not None:
        context.load_cert_chain(shown.certificate_file, shown.key_file)
    return context


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, usage: x509.BasicConstraints
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(usage, critical=True)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path
