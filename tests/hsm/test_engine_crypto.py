"""Using keys."""

from typing import Any

import pytest

from proxy.hsm.core.blob import seal_blob
from proxy.hsm.core.context import context_bytes
from proxy.hsm.core.material import KeyMaterial
from tests.hsm.rig import OTHER_REGION, REGION, STRANGERS, Rig, user

CONTEXT = {"aws:s3:arn": "arn:aws:s3:::bucket", "ü": ""}
UNKNOWN_KEY = "The ciphertext refers to a customer master key that does not exist"
ACTIONS: dict[str, dict[str, Any]] = {
    "GenerateDataKey": {"KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_256"},
    "Encrypt": {"Plaintext": b"secret"},
}


def encrypted(rig: Rig, key_id: str, plain: bytes = b"secret", **more: Any) -> bytes:
    blob: bytes = rig.ask("Encrypt", KeyId=key_id, Plaintext=plain, **more)["CiphertextBlob"]
    return blob


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"KeySpec": "AES_256"}, 32),
        ({"KeySpec": "AES_128"}, 16),
        ({"NumberOfBytes": 1}, 1),
        ({"NumberOfBytes": 1024}, 1024),
        ({"NumberOfBytes": 32, "KeySpec": None}, 32),
    ],
)
def test_a_data_key_comes_plain_and_wrapped(rig: Rig, asked: dict[str, Any], size: int) -> None:
    made = rig.key()
    key = rig.ask("GenerateDataKey", KeyId=made["KeyId"], EncryptionContext=CONTEXT, **asked)
    opened = rig.ask("Decrypt", CiphertextBlob=key["CiphertextBlob"], EncryptionContext=CONTEXT)

    assert (len(key["Plaintext"]), len(key["CiphertextBlob"])) == (size, size + 62)
    assert (key["KeyId"], key["KeyMaterialId"]) == (made["Arn"], made["CurrentKeyMaterialId"])
    assert opened == {
        "KeyId": made["Arn"],
        "Plaintext": key["Plaintext"],
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": made["CurrentKeyMaterialId"],
    }


def test_a_data_key_without_plaintext_shows_none_and_opens(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    key = rig.ask("GenerateDataKeyWithoutPlaintext", KeyId=key_id, KeySpec="AES_256")

    assert key.keys() == {"CiphertextBlob", "KeyId", "KeyMaterialId"}
    assert len(rig.ask("Decrypt", CiphertextBlob=key["CiphertextBlob"])["Plaintext"]) == 32


@pytest.mark.parametrize("action", ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"])
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"KeySpec": "AES_256", "NumberOfBytes": 32},
        {"NumberOfBytes": 0},
        {"NumberOfBytes": 1025},
        {"KeySpec": "AES_512"},
    ],
)
def test_a_data_key_of_no_certain_size_is_refused(rig: Rig, action: str, asked: dict[str, Any]) -> None:
    assert rig.refused(action, KeyId=rig.key()["KeyId"], **asked).code == "ValidationException"


