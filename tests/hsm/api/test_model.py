"""What comes in is what AWS's model says, or an error in AWS's words."""

import re
import warnings
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.hsm.api_errors import ApiRefusal
from proxy.hsm.engine import Engine
from tests.hsm.api.service import MODEL

LONG = "k" * 2049


@pytest.mark.parametrize(
    ("operation", "document", "message"),
    [
        ("DescribeKey", {}, "Value null at 'keyId' failed to satisfy constraint: Member must not be null"),
        (
            "DescribeKey",
            {"KeyId": None},
            "Value null at 'keyId' failed to satisfy constraint: Member must not be null",
        ),
        (
            "DescribeKey",
            {"KeyId": ""},
            (
                "Value '' at 'keyId' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1"
            ),
        ),
        (
            "DescribeKey",
            {"KeyId": LONG},
            (
                f"Value '{LONG}' at 'keyId' failed to satisfy constraint: "
                "Member must have length less than or equal to 2048"
            ),
        ),
        (
            "GenerateDataKey",
            {"KeyId": "x", "KeySpec": "AES_512"},
            (
                "Value 'AES_512' at 'keySpec' failed to satisfy constraint: "
                "Member must satisfy enum value set: [AES_256, AES_128]"
            ),
        ),
        (
            "GenerateDataKey",
            {"KeyId": "x", "NumberOfBytes": 0},
            (
                "Value '0' at 'numberOfBytes' failed to satisfy constraint: "
                "Member must have value greater than or equal to 1"
            ),
        ),
        (
            "GenerateDataKey",
            {"KeyId": "x", "NumberOfBytes": 1025},
            (
                "Value '1025' at 'numberOfBytes' failed to satisfy constraint: "
                "Member must have value less than or equal to 1024"
            ),
        ),
        (
            "CreateAlias",
            {"AliasName": "alias/ü", "TargetKeyId": "x"},
            (
                "Value 'alias/ü' at 'aliasName' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"
            ),
        ),
        (
            "CreateAlias",
            {"AliasName": "alias/x\n", "TargetKeyId": "x"},
            (
                "Value 'alias/x\n' at 'aliasName' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"
            ),
        ),
        (
            "CreateKey",
            {"Tags": [{"TagKey": "a", "TagValue": "b"}, {"TagKey": "", "TagValue": "b"}]},
            (
                "Value '' at 'tags.2.member.tagKey' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1"
            ),
        ),
        (
            "Decrypt",
            {"CiphertextBlob": "", "GrantTokens": ["t"] * 11},
            (
                "Value at 'ciphertextBlob' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1; "
                "Value at 'grantTokens' failed to satisfy constraint: "
                "Member must have length less than or equal to 10"
            ),
        ),
        (
            "Decrypt",
            {"CiphertextBlob": "eA==", "GrantTokens": ["ok", ""]},
            (
                "Value at 'grantTokens' failed to satisfy constraint: "
                "Member must satisfy constraint: [Member must have length less than or equal to 8192, "
                "Member must have length greater than or equal to 1]"
            ),
        ),
        (
            "Encrypt",
            {"KeyId": "x", "Plaintext": "eA==", "EncryptionContext": {"name": None}},
            "Value '{name}' at 'encryptionContext' failed to satisfy constraint: Map value must not be null",
        ),
    ],
)
def test_a_breach_is_told_in_awss_words(operation: str, document: Any, message: str) -> None:
    with pytest.raises(ApiRefusal) as caught:
        MODEL.request(operation, document)

    count = message.count("failed to satisfy")
    told = f"{count} validation error{'s' * (count > 1)} detected: {message}"
    assert (caught.value.code, caught.value.message, caught.value.status) == (
        "ValidationException",
        told,
        400,
    )


@pytest.mark.parametrize(
    ("operation", "document", "message"),
    [
        ("DescribeKey", {"KeyId": 1}, "NUMBER_VALUE can not be converted to String"),
        ("DescribeKey", {"KeyId": 1.5}, "NUMBER_VALUE can not be converted to String"),
        ("DescribeKey", {"KeyId": True}, "TRUE_VALUE can not be converted to String"),
        ("DescribeKey", {"KeyId": ["x"]}, "Start of list found where not expected"),
        ("DescribeKey", {"KeyId": {}}, "Start of structure or map found where not expected."),
        ("DescribeKey", {"KeyId": "\ud800"}, "A string is not valid Unicode"),
        (
            "GenerateDataKey",
            {"KeyId": "x", "NumberOfBytes": "32"},
            "STRING_VALUE can not be converted to Integer",
        ),
        (
            "GenerateDataKey",
            {"KeyId": "x", "NumberOfBytes": True},
            "TRUE_VALUE can not be converted to Integer",
        ),
        ("CreateKey", {"MultiRegion": "true"}, "STRING_VALUE can not be converted to Boolean"),
        ("CreateKey", {"Tags": {}}, "Start of structure or map found where not expected."),
        ("CreateKey", {"Tags": ["x"]}, "STRING_VALUE can not be converted to a structure"),
        ("CreateKey", {"Tags": [None]}, "null can not be converted to a structure"),
        ("Encrypt", {"Plaintext": "no base64"}, "A blob is not valid Base64"),
        ("Encrypt", {"Plaintext": "eA=", "KeyId": "x"}, "A blob is not valid Base64"),
        ("Encrypt", {"Plaintext": "ü", "KeyId": "x"}, "A blob is not valid Base64"),
        ("Encrypt", {"EncryptionContext": "x"}, "STRING_VALUE can not be converted to a map"),
        ("Encrypt", {"EncryptionContext": {"a": 1}}, "NUMBER_VALUE can not be converted to String"),
        ("ImportKeyMaterial", {"ValidTo": 1e400}, "NUMBER_VALUE can not be converted to Timestamp"),
        ("ImportKeyMaterial", {"ValidTo": True}, "TRUE_VALUE can not be converted to Timestamp"),
    ],
)
def test_a_value_of_another_json_type_cannot_be_read(operation: str, document: Any, message: str) -> None:
    with pytest.raises(ApiRefusal) as caught:
        MODEL.request(operation, document)

    assert (caught.value.code, caught.value.message) == ("SerializationException", message)


