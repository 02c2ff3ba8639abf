"""The canonical forms, by table and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.auth.canonical import canonical_headers, canonical_path, canonical_query, query_pairs

S3_PATHS = {
    "": "/",
    "/": "/",
    "/a": "/a",
    "//a///b//": "//a///b//",
    "/a/../b/./c/..": "/a/../b/./c/..",
    "/a%2Fb": "/a%2Fb",
    "/a%2fb": "/a%2Fb",
    "/%41%7e%2D": "/A~-",
    "/a+b": "/a%2Bb",
    "/a%2Bb": "/a%2Bb",
    "/a b": "/a%20b",
    "/$!'()*,;=:@&": "/%24%21%27%28%29%2A%2C%3B%3D%3A%40%26",
    "/é": "/%C3%A9",
    "/%c3%a9": "/%C3%A9",
    "/\udcff": "/%FF",
    "/%FF": "/%FF",
    "/100%": "/100%25",
    "/%zz%4": "/%25zz%254",
    "/%2541": "/%2541",
    "/_~.-": "/_~.-",
}

OTHER_PATHS = {
    "": "/",
    "/": "/",
    "//": "/",
    "/a//b": "/a/b",
    "/a/./b/": "/a/b/",
    "/a/../../b": "/b",
    "/a/b/..": "/a",
    "/a/b/../": "/a/",
    "/..": "/",
    "/a%20b": "/a%2520b",
    "/a%2Fb": "/a%252Fb",
    "/a b": "/a%20b",
    "/\udcff": "/%FF",
}

QUERIES = {
    "": "",
    "a": "a=",
    "a=": "a=",
    "a=b=c": "a=b%3Dc",
    "b=1&a=2": "a=2&b=1",
    "a=2&a=10&a=1": "a=1&a=10&a=2",
    "a=1&a=1": "a=1&a=1",
    "a-=1&a=2": "a=2&a-=1",
    "B=1&a=2&A=3": "A=3&B=1&a=2",
    "&a=1&&b=2&": "a=1&b=2",
    "=v": "=v",
    "a=x+y": "a=x%20y",
    "a=x%20y": "a=x%20y",
    "a=x%2By": "a=x%2By",
    "a=x/y": "a=x%2Fy",
    "a=x%2fy": "a=x%2Fy",
    "%61=1": "a=1",
    "é=\udcff": "%C3%A9=%FF",
    "a=%": "a=%25",
    "uploadId=a~b-c_d.e": "uploadId=a~b-c_d.e",
}

HEADER_VALUES = {
    "v": "v",
    "": "",
    "  v  ": "v",
    "\tv\t": "v",
    "a  b": "a b",
    "a \t b": "a b",
    "a\tb": "a b",
    '"a   b"': '"a b"',
    "a: b": "a: b",
    "\u00a0v\u3000": "\u00a0v\u3000",
    " \u00a0v\u3000 ": "\u00a0v\u3000",
}


@pytest.mark.parametrize(("raw", "expected"), S3_PATHS.items(), ids=ascii)
def test_an_s3_path_is_encoded_once_and_never_normalised(raw: str, expected: str) -> None:
    assert canonical_path(raw, "s3") == expected


@pytest.mark.parametrize(("raw", "expected"), OTHER_PATHS.items(), ids=ascii)
def test_other_paths_are_normalised_and_encoded_again(raw: str, expected: str) -> None:
    assert canonical_path(raw, "kms") == expected


@pytest.mark.parametrize(("raw", "expected"), QUERIES.items(), ids=ascii)
def test_a_query_is_sorted_and_encoded(raw: str, expected: str) -> None:
    assert canonical_query(raw) == expected


@pytest.mark.parametrize(("raw", "expected"), HEADER_VALUES.items(), ids=ascii)
def test_only_blanks_of_a_header_value_are_trimmed_and_collapsed(raw: str, expected: str) -> None:
    """Whatever else Unicode holds for white space is part of the value."""
    assert canonical_headers(["a", "b"], {"a": raw, "b": "x", "c": "y"}) == f"a:{expected}\nb:x\n"


@given(st.text("aA0%2fF/.~-+ é\udcff&="))
def test_canonical_is_final(raw: str) -> None:
    """What has the form keeps it, so forwarding a canonical request does not change what is signed."""
    path, query = canonical_path(f"/{raw}", "s3"), canonical_query(raw)

    assert canonical_path(path, "s3") == path
    assert canonical_query(query) == query
    assert sorted(query_pairs(query)) == query_pairs(raw)


@given(st.integers(0, 255))
def test_each_byte_has_one_form_however_it_is_written(byte: int) -> None:
    """The fast way past canonical text must not let another spelling through."""
    upper = canonical_path(f"/a%{byte:02X}", "s3")

    assert canonical_path(f"/a%{byte:02x}", "s3") == upper
    assert canonical_query(f"%{byte:02x}") == upper.removeprefix("/a") + "="
    assert upper in {f"/a{chr(byte)}", f"/a%{byte:02X}"}
    assert (upper == f"/a{chr(byte)}") == (
        chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "-._~")
    )
