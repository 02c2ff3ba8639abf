"""Every error of the rooms has its answer, and none tells what it should not."""

import inspect
from types import ModuleType

import pytest

from proxy.auth import errors as auth
from proxy.gateway.refusals import ANSWERS, IntegrityViolation, as_s3_error, retry_headers, violation_in
from proxy.keys import provider as kms
from proxy.s3.errors import S3Error
from proxy.seal import errors as seal
from proxy.upstream import messages as upstream

FAMILIES = [
    (auth, auth.AuthError),
    (kms, kms.KeyServiceError),
    (seal, seal.FormatError),
    (upstream, upstream.UpstreamError),
]


@pytest.mark.parametrize(("module", "family"), FAMILIES, ids=lambda each: each.__name__)
def test_every_class_of_a_family_is_in_the_table(module: ModuleType, family: type[Exception]) -> None:
    """A new error that nobody mapped would be an InternalError."""
    classes = [
        c for _, c in inspect.getmembers(module, inspect.isclass) if issubclass(c, family) and c is not family
    ]

    assert [c.__name__ for c in classes if not any(base in ANSWERS for base in c.__mro__)] == []


@pytest.mark.parametrize(
    ("code", "answer", "status"),
    [
        ("DisabledException", "KMS.DisabledException", 400),
        ("NotFoundException", "KMS.NotFoundException", 400),
        ("KMSInvalidStateException", "KMS.KMSInvalidStateException", 400),
        ("InvalidKeyUsageException", "KMS.InvalidKeyUsageException", 400),
    ],
)
def test_a_key_that_cannot_be_used_is_told_by_its_kms_name(code: str, answer: str, status: int) -> None:
    error = as_s3_error(kms.KeyUnusable("why", code=code))

    assert (error.code, error.status, error.message) == (answer, status, "why")


@pytest.mark.parametrize(
    "error",
    [kms.KeyUnavailable("x"), upstream.UpstreamUnreachable("x"), upstream.UpstreamBroken("x")],
    ids=repr,
)
def test_what_may_pass_later_says_when_to_try_again(error: Exception) -> None:
    answer = as_s3_error(error)

    assert answer.status == 503
    assert retry_headers(answer) == {"retry-after": "1"}


@pytest.mark.parametrize(
    "error",
    [
        seal.TamperedBody("tag", segment=3),
        seal.DamagedEnvelope("seal"),
        seal.ForeignBucket("other"),
        kms.WrappedKeyDamaged("context"),
        IntegrityViolation("envelope"),
    ],
    ids=repr,
)
def test_a_damaged_object_is_one_answer_for_the_client_and_a_finding_for_the_audit(error: Exception) -> None:
    answer = as_s3_error(error)

    assert (answer.code, answer.status) == ("InvalidObjectState", 403)
    assert "other" not in answer.message
    assert violation_in(error)


def test_a_plain_object_is_refused_and_is_no_violation() -> None:
    error = seal.NotSealed(5)

    assert as_s3_error(error).code == "InvalidObjectState"
    assert violation_in(error) == ""


def test_what_nobody_foresaw_is_an_internal_error_without_its_text() -> None:
    answer = as_s3_error(RuntimeError("secret path"))

    assert (answer.code, answer.status) == ("InternalError", 500)
    assert "secret" not in answer.message


def test_s3_errors_pass_as_they_are() -> None:
    error = S3Error("NoSuchKey")

    assert as_s3_error(error) is error