def test_what_is_right_comes_through_with_blobs_as_bytes() -> None:
    """Unknown members and nulls are dropped, as AWS does."""
    document = {
        "KeyId": "alias/x",
        "Plaintext": "AP8=",
        "EncryptionContext": {"a": "b"},
        "GrantTokens": [],
        "DryRun": False,
        "Recipient": None,
        "Surprise": 1,
    }

    assert MODEL.request("Encrypt", document) == {
        "KeyId": "alias/x",
        "Plaintext": b"\0\xff",
        "EncryptionContext": {"a": "b"},
        "GrantTokens": [],
        "DryRun": False,
    }
    assert MODEL.request("ImportKeyMaterial", {"ValidTo": 1.5} | _IMPORT)["ValidTo"] == 1.5
    assert MODEL.request("ImportKeyMaterial", {"ValidTo": 2} | _IMPORT)["ValidTo"] == 2.0


_IMPORT = {"KeyId": "x", "ImportToken": "eA==", "EncryptedKeyMaterial": "eA=="}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = ("KeyId", "Plaintext", "EncryptionContext", "Tags", "NumberOfBytes", "ValidTo", "Policy", "DryRun")


@given(document=st.dictionaries(st.sampled_from(MEMBERS), JSON))
@pytest.mark.parametrize("operation", ["Encrypt", "CreateKey", "GenerateDataKey", "ImportKeyMaterial"])
def test_any_document_is_read_or_refused(operation: str, document: dict[str, Any]) -> None:
    """Garbage in gives one of two errors out, never a defect."""
    try:
        MODEL.request(operation, document)
    except ApiRefusal as refusal:
        assert refusal.code in {"ValidationException", "SerializationException"}  # noqa: PT017 - either is right


def test_a_value_of_any_length_is_repeated_up_to_a_bound() -> None:
    with pytest.raises(ApiRefusal) as caught:
        MODEL.request("CreateKey", {"Policy": "p" * 200_000})

    assert 4096 < len(caught.value.message) < 4400


def test_plaintext_tokens_and_passwords_are_never_repeated() -> None:
    for operation, document in (
        ("Encrypt", {"KeyId": "x", "Plaintext": "c2VjcmV0" * 1024}),
        ("CreateCustomKeyStore", {"CustomKeyStoreName": "x", "KeyStorePassword": "secret"}),
        ("Decrypt", {"CiphertextBlob": "eA==", "GrantTokens": ["secret"] * 11}),
        ("Decrypt", {"CiphertextBlob": "eA==", "GrantTokens": ["secret" * 2000]}),
        ("RetireGrant", {"GrantToken": "secret" * 2000}),
    ):
        with pytest.raises(ApiRefusal) as caught:
            MODEL.request(operation, document)

        assert "secret" not in caught.value.message
        assert "Value at '" in caught.value.message


def test_every_pattern_of_the_model_is_one_that_python_reads() -> None:
    """Java's and Python's patterns differ in places: none of them is used here."""
    session: Any = botocore.session
    model = session.get_session().get_service_model("kms")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in model.shape_names:
            pattern = model.shape_for(name).metadata.get("pattern", "")
            re.compile(pattern, re.ASCII)


def test_what_is_not_built_yet_is_a_closed_set(engine: Engine) -> None:
    """An operation leaves this set by being built, and none comes in unnoticed."""
    assert MODEL.operations - set(engine.actions) == NOT_BUILT
    assert set(engine.actions) <= MODEL.operations


NOT_BUILT = {
    "ConnectCustomKeyStore",
    "CreateCustomKeyStore",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DeriveSharedSecret",
    "DescribeCustomKeyStores",
    "DisconnectCustomKeyStore",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateMac",
    "GetParametersForImport",
    "GetPublicKey",
    "ImportKeyMaterial",
    "ReplicateKey",
    "Sign",
    "UpdateCustomKeyStore",
    "UpdatePrimaryRegion",
    "Verify",
    "VerifyMac",
}
