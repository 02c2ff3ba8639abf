"""What a KMS's error name means for the caller: one table for every backend that speaks AWS's protocol.

The proxy's own credentials being refused is not an answer about the client, so it reads "unavailable": the
client is told to come back, and somebody mends the proxy. A name that the table lacks goes by its status.
Names are those of the AWS KMS API reference, its common errors and the exceptions of each operation.
"""

from typing import Final

from proxy.keys.provider import KeyRefused, KeyServiceError, KeyUnavailable, KeyUnusable, WrappedKeyDamaged

_OF_THE_PROXY: Final = (
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
"""Its credentials, clock or signature."""
CREDENTIALS_NOT_TAKEN: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
)
"""Those of them that say it of an access key or a session, whosever it is."""
NOT_OF_THE_REGION: Final = frozenset({*_OF_THE_PROXY, "LimitExceededException"})
"""What reads unavailable and would be no better in another region."""

_BY_CLASS: Final[dict[type[KeyServiceError], tuple[str, ...]]] = {
    KeyUnavailable: (
        "DependencyTimeoutException",
        "InternalFailure",
        "KMSInternalException",
        "KeyUnavailableException",
        "LimitExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        *_OF_THE_PROXY,
    ),
    KeyRefused: (
        "AccessDenied",
        "AccessDeniedException",
        "InvalidGrantTokenException",
        "NotAuthorized",
        "OptInRequired",
    ),
    KeyUnusable: (
        "DisabledException",
        "InvalidArnException",
        "InvalidKeyUsageException",
        "KMSInvalidStateException",
        "NotFoundException",
        "UnsupportedOperationException",
        "ValidationException",
    ),
    WrappedKeyDamaged: ("IncorrectKeyException", "InvalidCiphertextException"),
}

_MEANING: Final = {name: meaning for meaning, names in _BY_CLASS.items() for name in names}


def key_error(code: str, message: str, *, status: int) -> KeyServiceError:
    """The error of our family for a KMS's refusal; `status` is its HTTP status."""
    unknown = KeyUnavailable if status >= 500 or status == 429 else KeyUnusable
    return _MEANING.get(code, unknown)(message or code, code=code)
