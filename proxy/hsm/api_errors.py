"""What the API itself refuses, before any key is looked at: AWS's names, texts and HTTP statuses.

Rules: AWS KMS API reference, "Common Error Types", and the JSON 1.1 protocol's own (SerializationException,
UnknownOperationException). The engine has an error of its own; both become one answer in api.py.
"""

from typing import Final

from proxy.auth import errors as auth

UNSIGNED: Final = "MissingAuthenticationTokenException"
INCOMPLETE: Final = "IncompleteSignatureException"
INVALID_SIGNATURE: Final = "InvalidSignatureException"
UNRECOGNIZED: Final = "UnrecognizedClientException"

_UNKNOWN_CALLER: Final = "The security token included in the request is invalid."
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)

_OF_AUTH: Final[dict[type[auth.AuthError], tuple[str, str]]] = {
    auth.Unsigned: (UNSIGNED, "Missing Authentication Token"),
    auth.Malformed: (INCOMPLETE, ""),
    auth.HeadersNotSigned: (INVALID_SIGNATURE, ""),
    auth.UnsupportedVersion: (INCOMPLETE, ""),
    auth.UnknownAccessKey: (UNRECOGNIZED, _UNKNOWN_CALLER),
    auth.WrongSignature: (INVALID_SIGNATURE, _MISMATCH),
    auth.InvalidToken: (UNRECOGNIZED, _UNKNOWN_CALLER),
    auth.ExpiredToken: ("ExpiredTokenException", "The security token included in the request is expired"),
    auth.WrongScope: (INVALID_SIGNATURE, ""),
    auth.Skewed: (INVALID_SIGNATURE, ""),
    auth.NotYetValid: (INVALID_SIGNATURE, ""),
    auth.Expired: (INVALID_SIGNATURE, ""),
}
"""An empty text is the error's own, which shows facts of the request and no secret."""


class ApiRefusal(Exception):
    """The call did not reach the engine. `code` is AWS's error name, `status` the HTTP status."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status


def refusal_of(error: auth.AuthError) -> ApiRefusal:
    """AWS KMS answers each of these with 400."""
    code, text = _OF_AUTH[type(error)]
    return ApiRefusal(code, text or _sentence(str(error)))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
