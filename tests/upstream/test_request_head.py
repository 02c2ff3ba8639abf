"""A head can never become two."""

import pytest

from proxy.upstream.request_head import request_head


def test_the_head_is_what_goes_on_the_wire() -> None:
    """Every byte of a value survives, in the order given."""
    head = request_head(
        "PUT", "/b/a%20b//c", "x-id=PutObject&a", {"host": "h:1", "x-amz-meta-a": "\u00fc\udcff"}
    )

    assert head == (
        b"PUT /b/a%20b//c?x-id=PutObject&a HTTP/1.1\r\nhost: h:1\r\nx-amz-meta-a: \xc3\xbc\xff\r\n\r\n"
    )


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "a\r\nx: y", "\r\n\r\nGET / HTTP/1.1"])
@pytest.mark.parametrize("place", ["name", "first value", "last value", "method", "path", "query"])
def test_a_break_is_refused_wherever_it_stands(place: str, bad: str) -> None:
    """Header and request splitting."""
    parts = {"method": "GET", "path": "/k", "query": "q", "name": "n", "first value": "v", "last value": "w"}
    parts[place] += bad

    with pytest.raises(ValueError, match=r"character|token|value"):
        request_head(
            parts["method"],
            parts["path"],
            parts["query"],
            {"host": "h", "a": parts["first value"], parts["name"]: parts["last value"]},
        )


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        *(("get", "/", ""), ("", "/", ""), ("GET", "", ""), ("GET", "b/k", ""), ("GET", "/a b", "")),
        *(("GET", "/a?b", ""), ("GET", "/a", "b c"), ("GET", "/\u00fc", ""), ("GET", "/a#b", "")),
        *(("GET", "/a", "b#c"), ("GET", "http://h/", ""), ("GET", "/a\x7f", "")),
    ],
)
def test_what_must_be_percent_encoded_is_refused(method: str, path: str, query: str) -> None:
    with pytest.raises(ValueError, match="percent-encoded"):
        request_head(method, path, query, {"host": "h"})


@pytest.mark.parametrize("name", ["", "A", "a b", "a:", "\u00fc", "a\t"])
def test_a_name_is_a_lower_case_token(name: str) -> None:
    with pytest.raises(ValueError, match="token"):
        request_head("GET", "/", "", {"host": "h", name: "v"})
