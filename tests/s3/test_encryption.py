"""Encryption headers: what a client chose, and no way to a weaker key than it asked for."""

import base64
import json

import pytest

from proxy.s3.encryption import (
    ALGORITHM,
    BUCKET_KEY,
    CONTEXT,
    KEY_ID,
    Algorithm,
    Encryption,
    parse_context,
    parse_encryption,
    refuse_on_read,
)
from proxy.s3.errors import S3Error

ARN = "arn:aws:kms:us-east-1:111122223333:key/1234"


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({BUCKET_KEY: "true"}, None),
        ({ALGORITHM: "AES256"}, Encryption(algorithm=Algorithm.SSE_S3)),
        ({ALGORITHM: "AES256", BUCKET_KEY: "true"}, Encryption(algorithm=Algorithm.SSE_S3)),
        ({ALGORITHM: "aws:kms"}, Encryption(algorithm=Algorithm.SSE_KMS)),
        ({ALGORITHM: "aws:kms", KEY_ID: ARN}, Encryption(algorithm=Algorithm.SSE_KMS, key_id=ARN)),
        (
            {ALGORITHM: "aws:kms", BUCKET_KEY: "TRUE", CONTEXT: encoded({"a": "b", "ü": ""})},
            Encryption(algorithm=Algorithm.SSE_KMS, context={"a": "b", "ü": ""}, bucket_key_enabled=True),
        ),
        (
            {ALGORITHM: "aws:kms", BUCKET_KEY: "false", CONTEXT: encoded({})},
            Encryption(algorithm=Algorithm.SSE_KMS, bucket_key_enabled=False),
        ),
    ],
)
def test_a_choice_is_read(headers: dict[str, str], expected: Encryption | None) -> None:
    assert parse_encryption({"host": "x", **headers}) == expected


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({ALGORITHM: "aes256"}, "InvalidEncryptionAlgorithmError"),
        ({ALGORITHM: ""}, "InvalidEncryptionAlgorithmError"),
        ({ALGORITHM: "aws:kms,AES256"}, "InvalidEncryptionAlgorithmError"),
        ({ALGORITHM: "aws:kms:dsse"}, "NotImplemented"),
        ({KEY_ID: ARN}, "InvalidArgument"),
        ({CONTEXT: encoded({})}, "InvalidArgument"),
        ({ALGORITHM: "AES256", KEY_ID: ARN}, "InvalidArgument"),
        ({ALGORITHM: "AES256", CONTEXT: encoded({})}, "InvalidArgument"),
        ({ALGORITHM: "AES256", BUCKET_KEY: "maybe"}, "InvalidArgument"),
        ({ALGORITHM: "aws:kms", KEY_ID: ""}, "InvalidArgument"),
        ({ALGORITHM: "aws:kms", BUCKET_KEY: "1"}, "InvalidArgument"),
        ({ALGORITHM: "aws:kms", CONTEXT: "?"}, "InvalidArgument"),
        ({f"{ALGORITHM}-customer-algorithm": "AES256"}, "NotImplemented"),
        ({ALGORITHM: "AES256", f"{ALGORITHM}-customer-key": "secret"}, "NotImplemented"),
        ({f"x-amz-copy-source-{ALGORITHM[6:]}-customer-key-md5": "x"}, "NotImplemented"),
    ],
)
def test_what_is_malformed_or_contradicts_itself_is_refused(headers: dict[str, str], code: str) -> None:
    with pytest.raises(S3Error) as caught:
        parse_encryption(headers)

    assert caught.value.code == code
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a",
        "e30",
        "e3 0=",
        encoded([]),
        encoded("a"),
        encoded({"a": 1}),
        encoded({"a": None}),
        encoded({"a": {"b": "c"}}),
        encoded({"aws:s3:arn": "arn:aws:s3:::other"}),
        encoded({"a": "\ud800"}),
        encoded({"\udfff": "a"}),
        base64.b64encode(b'{"a":"b","a":"c"}').decode(),
        base64.b64encode(b'{"a":"\xff"}').decode(),
        base64.b64encode(b"[" * 40_000).decode(),
        base64.b64encode(b'{"a":"b"').decode(),
    ],
)
def test_a_context_is_a_map_of_strings_and_binds_no_object_itself(value: str) -> None:
    with pytest.raises(S3Error) as caught:
        parse_context(value)

    assert caught.value.code == "InvalidArgument"
    assert caught.value.fields == {"ArgumentName": CONTEXT}


def test_the_context_stays_out_of_the_repr() -> None:
    """Its values are cut out of every record."""
    choice = parse_encryption({ALGORITHM: "aws:kms", CONTEXT: encoded({"patient": "Jane"})})

    assert "Jane" not in repr(choice)


@pytest.mark.parametrize("name", [ALGORITHM, KEY_ID, CONTEXT, BUCKET_KEY])
def test_a_read_says_nothing_of_encryption(name: str) -> None:
    with pytest.raises(S3Error) as caught:
        refuse_on_read({name: "AES256"})

    assert caught.value.code == "InvalidArgument"


def test_customer_keys_on_a_read_are_not_served_yet() -> None:
    with pytest.raises(S3Error) as caught:
        refuse_on_read({f"{ALGORITHM}-customer-key": "x"})

    assert caught.value.code == "NotImplemented"
    refuse_on_read({"range": "bytes=0-1"})
