"""What AWS KMS itself answered, to the word, where its answers are on record.

The records are those that LocalStack's authors made of AWS and compare their emulator with
(github.com/localstack/localstack, tests/aws/services/kms/test_kms.snapshot.json); each row names its test.
"""

from collections.abc import Callable
from typing import Any

import pytest

from proxy.hsm.api_errors import ApiRefusal
from proxy.hsm.api_model import KmsModel
from proxy.hsm.core.errors import KmsError
from tests.hsm.rig import ACCOUNT, OTHER_REGION, REGION, Rig, user

MODEL = KmsModel()
Document = dict[str, Any]
PAGE = "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
ABSENT = "134f2428-cec1-4b25-a1ae-9048164dba47"


def answer(rig: Rig, action: str, document: Document, region: str = REGION) -> tuple[str, str, int]:
    """The error of a call as it would come over the wire, its blobs in Base64."""
    try:
        rig.ask(action, user(region=region), **MODEL.request(action, document))
    except (ApiRefusal, KmsError) as refusal:
        return refusal.code, refusal.message, refusal.status
    return "", "", 200


def key(rig: Rig) -> str:
    return str(rig.key()["Arn"])


def tags(count: int, name: str = "n{}", value: str = "v") -> list[Document]:
    return [{"TagKey": name.format(n), "TagValue": value} for n in range(count)]


ROWS: dict[str, tuple[str, Callable[[Rig], Document], str, str]] = {
    "test_generate_random_invalid_number_of_bytes[None]": (
        "GenerateRandom",
        lambda _: {},
        "ValidationException",
        "NumberOfBytes is required.",
    ),
    "test_generate_random_invalid_number_of_bytes[0]": (
        "GenerateRandom",
        lambda _: {"NumberOfBytes": 0},
        "ValidationException",
        (
            "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        ),
    ),
    "test_generate_random_invalid_number_of_bytes[1025]": (
        "GenerateRandom",
        lambda _: {"NumberOfBytes": 1025},
        "ValidationException",
        (
            "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: "
            "Member must have value less than or equal to 1024"
        ),
    ),
    "test_plaintext_size_for_encrypt": (
        "Encrypt",
        lambda rig: {"KeyId": key(rig), "Plaintext": "QUJD" * 1366},
        "ValidationException",
        (
            "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
            "Member must have length less than or equal to 4096"
        ),
    ),
    "test_create_alias": (
        "CreateAlias",
        lambda rig: {"AliasName": "8d2b1f3c", "TargetKeyId": key(rig)},
        "ValidationException",
        f'Alias must start with the prefix "alias/". Please see {PAGE}',
    ),
    "test_get_key_does_not_exist": (
        "DescribeKey",
        lambda _: {"KeyId": ABSENT},
        "NotFoundException",
        f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{ABSENT}' does not exist",
    ),
    "test_get_key_invalid_uuid": (
        "DescribeKey",
        lambda _: {"KeyId": "134f2428cec14b25a1ae9048164dba47"},
        "NotFoundException",
        "Invalid keyId '134f2428cec14b25a1ae9048164dba47'",
    ),
    "test_get_key_invalid_uuid, mrk": (
        "DescribeKey",
        lambda _: {"KeyId": "mrk-fake-key-id"},
        "NotFoundException",
        "Invalid keyId 'mrk-fake-key-id'",
    ),
    "test_tag_key_with_duplicate_tag_keys_raises_error": (
        "TagResource",
        lambda rig: {"KeyId": key(rig), "Tags": tags(2, name="twice")},
        "TagException",
        "Duplicate tag keys",
    ),
    "test_create_key_with_too_many_tags_raises_error": (
        "CreateKey",
        lambda _: {"Tags": tags(51)},
        "TagException",
        "Too many tags",
    ),
    "test_tag_existing_key_with_invalid_tag_key": (
        "TagResource",
        lambda rig: {"KeyId": key(rig), "Tags": tags(1, name="aws:key1")},
        "TagException",
        "Tags beginning with aws: are reserved",
    ),
    "test_create_key_with_invalid_tag_key[uppercase_prefix]": (
        "CreateKey",
        lambda _: {"Tags": tags(1, name="AWS:key1")},
        "TagException",
        "Tags beginning with aws: are reserved",
    ),
    "test_key_with_long_tag_value_raises_error": (
        "CreateKey",
        lambda _: {"Tags": tags(1, value="v" * 257)},
        "ValidationException",
        (
            f"1 validation error detected: Value '{'v' * 257}' at 'tags.1.member.tagValue' failed to satisfy "
            "constraint: Member must have length less than or equal to 256"
        ),
    ),
}


@pytest.mark.parametrize("test", ROWS)
def test_the_service_says_what_aws_said(test: str, rig: Rig) -> None:
    action, document, code, message = ROWS[test]

    assert answer(rig, action, document(rig)) == (code, message, 400)


def test_a_key_is_another_in_another_region(rig: Rig) -> None:
    """test_get_key_in_different_region"""
    made = rig.key()
    by_id = answer(rig, "DescribeKey", {"KeyId": made["KeyId"]}, OTHER_REGION)
    by_arn = answer(rig, "DescribeKey", {"KeyId": made["Arn"]}, OTHER_REGION)

    arn = f"arn:aws:kms:{OTHER_REGION}:{ACCOUNT}:key/{made['KeyId']}"
    assert by_id == ("NotFoundException", f"Key '{arn}' does not exist", 400)
    assert by_arn == ("NotFoundException", f"Invalid arn {REGION}", 400)


def test_rotations_on_demand_come_to_an_end(rig: Rig) -> None:
    """test_key_rotations_limits"""
    arn = key(rig)
    asked = {"KeyId": arn.rpartition("/")[2]}
    for _ in range(25):
        assert answer(rig, "RotateKeyOnDemand", asked)[2] == 200
    message = (
        "The on-demand rotations limit has been reached for the given keyId. "
        f"No more on-demand rotations can be performed for this key: {arn}"
    )

    assert answer(rig, "RotateKeyOnDemand", asked) == ("LimitExceededException", message, 400)


def test_a_blob_that_does_not_fit(rig: Rig) -> None:
    """test_error_messaging_for_invalid_keys, test_encrypt_decrypt_encryption_context"""
    arn, other = key(rig), key(rig)
    blob = rig.ask("Encrypt", KeyId=arn, Plaintext=b"x", EncryptionContext={"a": "b"})["CiphertextBlob"]
    without = rig.refused("Decrypt", CiphertextBlob=blob)
    elsewhere = rig.refused("Decrypt", CiphertextBlob=blob, KeyId=other, EncryptionContext={"a": "b"})

    assert (without.code, without.message) == ("InvalidCiphertextException", "")
    assert (elsewhere.code, elsewhere.message) == (
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )


def test_a_disabled_key(rig: Rig) -> None:
    """test_rotate_key_on_demand_raises_error_given_key_is_disabled"""
    arn = key(rig)
    rig.ask("DisableKey", KeyId=arn)

    assert answer(rig, "RotateKeyOnDemand", {"KeyId": arn}) == (
        "DisabledException",
        f"{arn} is disabled.",
        400,
    )


def test_a_dry_run(rig: Rig) -> None:
    """test_generate_data_key_pair_dry_run"""
    asked = {"KeyId": key(rig), "KeySpec": "AES_256", "DryRun": True}

    assert answer(rig, "GenerateDataKey", asked) == (
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
        400,
    )
