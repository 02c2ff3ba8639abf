"""Why a request was not let in: one class for each thing that a client must be told apart.

Facts are attributes and none of them is a secret. Which HTTP status and which code a protocol has for them is
decided at its edge, never by the text.
"""

from datetime import datetime
from enum import Enum, auto


class Part(Enum):
    """The part of a request that cannot be read; S3 has another code for each."""

    AUTHORIZATION = auto()
    """The Authorization header, or what it says about other headers."""
    QUERY = auto()
    """The X-Amz-* parameters of a presigned URL."""
    MECHANISM = auto()
    """Two ways of signing in one request, or one that nobody knows."""
    DATE = auto()
    """x-amz-date, or Date where that is absent."""
    PAYLOAD_HASH = auto()
    """x-amz-content-sha256."""


class AuthError(Exception):
    """The request is not authenticated. Subclasses say why."""


class Unsigned(AuthError):
    """There are no credentials at all: an anonymous request, which some rule may still let through."""

    def __init__(self) -> None:
        super().__init__("the request is not signed")


class Malformed(AuthError):
    """The claim cannot be read. `what` is a sentence that the client may see."""

    def __init__(self, what: str, *, part: Part) -> None:
        super().__init__(what)
        self.what = what
        self.part = part


class HeadersNotSigned(AuthError):
    """Headers that change what a request means were sent outside the signature."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(f"headers present but not signed: {', '.join(names)}")
        self.names = names


class UnsupportedVersion(AuthError):
    """A signature of a kind that is known and not taken: `version` is SigV2 or SigV4A."""

    def __init__(self, version: str) -> None:
        super().__init__(f"{version} is not supported; sign with SigV4")
        self.version = version


class UnknownAccessKey(AuthError):
    """No identity has this access key id."""

    def __init__(self, access_key: str) -> None:
        super().__init__(f"no identity has the access key id {access_key}")
        self.access_key = access_key


class WrongSignature(AuthError):
    """The signature of the request, of a chunk or of its trailer is not the one that the secret gives.

    `string_to_sign` is ours, for the client to compare with its own; it holds hashes, no headers, no secret.
    """

    def __init__(self, *, access_key: str, string_to_sign: str) -> None:
        super().__init__("the signature does not match")
        self.access_key = access_key
        self.string_to_sign = string_to_sign


class InvalidToken(AuthError):
    """The session token is not the credential's, is missing, or was sent where the credential has none."""

    def __init__(self, access_key: str) -> None:
        super().__init__("the session token does not belong to this access key")
        self.access_key = access_key


class ExpiredToken(AuthError):
    """All is right, and the credential's time is over. Only whoever has its secret and token is told."""

    def __init__(self, *, access_key: str, expired_at: datetime) -> None:
        super().__init__(f"the credential of this access key expired at {expired_at.isoformat()}")
        self.access_key = access_key
        self.expired_at = expired_at


class WrongScope(AuthError):
    """Signed for another place: `field` is region or service, `expected` what would do here."""

    def __init__(self, *, field: str, got: str, expected: tuple[str, ...], by_query: bool) -> None:
        super().__init__(f"the {field} {got!r} is wrong; expecting {' or '.join(expected)}")
        self.field = field
        self.got = got
        self.expected = expected
        self.by_query = by_query


class Skewed(AuthError):
    """The request's time and ours are too far apart."""

    def __init__(self, *, signed_at: datetime, now: datetime, allowed_seconds: int) -> None:
        super().__init__(f"signed at {signed_at.isoformat()}, more than {allowed_seconds} s from now")
        self.signed_at = signed_at
        self.now = now
        self.allowed_seconds = allowed_seconds


class NotYetValid(AuthError):
    """A presigned URL whose time has not come."""

    def __init__(self, *, signed_at: datetime, now: datetime) -> None:
        super().__init__(f"valid from {signed_at.isoformat()}")
        self.signed_at = signed_at
        self.now = now


class Expired(AuthError):
    """A presigned URL whose time is over."""

    def __init__(self, *, expired_at: datetime, now: datetime, expires_seconds: int) -> None:
        super().__init__(f"expired at {expired_at.isoformat()}")
        self.expired_at = expired_at
        self.now = now
        self.expires_seconds = expires_seconds


class MalformedPolicy(AuthError):
    """A form's policy is no JSON document of its kind."""

    def __init__(self) -> None:
        super().__init__("the form's policy cannot be read")


class PolicyRefuses(AuthError):
    """The form is not what its policy was signed for. `what` is a sentence that the client may see."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
