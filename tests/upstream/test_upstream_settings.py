"""What a base URL and the numbers beside it may be."""

import pytest

from proxy.upstream.settings import UpstreamSettings, address_of


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("http://store", (False, "store", 80, "store")),
        ("http://store:80/", (False, "store", 80, "store")),
        ("http://store:8333", (False, "store", 8333, "store:8333")),
        ("https://s3.example.org", (True, "s3.example.org", 443, "s3.example.org")),
        ("https://s3.example.org:80", (True, "s3.example.org", 80, "s3.example.org:80")),
        ("HTTPS://S3.Example.Org", (True, "s3.example.org", 443, "s3.example.org")),
        ("http://[::1]:9000", (False, "::1", 9000, "[::1]:9000")),
        ("https://[fe80::1]", (True, "fe80::1", 443, "[fe80::1]")),
    ],
)
def test_a_base_url_is_scheme_host_and_port(base_url: str, expected: tuple[bool, str, int, str]) -> None:
    address = address_of(base_url)

    assert (address.tls, address.host, address.port, address.host_header) == expected


@pytest.mark.parametrize(
    "base_url",
    [
        *("", "store", "//store", "ftp://store", "http://", "http:///", "http://:80", "http://store:"),
        *("http://store/path", "http://store//", "http://store?q", "http://store/?", "http://store#f"),
        *(
            "http://user@store",
            "http://user:secret@store",
            "http://@store",
            "http://store:0",
            "http://store:x",
        ),
        *("http://store:65536", "http://store:-1", "http://sto re", "http://store\r\n", "http://store\\x"),
        *("http://\u00fc", "http://[::1", "http://store\t", " http://store", "http://::1"),
    ],
)
def test_anything_else_in_a_base_url_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        UpstreamSettings(base_url=base_url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["connections", "attempts"])
def test_counts_begin_at_one(name: str) -> None:
    UpstreamSettings(base_url="http://h", **{name: 1})  # type: ignore[arg-type]  # an int by its name

    with pytest.raises(ValueError, match=name):
        UpstreamSettings(base_url="http://h", **{name: 0})  # type: ignore[arg-type]  # an int by its name


@pytest.mark.parametrize("name", ["connect_seconds", "idle_seconds", "keep_alive_seconds", "queue_seconds"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_times_are_above_nothing(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        UpstreamSettings(base_url="http://h", **{name: value})  # type: ignore[arg-type]  # a float by its name
