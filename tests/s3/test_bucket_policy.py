"""A policy taken apart: what the store cannot judge is kept, the rest is the store's."""

import json
from typing import Any

import pytest

from proxy.s3.bucket_policy import joined_policy, split_policy
from proxy.s3.errors import S3Error

SSE = "s3:x-amz-server-side-encryption"
SSE_C = f"{SSE}-customer-algorithm"


def statement(condition: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    made = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::b/*",
        **({} if condition is None else {"Condition": condition}),
    }
    return made | changes


def policy(*statements: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more}, indent=2).encode()


OURS = [
    statement({"Null": {SSE: "true"}}),
    statement({"StringNotEquals": {SSE: "aws:kms"}}),
    statement({"StringNotEqualsIfExists": {f"{SSE}-aws-kms-key-id": "arn"}}),
    statement({"Null": {SSE_C: "true"}}, Action=["s3:PutObject"]),
    statement(
        {"Bool": {"aws:SecureTransport": "true"}, "Null": {SSE.upper(): "true"}}, Action="S3:PUTOBJECT"
    ),
]
THEIRS = [
    statement(),
    statement({"Bool": {"aws:SecureTransport": "false"}}, Action="s3:*"),
    statement({"StringEquals": {"s3:x-amz-acl": "public-read"}}, Effect="Allow"),
]


@pytest.mark.parametrize("ours", OURS)
def test_what_the_store_cannot_judge_is_kept(ours: dict[str, Any]) -> None:
    split = split_policy(policy(*THEIRS, ours, Id="x"))

    assert json.loads(split.kept) == {"Version": "2012-10-17", "Id": "x", "Statement": [ours]}
    assert json.loads(split.passed) == {"Version": "2012-10-17", "Id": "x", "Statement": THEIRS}
    assert split_policy(policy(ours)).passed == b""


@pytest.mark.parametrize(
    "document",
    [policy(*THEIRS), b"", b"no JSON", b"[1]", b'{"Statement": 7}', b'{"Statement": [1, null]}', b"\xff"],
)
def test_what_is_not_ours_goes_on_byte_for_byte(document: bytes) -> None:
    """Also what is no policy: the store says so."""
    split = split_policy(document)

    assert (split.kept, split.passed) == (b"", document)


@pytest.mark.parametrize(
    "half",
    [
        statement({"StringEquals": {SSE: "aws:kms"}}, Effect="Allow"),
        statement({"Null": {SSE: "true"}}, Action="s3:*"),
        statement({"Null": {SSE: "true"}}, Action=["s3:PutObject", "s3:GetObject"]),
        statement({"Null": {SSE_C: "true"}}, Action="s3:GetObject"),
        statement({"Null": {SSE: "true"}}, Action=[]),
        {**statement({"Null": {SSE: "true"}}), "NotAction": "s3:GetObject", "Action": []},
    ],
)
def test_what_could_only_be_judged_by_half_is_refused_by_name(half: dict[str, Any]) -> None:
    with pytest.raises(S3Error) as caught:
        split_policy(policy(*THEIRS, half | {"Sid": "Half"}))

    assert caught.value.code == "NotImplemented"
    assert "Half" in caught.value.message


def test_a_policy_that_is_kept_has_a_bound() -> None:
    with pytest.raises(S3Error) as caught:
        split_policy(policy(OURS[0], Id="x" * 20_480))

    assert caught.value.code == "MalformedPolicy"


def test_a_policy_is_told_as_it_was_put() -> None:
    original = policy(*THEIRS, *OURS)

    assert joined_policy(original, split_policy(original).passed) == original
    assert joined_policy(original, json.dumps(json.loads(split_policy(original).passed)).encode()) == original
    assert joined_policy(policy(OURS[0]), b"") == policy(OURS[0])


def test_what_the_store_has_by_now_is_told() -> None:
    """Somebody changed or removed its part behind the proxy."""
    original, now = policy(THEIRS[0], OURS[0]), policy(THEIRS[1])

    assert json.loads(joined_policy(original, now))["Statement"] == [THEIRS[1], OURS[0]]
    assert json.loads(joined_policy(original, b""))["Statement"] == [OURS[0]]
