"""A client's own key: three headers that are right together, or a refusal that holds no byte of the key."""

import base64
from hashlib import md5
from typing import Any

import pytest

from proxy.s3.customer_key import (
    ALGORITHM,
    INCOMPATIBLE,
    INVALID_KEY,
    KEY,
    KEY_MD5,
    NO_ALGORITHM,
    NO_KEY,
    NO_MD5,
    SOURCE,
    WRONG_ALGORITHM,
    WRONG_MD5,
    CustomerKey,
    maybe_customer_key,
    source_headers,
)
from proxy.s3.encryption import ALGORITHM as SSE
from proxy.s3.encryption import BUCKET_KEY, CONTEXT, KEY_ID, parse_encryption
from proxy.s3.errors import S3Error

PLAIN = bytes(range(100, 132))


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def headers_for(plain: bytes = PLAIN, **changes: str | None) -> dict[str, str]:
    """The three headers of a key; `changes` by their last word, None takes one away."""
    told: dict[str, Any] = {
        "algorithm": "AES256",
        "key": in_base64(plain),
        "md5": in_base64(md5(plain, usedforsecurity=False).digest()),
    } | changes
    names = {"algorithm": ALGORITHM, "key": KEY, "md5": KEY_MD5}
    return {names[word]: value for word, value in told.items() if value is not None}


MALFORMED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "no algorithm": ({"algorithm": None}, "InvalidArgument", NO_ALGORITHM, ALGORITHM),
    "empty algorithm": ({"algorithm": ""}, "InvalidArgument", NO_ALGORITHM, ALGORITHM),
    "another algorithm": (
        {"algorithm": "AES128"},
        "InvalidEncryptionAlgorithmError",
        WRONG_ALGORITHM,
        ALGORITHM,
    ),
    "lower case": ({"algorithm": "aes256"}, "InvalidEncryptionAlgorithmError", WRONG_ALGORITHM, ALGORITHM),
    "no key": ({"key": None}, "InvalidArgument", NO_KEY, KEY),
    "empty key": ({"key": ""}, "InvalidArgument", NO_KEY, KEY),
    "no MD5": ({"md5": None}, "InvalidArgument", NO_MD5, KEY_MD5),
    "31 bytes": (headers_for(PLAIN[:31]), "InvalidArgument", INVALID_KEY, KEY),
    "33 bytes": (headers_for(PLAIN + b"x"), "InvalidArgument", INVALID_KEY, KEY),
    "16 bytes": (headers_for(PLAIN[:16]), "InvalidArgument", INVALID_KEY, KEY),
    "no base64": ({"key": "?" * 44}, "InvalidArgument", INVALID_KEY, KEY),
    "base64 without its end": ({"key": in_base64(PLAIN)[:-1]}, "InvalidArgument", INVALID_KEY, KEY),
    "no ASCII": ({"key": "ü" * 44}, "InvalidArgument", INVALID_KEY, KEY),
    "a key twice": ({"key": f"{in_base64(PLAIN)},{in_base64(PLAIN)}"}, "InvalidArgument", INVALID_KEY, KEY),
    "another key's MD5": ({"md5": in_base64(md5(b"x").digest())}, "InvalidArgument", WRONG_MD5, KEY_MD5),  # noqa: S324  # S3's own
    "MD5 in hex": ({"md5": md5(PLAIN).hexdigest()}, "InvalidArgument", WRONG_MD5, KEY_MD5),  # noqa: S324  # the same
    "MD5 that is no base64": ({"md5": "?"}, "InvalidArgument", WRONG_MD5, KEY_MD5),
}
"""What is changed -> code, message and the header that is named. All are 400."""


def changed(changes: dict[str, Any]) -> dict[str, str]:
    return changes if KEY in changes else headers_for(**changes)


def test_three_right_headers_are_a_key() -> None:
    key = maybe_customer_key(headers_for())

    assert key == CustomerKey(plain=PLAIN, md5=headers_for()[KEY_MD5])
    assert key is not None
    assert key.told() == {ALGORITHM: "AES256", KEY_MD5: headers_for()[KEY_MD5]}


def test_no_header_is_no_key() -> None:
    assert maybe_customer_key({"host": "x", SSE: "AES256"}) is None


@pytest.mark.parametrize("case", MALFORMED)
@pytest.mark.parametrize("of_source", [False, True])
def test_what_is_wrong_is_told_as_s3_does(case: str, *, of_source: bool) -> None:
    """For the object itself and for a copy's source, under that one's names."""
    changes, code, message, name = MALFORMED[case]
    headers = changed(changes)
    if of_source:
        headers = {name.replace("x-amz-", "x-amz-copy-source-"): value for name, value in headers.items()}
        name = name.replace("x-amz-", "x-amz-copy-source-")

    with pytest.raises(S3Error) as caught:
        maybe_customer_key(headers, SOURCE) if of_source else maybe_customer_key(headers)

    error = caught.value
    assert (error.status, error.code, error.message) == (400, code, message)
    assert error.fields == {"ArgumentName": name}
    assert headers.get(KEY) not in {*error.fields.values(), error.message}


@pytest.mark.parametrize("name", [SSE, KEY_ID, CONTEXT, BUCKET_KEY])
def test_two_ways_at_once_are_refused(name: str) -> None:
    """Nobody could say under which key the object is."""
    with pytest.raises(S3Error) as caught:
        parse_encryption(headers_for() | {name: "AES256"})

    error = caught.value
    assert (error.status, error.code, error.message) == (400, "InvalidArgument", INCOMPATIBLE)


def test_a_client_s_own_key_is_no_wish_for_another() -> None:
    assert parse_encryption(headers_for()) is None


def test_the_key_stays_out_of_every_repr() -> None:
    key = maybe_customer_key(headers_for())

    assert repr(key) == "CustomerKey()"


def test_the_source_s_headers_are_those_of_a_request_for_it() -> None:
    """And the target's are not."""
    of_source = {name.replace("x-amz-", "x-amz-copy-source-"): value for name, value in headers_for().items()}

    assert source_headers(of_source) == headers_for()
    assert source_headers(headers_for()) == {}
