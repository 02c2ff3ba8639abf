"""What a connection to one store needs to know. The configuration maps to it; nothing here reads a file.

A base URL names a scheme, a host and a port and nothing else: a path or a query in it would be signed by one
side only, and a password in it would end in logs.
"""

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from proxy.upstream.capabilities import PRESETS, Capabilities
from proxy.upstream.integrity import Integrity, lacking

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a store listens."""

    tls: bool
    host: str
    port: int
    host_header: str
    """The host as it is sent and signed; the port only where it is not the scheme's own (RFC 9110, 7.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """One store. ValueError names the field that cannot be."""

    base_url: str
    connections: int = 128
    """Open at once, idle ones among them; a request that finds none free waits."""
    queue_seconds: float = 10.0
    """How long it waits for one."""
    connect_seconds: float = 5.0
    """For name lookup, TCP and TLS together."""
    idle_seconds: float = 60.0
    """How long no byte may move while we wait for one. There is no limit on a transfer's whole time."""
    keep_alive_seconds: float = 20.0
    """How long an unused connection is kept; below the 30 to 75 s after which servers commonly close it."""
    attempts: int = 3
    capabilities: Capabilities = field(default=PRESETS["generic"])
    integrity: Integrity = Integrity.NONE

    def __post_init__(self) -> None:
        address_of(self.base_url)
        for name in ("connections", "attempts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("queue_seconds", "connect_seconds", "idle_seconds", "keep_alive_seconds"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be above 0")
        if missing := lacking(self.integrity, self.capabilities):
            raise ValueError(f"integrity: {self.integrity} needs a store with {', '.join(missing)}")


def address_of(base_url: str) -> Address:
    """The address in `http[s]://host[:port]`. ValueError where it holds anything else; it never shows it."""
    if not base_url.isascii() or any(c <= " " or c == "\x7f" for c in base_url):
        raise ValueError("base_url: a blank, a control character or one beyond ASCII")
    parts = urlsplit(base_url)
    if "@" in parts.netloc:
        raise ValueError("base_url: credentials do not belong in a URL")
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("base_url: must begin with http:// or https://")
    if parts.path not in ("", "/") or any(mark in base_url for mark in "?#\\"):
        raise ValueError("base_url: host and port only, without path, query or fragment")
    if not parts.hostname or parts.netloc.endswith(":"):
        raise ValueError("base_url: no host, or a colon without a port")
    port = DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    if port == 0:
        raise ValueError("base_url: port 0")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = name if port == DEFAULT_PORTS[parts.scheme] else f"{name}:{port}"
    return Address(tls=parts.scheme == "https", host=parts.hostname, port=port, host_header=shown)


def verifying_context(ca_file: str | None = None) -> ssl.SSLContext:
    """TLS 1.2 at least, trusting the system's authorities or only those in ca_file (PEM).

    OSError where the file cannot be read or holds none.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def check_tls(address: Address, context: ssl.SSLContext | None) -> None:
    """ValueError where https has no context, http has one, or it would not verify the host's name."""
    if address.tls != (context is not None):
        raise ValueError("a TLS context belongs to https, and to nothing else")
    if context is not None and not (context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED):
        raise ValueError("the TLS context must verify certificate and host name")
