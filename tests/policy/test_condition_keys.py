"""The table of condition keys is read whatever the case, and knows nothing that is not in it."""

import pytest

from proxy.policy.condition_keys import KEYS, maybe_known


@pytest.mark.parametrize(
    ("name", "known", "several"),
    [
        ("aws:SourceIp", "aws:SourceIp", False),
        ("AWS:sourceip", "aws:SourceIp", False),
        ("aws:TagKeys", "aws:TagKeys", True),
        ("aws:PrincipalTag/Team", "aws:PrincipalTag/", False),
        ("kms:EncryptionContext:aws:s3:arn", "kms:EncryptionContext:", False),
        ("kms:EncryptionContextKeys", "kms:EncryptionContextKeys", True),
        ("s3:ExistingObjectTag/a", "s3:ExistingObjectTag/", False),
    ],
)
def test_a_key_is_known_whatever_its_case(name: str, known: str, *, several: bool) -> None:
    key = maybe_known(name)

    assert key is not None
    assert (key.name, key.several) == (known, several)


@pytest.mark.parametrize("name", ["aws:SourceIP4", "aws:PrincipalTag", "kms:EncryptionContextKeysX", "x:y"])
def test_a_key_that_is_not_in_the_table_is_not_known(name: str) -> None:
    assert maybe_known(name) is None


def test_every_row_says_its_type() -> None:
    assert {key.type for key in KEYS.values()} == {"ARN", "Bool", "Date", "IpAddress", "Numeric", "String"}
