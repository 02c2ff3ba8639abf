"""Who a client is when a proxy stands in front: X-Forwarded-For and -Proto, from trusted addresses alone.

Each proxy appends the address that it was called from. So the list is read from its right end, as long as
who wrote an entry is trusted: the first that is not is the client. What stands left of it anybody may have
written.
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address


class TrustedProxies:
    """Built once from networks in CIDR form; ValueError where one is none."""

    __slots__ = ("_networks",)

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(map(ip_network, networks))

    def origin(self, peer: str, headers: Mapping[str, str], *, secure: bool) -> tuple[str, bool]:
        """The client's address, and whether it came by TLS; what the connection says, unless the peer is
        trusted.
        """
        if not self._networks:
            return peer, secure
        address = _maybe_address(peer)
        if address is None or not self._trusts(address):
            return peer, secure
        proto = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        told = {"https": True, "http": False}.get(proto, secure)
        return str(self._client(address, headers.get("x-forwarded-for", ""))), told

    def _client(self, peer: Address, forwarded_for: str) -> Address:
        """An entry that is no address ends the list: its writer is the last that is known."""
        client = peer
        for entry in reversed(forwarded_for.split(",") if forwarded_for else []):
            address = _maybe_address(_without_port(entry.strip()))
            if address is None:
                return client
            client = address
            if not self._trusts(client):
                return client
        return client

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


NOBODY = TrustedProxies()


def _maybe_address(text: str) -> Address | None:
    """An IPv4 address that came over an IPv6 socket is that IPv4 address."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _without_port(entry: str) -> str:
    """Some proxies write 192.0.2.1:4711 or [2001:db8::1]:4711."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