@pytest.mark.parametrize("size", [1, 4095, 4096])
def test_encrypt_takes_up_to_4096_bytes(rig: Rig, size: int) -> None:
    made = rig.key()
    answer = rig.ask("Encrypt", KeyId=made["KeyId"], Plaintext=bytes(size), EncryptionContext=CONTEXT)
    blob = answer.pop("CiphertextBlob")
    opened = rig.ask("Decrypt", KeyId=made["KeyId"], CiphertextBlob=blob, EncryptionContext=CONTEXT)

    assert answer == {"KeyId": made["Arn"], "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    assert opened["Plaintext"] == bytes(size)


@pytest.mark.parametrize("size", [0, 4097])
def test_encrypt_takes_neither_nothing_nor_more(rig: Rig, size: int) -> None:
    assert (
        rig.refused("Encrypt", KeyId=rig.key()["KeyId"], Plaintext=bytes(size)).code == "ValidationException"
    )


@pytest.mark.parametrize(
    "context", [None, {}, {"aws:s3:arn": "arn:aws:s3:::bucket"}, {**CONTEXT, "more": "x"}]
)
def test_another_context_opens_nothing(rig: Rig, context: dict[str, str] | None) -> None:
    key_id = rig.key()["KeyId"]
    blob = encrypted(rig, key_id, EncryptionContext=CONTEXT)
    decrypted = rig.refused("Decrypt", CiphertextBlob=blob, EncryptionContext=context)
    moved = rig.refused(
        "ReEncrypt", CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=key_id
    )

    assert decrypted.code == moved.code == "InvalidCiphertextException"


def test_the_key_that_the_caller_expects_must_be_the_one(rig: Rig) -> None:
    one, two = rig.key(), rig.key()
    blob = encrypted(rig, one["KeyId"])

    for name in (one["KeyId"], one["Arn"]):
        assert rig.ask("Decrypt", CiphertextBlob=blob, KeyId=name)["Plaintext"] == b"secret"
    decrypted = rig.refused("Decrypt", CiphertextBlob=blob, KeyId=two["KeyId"])
    moved = rig.refused(
        "ReEncrypt", CiphertextBlob=blob, SourceKeyId=two["Arn"], DestinationKeyId=one["KeyId"]
    )
    assert decrypted.code == moved.code == "IncorrectKeyException"


def test_a_damaged_or_foreign_blob_is_refused(rig: Rig) -> None:
    blob = encrypted(rig, rig.key()["KeyId"])
    damaged = bytes((*blob[:-1], blob[-1] ^ 1))

    for bad in (damaged, blob[:-1], b"\x01\x02\x02\x00" + bytes(180)):
        assert rig.refused("Decrypt", CiphertextBlob=bad).code == "InvalidCiphertextException"
    assert rig.refused("Decrypt").code == "ValidationException"


def test_no_altered_byte_leads_anywhere_else(rig: Rig) -> None:
    """Not even to the words for a key that is gone, where the byte says which key."""
    blob = encrypted(rig, rig.key()["KeyId"])
    altered = [bytes((*blob[:at], blob[at] ^ 1, *blob[at + 1 :])) for at in range(len(blob))]

    codes = {rig.refused("Decrypt", CiphertextBlob=bad).code for bad in altered}
    assert codes == {"InvalidCiphertextException"}


def test_a_blob_of_a_version_that_was_never_made_is_refused(rig: Rig) -> None:
    """Whoever writes one knows the key's id and nothing else."""
    key_id = rig.key()["KeyId"]
    forged = seal_blob(
        key_id, 2, KeyMaterial(bytes(32)), nonce=bytes(16), plain=b"x", context=context_bytes({})
    )

    assert rig.refused("Decrypt", CiphertextBlob=forged).code == "InvalidCiphertextException"


def test_a_blob_of_a_key_that_is_foreign_or_gone_reads_the_same(rig: Rig) -> None:
    """Whoever finds a blob learns nothing of its key."""
    blob = encrypted(rig, rig.key()["KeyId"])

    for who in (user(STRANGERS), user(region=OTHER_REGION)):
        refusal = rig.refused("Decrypt", who, CiphertextBlob=blob)
        assert refusal.code == "AccessDeniedException"
        assert refusal.message.startswith(UNKNOWN_KEY)


def test_a_blob_is_moved_to_another_key_and_context(rig: Rig) -> None:
    """The plaintext is seen by nobody on the way."""
    one, two = rig.key(), rig.key()
    moved = rig.outcome(
        "ReEncrypt",
        CiphertextBlob=encrypted(rig, one["KeyId"], EncryptionContext=CONTEXT),
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=two["KeyId"],
        DestinationEncryptionContext={"to": "here"},
    )
    blob = moved.response.pop("CiphertextBlob")

    assert moved.response == {
        "SourceKeyId": one["Arn"],
        "KeyId": two["Arn"],
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "SourceKeyMaterialId": one["CurrentKeyMaterialId"],
        "DestinationKeyMaterialId": two["CurrentKeyMaterialId"],
    }
    assert (moved.key_arn, moved.source_key_arn) == (two["Arn"], one["Arn"])
    opened = rig.ask("Decrypt", KeyId=two["Arn"], CiphertextBlob=blob, EncryptionContext={"to": "here"})
    assert opened["Plaintext"] == b"secret"


def test_moving_needs_the_right_to_both_keys(rig: Rig) -> None:
    stranger = user(STRANGERS)
    mine, theirs = rig.key(), rig.key(stranger)
    blob = encrypted(rig, mine["KeyId"])

    for who, key_id in ((user(), theirs["Arn"]), (stranger, theirs["KeyId"])):
        refusal = rig.refused("ReEncrypt", who, CiphertextBlob=blob, DestinationKeyId=key_id)
        assert refusal.code == "AccessDeniedException"


def test_a_disabled_key_does_nothing_until_it_is_enabled(rig: Rig) -> None:
    made = rig.key()
    other, key_id = rig.key()["KeyId"], made["KeyId"]
    blob, others = encrypted(rig, key_id), encrypted(rig, other)
    rig.ask("DisableKey", KeyId=key_id)
    calls = [
        *((action, {"KeyId": key_id, **asked}) for action, asked in ACTIONS.items()),
        ("Decrypt", {"CiphertextBlob": blob}),
        ("Decrypt", {"CiphertextBlob": blob, "KeyId": key_id}),
        ("ReEncrypt", {"CiphertextBlob": blob, "DestinationKeyId": other}),
        ("ReEncrypt", {"CiphertextBlob": others, "DestinationKeyId": key_id}),
    ]

    for action, asked in calls:
        refusal = rig.refused(action, **asked)
        assert (refusal.code, refusal.message) == ("DisabledException", f"{made['Arn']} is disabled.")
    rig.ask("EnableKey", KeyId=key_id)
    for action, asked in calls:
        rig.ask(action, **asked)


def test_a_dry_run_says_that_it_would_have_succeeded(rig: Rig) -> None:
    key_id = rig.key()["KeyId"]
    blob = encrypted(rig, key_id)
    blind = {"DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    calls: list[tuple[str, dict[str, Any]]] = [
        *((action, {"KeyId": key_id, **asked}) for action, asked in ACTIONS.items()),
        ("Decrypt", {"CiphertextBlob": blob}),
        ("Decrypt", {"KeyId": key_id, **blind}),
        ("ReEncrypt", {"CiphertextBlob": blob, "DestinationKeyId": key_id}),
        ("ReEncrypt", {"SourceKeyId": key_id, "DestinationKeyId": key_id, **blind}),
    ]

    for action, asked in calls:
        assert rig.refused(action, DryRun=True, **asked).code == "DryRunOperationException"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"CiphertextBlob": b"x"}, "InvalidCiphertextException"),
        ({}, "ValidationException"),
        ({"DryRunModifiers": ["IGNORE_CIPHERTEXT"]}, "ValidationException"),
        ({"DryRunModifiers": ["IGNORE_CIPHERTEXT"], "KeyId": "alias/none"}, "NotFoundException"),
    ],
)
def test_a_dry_run_of_what_would_fail_fails_the_same_way(rig: Rig, asked: dict[str, Any], code: str) -> None:
    assert rig.refused("Decrypt", DryRun=True, **asked).code == code


