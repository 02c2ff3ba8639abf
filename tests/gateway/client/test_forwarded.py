"""The client's address behind proxies: nobody becomes another by what they write into a header."""

import pytest

from proxy.gateway.client.forwarded import TrustedProxies

TRUSTED = TrustedProxies(["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7/32"])
STRANGER = "203.0.113.9"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("10.1.2.3", "203.0.113.9", "203.0.113.9"),
        ("10.1.2.3", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.1.2.3", "203.0.113.9, 10.9.9.9", "203.0.113.9"),
        ("10.1.2.3", "203.0.113.9,192.0.2.7 , 10.9.9.9", "203.0.113.9"),
        ("10.1.2.3", "10.5.5.5", "10.5.5.5"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", "unknown", "10.1.2.3"),
        ("10.1.2.3", "203.0.113.9, unknown", "10.1.2.3"),
        ("10.1.2.3", "203.0.113.9, unknown, 10.9.9.9", "10.9.9.9"),
        ("10.1.2.3", "203.0.113.9,", "10.1.2.3"),
        ("10.1.2.3", "203.0.113.9:4711", "203.0.113.9"),
        ("10.1.2.3", "[2001:db8:2::1]:4711", "2001:db8:2::1"),
        ("10.1.2.3", "2001:db8:2::1", "2001:db8:2::1"),
        ("10.1.2.3", "::ffff:203.0.113.9", "203.0.113.9"),
        ("10.1.2.3", "' OR 1=1 --", "10.1.2.3"),
        ("::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"),
        ("2001:db8:1::5", "203.0.113.9", "203.0.113.9"),
        ("192.0.2.8", "203.0.113.9", "192.0.2.8"),
        (STRANGER, "10.0.0.1", STRANGER),
        (STRANGER, "", STRANGER),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_first_from_the_right_that_is_not_trusted_is_the_client(
    peer: str, forwarded_for: str, client: str
) -> None:
    headers = {"x-forwarded-for": forwarded_for} if forwarded_for else {}

    assert TRUSTED.origin(peer, headers, secure=False) == (client, False)


@pytest.mark.parametrize(
    ("peer", "proto", "secure", "expected"),
    [
        ("10.0.0.1", "https", False, True),
        ("10.0.0.1", "HTTPS", False, True),
        ("10.0.0.1", "http", True, False),
        ("10.0.0.1", "https, http", False, False),
        ("10.0.0.1", "gopher", True, True),
        ("10.0.0.1", "", True, True),
        (STRANGER, "https", False, False),
        (STRANGER, "http", True, True),
    ],
)
def test_the_nearest_proxy_says_how_the_client_came(
    *, peer: str, proto: str, secure: bool, expected: bool
) -> None:
    _, told = TRUSTED.origin(peer, {"x-forwarded-proto": proto}, secure=secure)

    assert told is expected


def test_without_trusted_proxies_the_headers_mean_nothing() -> None:
    headers = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}

    assert TrustedProxies().origin("127.0.0.1", headers, secure=False) == ("127.0.0.1", False)


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "proxy.example.com", "10.0.0.0/33", ""])
def test_what_is_no_network_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"network|IPv4|IPv6|host bits"):
        TrustedProxies([wrong])
