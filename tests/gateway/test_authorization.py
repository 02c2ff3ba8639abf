"""Who may do what on the S3 side: policies of an identity against requests."""

from collections.abc import Mapping, Sequence

import pytest

from proxy.gateway.authorization.authorize import (
    authorize,
    authorize_document,
    maybe_hidden,
    maybe_refused_delete,
)
from proxy.s3.errors import S3Error
from tests.gateway.asking import ALICE, Asked, call_of
from tests.gateway.permitted import ALL, DOCUMENTS, ROWS
from tests.policy.judged import allow, deny


@pytest.mark.parametrize(("page", "statements", "asked", "allowed"), ROWS)
def test_what_an_identity_may_do(
    page: str, statements: Sequence[object], asked: Asked, *, allowed: bool
) -> None:
    assert page.startswith("https://docs.aws.amazon.com/")
    call = call_of(asked, statements)
    if allowed:
        authorize(call)
        return

    with pytest.raises(S3Error) as refused:
        authorize(call)

    assert (refused.value.code, refused.value.status) == ("AccessDenied", 403)


@pytest.mark.parametrize(("action", "target", "condition", "document", "allowed"), DOCUMENTS)
def test_what_a_body_says_is_decided_when_it_is_here(
    action: str, target: str, condition: Mapping[str, object], document: bytes, *, allowed: bool
) -> None:
    """Service Authorization Reference: these keys are of actions whose requests have them in their bodies."""
    call = call_of(
        Asked(method="PUT", target=target), [allow(f"s3:{action}", Condition={"StringEquals": condition})]
    )

    authorize(call)
    waited = call.trace.undecided
    if allowed:
        authorize_document(call, document)
    else:
        with pytest.raises(S3Error, match="AccessDenied"):
            authorize_document(call, document)

    assert (waited, call.trace.undecided) == (True, not allowed)


def test_nothing_waits_for_a_body_that_no_policy_looks_at() -> None:
    call = call_of(Asked(method="PUT", target="/bucket/key?tagging"), [allow("s3:GetObject")])

    with pytest.raises(S3Error, match="AccessDenied"):
        authorize(call)


def test_a_body_that_cannot_be_read_is_not_allowed() -> None:
    statement = allow("s3:*", Condition={"Null": {"s3:RequestObjectTag/a": "true"}})
    call = call_of(Asked(method="PUT", target="/bucket/key?tagging"), [statement])
    authorize(call)

    with pytest.raises(S3Error, match="MalformedXML"):
        authorize_document(call, b"<Tagging>")


def test_a_refusal_names_who_what_and_why_as_s3_does() -> None:
    """Troubleshooting guide, "Access denied (403 Forbidden) errors in Amazon S3"."""
    with pytest.raises(S3Error) as implicit:
        authorize(call_of(Asked(), []))
    with pytest.raises(S3Error) as explicit:
        authorize(call_of(Asked(), [ALL, deny("s3:Get*")]))

    words = f'User: {ALICE} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::bucket/key"'
    assert (
        implicit.value.message == f"{words} because no identity-based policy allows the s3:GetObject action"
    )
    assert explicit.value.message == f"{words} with an explicit deny in an identity-based policy"


def test_each_key_of_a_deletion_is_decided_for_itself() -> None:
    call = call_of(
        Asked(method="POST", target="/bucket?delete"),
        [
            allow("s3:DeleteObject", "arn:aws:s3:::bucket/mine/*"),
            allow("s3:DeleteObjectVersion", Condition={"StringEquals": {"s3:versionid": "1"}}),
        ],
    )

    authorize(call)
    assert not maybe_refused_delete(call, "mine/a", "")
    assert "s3:DeleteObject on" in maybe_refused_delete(call, "theirs/a", "")
    assert not maybe_refused_delete(call, "theirs/a", "1")
    assert "s3:DeleteObjectVersion on" in maybe_refused_delete(call, "mine/a", "2")


def test_bypassing_retention_is_decided_with_each_key() -> None:
    call = call_of(
        Asked(method="POST", target="/bucket?delete", headers={"x-amz-bypass-governance-retention": "true"}),
        [allow("s3:DeleteObject")],
    )

    assert "s3:BypassGovernanceRetention" in maybe_refused_delete(call, "a", "")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_may_not_list_does_not_learn_what_is_missing(method: str) -> None:
    """API reference of GetObject: 404 with s3:ListBucket, else 403."""
    missing = S3Error("NoSuchKey")
    reader = call_of(Asked(method=method), [allow("s3:GetObject")])
    lister = call_of(Asked(method=method), [allow(["s3:GetObject", "s3:ListBucket"])])

    hidden = maybe_hidden(reader, missing)
    assert hidden is not None
    assert hidden.code == "AccessDenied"
    assert maybe_hidden(lister, missing) is None
    assert maybe_hidden(reader, S3Error("SlowDown")) is None


def test_where_nobody_signed_and_nobody_answers_the_store_decides() -> None:
    call = call_of(Asked(signed=False, arn=""), [])

    authorize(call)
    authorize_document(call, b"")
    assert not maybe_refused_delete(call, "a", "")
