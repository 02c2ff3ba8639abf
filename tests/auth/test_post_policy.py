"""Policies of forms: read strictly, and no field of the form goes without a condition."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proxy.auth.errors import Malformed, MalformedPolicy, PolicyRefuses, Unsigned, UnsupportedVersion
from proxy.auth.post_policy import claim_from_form, read_policy

NOW = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
EXPIRATION = "2026-11-25T09:00:00.000Z"
SIGNED = {
    "policy": "x",
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": "AKIDEXAMPLE/20261125/us-east-1/s3/aws4_request",
    "x-amz-date": "20261125T080000Z",
    "x-amz-signature": "0" * 64,
}


def encoded(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def policy(*conditions: Any, expiration: str = EXPIRATION) -> str:
    return encoded({"expiration": expiration, "conditions": list(conditions)})


def refusal(text: str, fields: dict[str, str]) -> str:
    with pytest.raises(PolicyRefuses) as caught:
        read_policy(text).check(fields, bucket="bucket", now=NOW)
    return caught.value.what


@pytest.mark.parametrize(
    "conditions",
    [
        [{"bucket": "bucket"}, {"key": "a/b"}],
        [["eq", "$bucket", "bucket"], ["starts-with", "$key", "a/"]],
        [["EQ", "$Bucket", "bucket"], ["Starts-With", "$KEY", ""]],
    ],
)
def test_a_form_that_keeps_to_its_policy_passes(conditions: list[Any]) -> None:
    fields = {"key": "a/b", "policy": "x", "x-amz-signature": "x", "x-ignore-this": "x"}

    read_policy(policy(*conditions)).check(fields, bucket="bucket", now=NOW)


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ([{"bucket": "other"}, {"key": "a"}], 'Policy Condition failed: ["eq", "$bucket", "other"]'),
        ([["starts-with", "$key", "b"]], 'Policy Condition failed: ["starts-with", "$key", "b"]'),
        ([{"key": "a"}, {"acl": "private"}], 'Policy Condition failed: ["eq", "$acl", "private"]'),
        ([], "Extra input fields: key"),
    ],
)
def test_a_form_that_does_not_is_refused_with_the_condition(conditions: list[Any], words: str) -> None:
    assert refusal(policy(*conditions), {"key": "a"}) == words


@pytest.mark.parametrize(
    ("condition", "key", "passes"),
    [
        (["starts-with", "$key", "photo"], "${filename}", True),
        (["starts-with", "$key", "user/"], "user/${filename}", True),
        (["starts-with", "$key", "user/"], "${filename}", False),
        (["eq", "$key", "user/photo.png"], "user/${filename}", True),
        ({"key": "user/${filename}"}, "user/${filename}", True),
        ({"key": "user/${filename}"}, "user/other.png", False),
        ({"key": "${filename}"}, "a/${filename}", False),
        (["starts-with", "$key", "user/${"], "user/${filename}", False),
        (["starts-with", "$x-amz-meta-name", "${filename}"], "user/photo.png", False),
    ],
)
def test_the_key_is_judged_as_the_object_will_have_it(condition: Any, key: str, *, passes: bool) -> None:
    """What a stranger names the file bounds nothing: the prefix that was signed does."""
    fields = {"key": key, "x-amz-meta-name": "photo.png"}
    text = policy(condition, ["starts-with", "$key", ""], ["starts-with", "$x-amz-meta-name", ""])

    def check() -> None:
        read_policy(text).check(fields, bucket="bucket", now=NOW, file_name="photo.png")

    if passes:
        check()
        return
    with pytest.raises(PolicyRefuses, match="Policy Condition failed"):
        check()


def test_a_policy_expires() -> None:
    text = policy({"key": "a"})

    read_policy(text).check({"key": "a"}, bucket="bucket", now=NOW + timedelta(minutes=59))
    with pytest.raises(PolicyRefuses, match="expired"):
        read_policy(text).check({"key": "a"}, bucket="bucket", now=NOW + timedelta(minutes=60))


def test_the_narrowest_length_range_holds() -> None:
    found = read_policy(policy(["content-length-range", 1, 100], ["content-length-range", "5", "50"]))

    assert (found.least_bytes, found.most_bytes) == (5, 50)
    assert read_policy(policy()).most_bytes is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        base64.b64encode(b"not json").decode(),
        encoded([]),
        encoded({"conditions": []}),
        encoded({"expiration": EXPIRATION}),
        encoded({"expiration": "tomorrow", "conditions": []}),
        encoded({"expiration": "2026-11-25T09:00:00", "conditions": []}),
        encoded({"expiration": EXPIRATION, "conditions": 5}),
        policy(["eq", "key", "a"]),
        policy(["ne", "$key", "a"]),
        policy(["eq", "$key"]),
        policy({"key": 5}),
        policy(["content-length-range", "few", 5]),
        policy("eq"),
    ],
)
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(MalformedPolicy):
        read_policy(text)


def test_the_claim_is_read_from_the_form() -> None:
    claim = claim_from_form(SIGNED)

    assert (claim.access_key, claim.date, claim.region) == ("AKIDEXAMPLE", "20261125", "us-east-1")
    assert claim.payload_hash == "UNSIGNED-PAYLOAD"


@pytest.mark.parametrize("name", sorted(SIGNED.keys() - {"policy"}))
def test_a_claim_needs_all_its_fields(name: str) -> None:
    with pytest.raises(Malformed, match=name):
        claim_from_form({key: value for key, value in SIGNED.items() if key != name})


@pytest.mark.parametrize("name", ["signature", "awsaccesskeyid"])
def test_a_form_signed_as_of_old_is_refused_by_name(name: str) -> None:
    with pytest.raises(UnsupportedVersion, match="SigV2"):
        claim_from_form({"policy": "x", name: "x"})


def test_a_form_that_nobody_signed_is_anonymous() -> None:
    with pytest.raises(Unsigned):
        claim_from_form({"key": "a"})
