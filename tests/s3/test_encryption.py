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
        (
            {ALGORITHM: "aws:kms:dsse", KEY_ID: ARN, BUCKET_KEY: "false"},
            Encryption(algorithm=Algorithm.DSSE_KMS, key_id=ARN, bucket_key_enabled=False),
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
        ({ALGORITHM: "aws:kms:dsse", BUCKET_KEY: "true"}, "InvalidArgument"),
        ({ALGORITHM: "aws:kms:dsse", KEY_ID: ""}, "InvalidArgument"),
        ({KEY_ID: ARN}, "InvalidArgument"),
        ({CONTEXT: encoded({})}, "InvalidArgument"),
        ({ALGORITHM: "AES256", KEY_ID: ARN}, "InvalidArgument"),
        ({ALGORITHM: "AES256", CONTEXT: encoded({})}, "InvalidArgument"),
        ({ALGORITHM: "AES256", BUCKET_KEY: "maybe"}, "InvalidArgument"),
        ({ALGORITHM: "aws:kms", KEY_ID: ""}, "InvalidArgument"),
        ({ALGORITHM: "aws:kms", BUCKET_KEY: "1"}, "InvalidArgument"),
        ({ALGORITHM: "aws:kms", CONTEXT: "?"}, "InvalidArgument"),
        ({ALGORITHM: "AES256", f"{ALGORITHM}-customer-key": "secret"}, "InvalidArgument"),
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


def test_a_read_may_bring_a_client_s_own_key() -> None:
    refuse_on_read({f"{ALGORITHM}-customer-key": "x", "range": "bytes=0-1"})
