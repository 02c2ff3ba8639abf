"""What makes keys of AWS KMS related, by ARNs alone."""

from typing import Any

import pytest

from proxy.keys.multi_region import maybe_related, related_arns

KEY = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1"
WEST = "arn:aws:kms:eu-west-1:111122223333:key/mrk-1"


@pytest.mark.parametrize(
    ("key_arn", "arns"),
    [
        (KEY, (KEY, WEST)),
        (WEST, (WEST, KEY)),
        (KEY.replace("mrk-", ""), (KEY.replace("mrk-", ""),)),
        (KEY.replace("key/", "alias/"), (KEY.replace("key/", "alias/"),)),
        ("mrk-1", ("mrk-1",)),
    ],
)
def test_related_keys_differ_in_the_region_alone(key_arn: str, arns: tuple[str, ...]) -> None:
    assert related_arns(key_arn, ["eu-central-1", "eu-west-1"]) == arns


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({"Arn": WEST, "MultiRegionConfiguration": {"PrimaryKey": {"Arn": KEY}}}, KEY),
        ({"Arn": WEST, "MultiRegionConfiguration": {"ReplicaKeys": [{"Arn": WEST}, {"Arn": KEY}]}}, KEY),
        ({"Arn": WEST, "MultiRegionConfiguration": {"PrimaryKey": {"Arn": WEST}}}, None),
        ({"Arn": WEST, "MultiRegionConfiguration": {"PrimaryKey": {"Arn": KEY + "2"}}}, None),
        ({"Arn": WEST, "MultiRegionConfiguration": {"PrimaryKey": KEY, "ReplicaKeys": None}}, None),
        ({"Arn": WEST}, None),
        ({"Arn": KEY.replace("mrk-", ""), "MultiRegionConfiguration": {"PrimaryKey": {"Arn": KEY}}}, None),
        ({}, None),
    ],
)
def test_a_relation_is_what_aws_says_of_both(metadata: dict[str, Any], found: str | None) -> None:
    assert maybe_related(metadata, "eu-central-1") == found