def test_a_dry_run_by_a_stranger_is_denied(rig: Rig) -> None:
    arn = rig.key()["Arn"]

    refusal = rig.refused("Encrypt", user(STRANGERS), KeyId=arn, Plaintext=b"x", DryRun=True)
    assert refusal.code == "AccessDeniedException"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}, "InvalidKeyUsageException"),
        ({"GrantTokens": ["t"]}, "InvalidGrantTokenException"),
        ({"Recipient": {}}, "UnsupportedOperationException"),
        ({"EncryptionContext": {"k": "v" * 8192}}, "ValidationException"),
    ],
)
def test_what_a_symmetric_key_of_ours_has_not_is_refused(rig: Rig, more: dict[str, Any], code: str) -> None:
    key_id = rig.key()["KeyId"]

    assert rig.refused("Encrypt", KeyId=key_id, Plaintext=b"x", **more).code == code


def test_saying_the_one_algorithm_changes_nothing(rig: Rig) -> None:
    blob = encrypted(rig, rig.key()["KeyId"], EncryptionAlgorithm="SYMMETRIC_DEFAULT", GrantTokens=[])

    assert rig.ask("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"secret"


def test_no_two_answers_are_alike(rig: Rig) -> None:
    """Each ciphertext has a nonce of its own, each data key its own bytes."""
    key_id = rig.key()["KeyId"]
    keys = [rig.ask("GenerateDataKey", KeyId=key_id, KeySpec="AES_256") for _ in range(20)]

    assert len({key["Plaintext"] for key in keys}) == 20
    assert len({encrypted(rig, key_id) for _ in range(20)}) == 20


def test_what_was_encrypted_opens_after_a_restart(rig: Rig) -> None:
    blob = encrypted(rig, rig.key()["KeyId"])
    rig.restart()

    assert rig.ask("Decrypt", CiphertextBlob=blob)["Plaintext"] == b"secret"
    assert REGION in rig.ask("Decrypt", CiphertextBlob=blob)["KeyId"]
