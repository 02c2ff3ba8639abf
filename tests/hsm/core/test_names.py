"""What a KeyId and an alias name may be."""

import pytest

from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.names import Reference, check_alias_name, reference

UUID = "0f1e2d3c-4b5a-4697-8877-665544332211"
MULTI_REGION = "mrk-0f1e2d3c4b5a46978877665544332211"
HERE = {"region": "eu-central-1", "account": "111122223333"}
PREFIX = "arn:aws:kms:eu-central-1:111122223333:"


@pytest.mark.parametrize(
    ("key_id", "meant"),
    [
        (UUID, Reference(key_id=UUID)),
        (MULTI_REGION, Reference(key_id=MULTI_REGION)),
        (PREFIX + "key/" + UUID, Reference(key_id=UUID, **HERE)),
        (PREFIX + "key/" + MULTI_REGION, Reference(key_id=MULTI_REGION, **HERE)),
        ("alias/a", Reference(alias="alias/a")),
        ("alias/aws/s3", Reference(alias="alias/aws/s3")),
        (PREFIX + "alias/a/b", Reference(alias="alias/a/b", **HERE)),
    ],
)
def test_a_key_id_takes_four_forms(key_id: str, meant: Reference) -> None:
    assert reference(key_id) == meant


@pytest.mark.parametrize(
    ("key_id", "code"),
    [
        ("", "NotFoundException"),
        ("fake-key-id", "NotFoundException"),
        ("mrk-fake-key-id", "NotFoundException"),
        (UUID.replace("-", ""), "NotFoundException"),
        (UUID.upper(), "NotFoundException"),
        (UUID + "\n", "NotFoundException"),
        (PREFIX + "key/fake-key-id", "NotFoundException"),
        (PREFIX + "key/", "InvalidArnException"),
        (PREFIX + "alias/", "InvalidArnException"),
        (PREFIX + UUID, "InvalidArnException"),
        ("arn:aws:s3:::bucket", "InvalidArnException"),
        ("arn:aws-cn:kms:eu-central-1:111122223333:key/" + UUID, "InvalidArnException"),
        ("arn:aws:kms:eu-central-1:1234:key/" + UUID, "InvalidArnException"),
        ("arn:", "InvalidArnException"),
    ],
)
def test_what_is_no_key_id_gets_the_error_that_aws_gives(key_id: str, code: str) -> None:
    with pytest.raises(KmsError) as caught:
        reference(key_id)

    assert caught.value.code == code


@pytest.mark.parametrize("name", ["alias/a", "alias/A-b_c/9", "alias/awsome", "alias/" + "a" * 250])
def test_an_alias_is_letters_digits_and_a_few_signs(name: str) -> None:
    check_alias_name(name)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "ValidationException"),
        ("a", "ValidationException"),
        ("Alias/a", "ValidationException"),
        ("alias/", "ValidationException"),
        ("alias/a b", "ValidationException"),
        ("alias/a:b", "ValidationException"),
        ("alias/ä", "ValidationException"),
        ("alias/a\n", "ValidationException"),
        ("alias/" + "a" * 251, "ValidationException"),
        ("alias/aws/", "NotAuthorizedException"),
        ("alias/aws/s3", "NotAuthorizedException"),
        ("alias/sealgate/owned", "NotAuthorizedException"),
        ("alias/sealgate/x y", "NotAuthorizedException"),
    ],
)
def test_other_alias_names_are_refused_and_two_prefixes_are_reserved(name: str, code: str) -> None:
    with pytest.raises(KmsError) as caught:
        check_alias_name(name)

    assert caught.value.code == code
