"""Every error that can end an operation, and what S3 calls it: one table, asked once, at the edge.

A class that is not here is a defect of ours: InternalError, with the story in the log.
"""

from collections.abc import Callable
from typing import Any

from proxy.auth import errors as auth
from proxy.gateway.budget import OverBudget
from proxy.gateway.exchange import BodyTooShort
from proxy.keys import provider as kms
from proxy.s3.errors import S3Error
from proxy.seal import errors as seal
from proxy.upstream import messages as upstream

RETRY_AFTER_SECONDS = "1"
NOT_AS_SEALED = "The object on the store is not what was sealed under this name."

SETTINGS_NOT_AS_KEPT = (
    "What the store has of this bucket's encryption setting is not what was kept there."
    " Put the setting anew, or name the key in the request."
)
UPLOAD_NOT_AS_KEPT = "What the store has of this upload is not what was kept there. Abort it and begin anew."


class IntegrityViolation(Exception):
    """Bytes on the store are not what was sealed. The client learns no detail; the audit event holds it."""


class Overwritten(Exception):
    """The name holds another object than a moment ago: ask again. That is no integrity violation."""


def as_s3_error(error: BaseException) -> S3Error:
    """The answer to give for error; an InternalError where none was foreseen."""
    if isinstance(error, S3Error):
        return error
    for kind in type(error).__mro__:
        if kind in ANSWERS:
            return ANSWERS[kind](error)
    return S3Error("InternalError")


def violation_in(error: BaseException) -> str:
    """What the audit event says was found wrong on the store; empty where the error is no such finding."""
    if isinstance(error, kms.WrappedKeyDamaged):
        return error.reason
    violations = (
        *(IntegrityViolation, seal.DamagedEnvelope, seal.DamagedRecord),
        seal.DamagedSettings,
        *(seal.TamperedBody, seal.ForeignBucket),
    )
    return str(error) if isinstance(error, violations) else ""


def damage_in(error: BaseException) -> str:
    """What the audit event says of an upload that did not reach the store as it was sent; else empty."""
    return str(error) if isinstance(error, upstream.DamagedOnTheWay) else ""


def retry_headers(error: S3Error) -> dict[str, str]:
    return {"retry-after": RETRY_AFTER_SECONDS} if error.status == 503 else {}


def _fixed(code: str, message: str = "") -> Callable[[Any], S3Error]:
    return lambda _: S3Error(code, message)


def _malformed(error: auth.Malformed) -> S3Error:
    codes = {
        auth.Part.AUTHORIZATION: "AuthorizationHeaderMalformed",
        auth.Part.QUERY: "AuthorizationQueryParametersError",
        auth.Part.MECHANISM: "InvalidArgument",
        auth.Part.DATE: "AccessDenied",
        auth.Part.PAYLOAD_HASH: "InvalidArgument",
    }
    return S3Error(codes[error.part], error.what)


def _wrong_scope(error: auth.WrongScope) -> S3Error:
    code = "AuthorizationQueryParametersError" if error.by_query else "AuthorizationHeaderMalformed"
    if error.field == "region" and error.expected:
        return S3Error(code, str(error), Region=error.expected[0])
    return S3Error(code, str(error))


def _unusable(error: kms.KeyUnusable) -> S3Error:
    code = f"KMS.{error.code}"
    known = ("KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException")
    return S3Error(code if code in known else "KMS.InvalidKeyUsageException", error.reason)


def _expired(error: auth.Expired) -> S3Error:
    return S3Error("AccessDenied", "Request has expired", Expires=error.expired_at.isoformat())


def _skewed(error: auth.Skewed) -> S3Error:
    return S3Error(
        "RequestTimeTooSkewed",
        RequestTime=error.signed_at.isoformat(),
        ServerTime=error.now.isoformat(),
        MaxAllowedSkewMilliseconds=str(error.allowed_seconds * 1000),
    )


def _wrong_signature(error: auth.WrongSignature) -> S3Error:
    return S3Error(
        "SignatureDoesNotMatch", AWSAccessKeyId=error.access_key, StringToSign=error.string_to_sign
    )


def _no_key_service(error: kms.KeyUnavailable) -> S3Error:
    """Whoever uses a key that lives in one region is told why nothing else stands in.

    Not which one it is: of SSE-S3 no answer says that.
    """
    why = ", and the key is a single-Region key, which no other region has"
    why = why if error.code == kms.SINGLE_REGION else ""
    return S3Error("ServiceUnavailable", f"The key management service does not answer{why}. Try again.")


ANSWERS: dict[type[BaseException], Callable[[Any], S3Error]] = {
    auth.Unsigned: _fixed("AccessDenied"),
    auth.Malformed: _malformed,
    auth.HeadersNotSigned: lambda error: S3Error(
        "AccessDenied",
        "There were headers present in the request which were not signed",
        HeadersNotSigned=", ".join(error.names),
    ),
    auth.UnsupportedVersion: lambda error: S3Error("InvalidRequest", str(error)),
    auth.UnknownAccessKey: lambda error: S3Error("InvalidAccessKeyId", AWSAccessKeyId=error.access_key),
    auth.WrongSignature: _wrong_signature,
    auth.InvalidToken: _fixed("InvalidToken"),
    auth.ExpiredToken: _fixed("ExpiredToken"),
    auth.WrongScope: _wrong_scope,
    auth.MalformedPolicy: _fixed("InvalidPolicyDocument"),
    auth.PolicyRefuses: lambda error: S3Error("AccessDenied", f"Invalid according to Policy: {error.what}"),
    auth.Skewed: _skewed,
    auth.NotYetValid: _fixed("AccessDenied", "Request is not valid yet"),
    auth.Expired: _expired,
    kms.KeyUnavailable: _no_key_service,
    kms.KeyRefused: lambda error: S3Error("AccessDenied", error.reason),
    kms.KeyUnusable: _unusable,
    kms.WrappedKeyDamaged: _fixed("InvalidObjectState", NOT_AS_SEALED),
    seal.DamagedEnvelope: _fixed("InvalidObjectState", NOT_AS_SEALED),
    seal.TamperedBody: _fixed("InvalidObjectState", NOT_AS_SEALED),
    seal.DamagedRecord: _fixed("InvalidObjectState", UPLOAD_NOT_AS_KEPT),
    seal.DamagedSettings: _fixed("InvalidBucketState", SETTINGS_NOT_AS_KEPT),
    seal.ForeignBucket: _fixed("InvalidObjectState", NOT_AS_SEALED),
    seal.NotSealed: _fixed(
        "InvalidObjectState", "The object is not encrypted, and the bucket's rule asks for it."
    ),
    seal.WrongKey: _fixed("AccessDenied", "The key that you sent is not the one that this object is under."),
    seal.UnknownVersion: lambda error: S3Error("InvalidObjectState", str(error)),
    seal.WrongLength: _fixed("IncompleteBody"),
    seal.RefusedContext: lambda error: S3Error("InvalidArgument", str(error)),
    Overwritten: lambda _: S3Error(
        "OperationAborted", "The object is being overwritten. Try again.", status=409
    ),
    IntegrityViolation: _fixed("InvalidObjectState", NOT_AS_SEALED),
    upstream.DamagedOnTheWay: _fixed(
        "ServiceUnavailable", "The object store did not receive what was sent. Try again."
    ),
    upstream.UpstreamError: _fixed("ServiceUnavailable", "The object store does not answer. Try again."),
    OverBudget: _fixed("SlowDown"),
    BodyTooShort: _fixed("IncompleteBody"),
}
