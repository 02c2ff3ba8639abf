"""What the gateway asks of a key service, whichever it is.

A backend (the software HSM, AWS KMS), the routing between backends and the data-key cache all have this one
interface, so each wraps the next. Nothing here knows of objects, segments or HTTP.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

KeyContext = Mapping[str, str]
"""An encryption context: it must be the same, pair for pair, when the data key is opened again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """For whom a key is used: the facts that a key policy can see."""

    principal: str
    """The identity's ARN; the account's number is its fifth field."""
    account: str
    """12 digits."""
    source_ip: str
    secure_transport: bool
    request_id: str
    """Of the S3 request, so that the audit events of both sides can be joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """A data key in both its forms. `plain` is 32 bytes and has no repr."""

    key_arn: str
    """As the KMS returned it, never as it was asked for."""
    wrapped: bytes
    plain: bytes = field(repr=False)
    cached: bool = False
    """True where no KMS was called for this use."""
    region: str = ""
    """Where it was made or opened, if not in the region that key_arn names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDescription:
    key_arn: str
    state: str
    """AWS's KeyState, such as `Enabled`."""
    manager: str
    """AWS's KeyManager: CUSTOMER or AWS; OWNED for a key that no account sees."""


class KeyServiceError(Exception):
    """A KMS did not give what was asked. Subclasses say what the caller can do."""

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        """The KMS's own error name, such as `DisabledException`, for the answer and the audit event."""


SINGLE_REGION: Final = "SingleRegionKey"
"""The code where another region might have answered, for a key that no other region has."""


class KeyUnavailable(KeyServiceError):
    """The KMS is down, slow or throttling: the same call may succeed later."""


class KeyRefused(KeyServiceError):
    """The KMS said no to this caller: access denied, or an id that the rule does not accept."""


class KeyUnusable(KeyServiceError):
    """The key is not there, disabled, pending deletion or of the wrong kind: somebody must act on the key."""


class WrappedKeyDamaged(KeyServiceError):
    """The wrapped key or its context is not what the KMS made: an integrity violation."""


OUTCOMES: Final[Mapping[type[BaseException], str]] = {
    KeyRefused: "refused",
    KeyUnusable: "unusable",
    KeyUnavailable: "unavailable",
    WrappedKeyDamaged: "damaged",
}
"""What a call that ended so is counted as."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a KMS can see of a caller. Callers alike in it get the same answers to the same questions."""

    share: Hashable = ()
    """Callers alike in this may be given the same data keys, each once it is allowed them."""
    seen: Hashable = ()
    """Callers alike in this too are one caller to the KMS."""


class KeyProvider(Protocol):
    """Makes and opens data keys.

    Every method is safe for concurrent use and raises a KeyServiceError; a cancelled call leaves nothing
    behind but, at most, a data key that nobody uses.
    """

    async def generate(self, key_id: str, context: KeyContext, caller: Caller, *, fresh: bool) -> DataKey:
        """A data key to seal with, under key_id (id, ARN, alias or alias ARN).

        With fresh, one that was never given out before; without, a cache may answer within its limits.
        """

    async def unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> DataKey:
        """The data key in `wrapped`, which must be under key_arn; another key's blob is WrappedKeyDamaged.

        It opens, and never seals anything new.
        """

    async def re_encrypt(
        self,
        key_arn: str,
        wrapped: bytes,
        context: KeyContext,
        caller: Caller,
        *,
        to_key_id: str,
        to_context: KeyContext,
    ) -> tuple[str, bytes]:
        """The same data key wrapped under to_key_id, and that key's ARN. Its plaintext stays in the KMS."""

    async def may_generate(self, key_id: str, context: KeyContext, caller: Caller) -> None:
        """Raises what `generate` would; makes nothing (AWS: DryRun)."""

    async def may_unwrap(self, key_arn: str, wrapped: bytes, context: KeyContext, caller: Caller) -> None:
        """Raises what `unwrap` would; opens nothing."""

    def standing(self, key_id: str, caller: Caller) -> Standing:
        """For a cache: whose yes for key_id (of any form) is also this caller's."""

    async def describe(self, key_id: str, caller: Caller) -> KeyDescription:
        """What key_id names, aliases resolved."""

    async def aclose(self) -> None:
        """Give back every connection. Idempotent; closes also where it fails."""
