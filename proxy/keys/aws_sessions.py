"""As whom AWS KMS is called for an identity: as the proxy, or as what the identity is to AWS itself.

That is a role which the proxy assumes for it, or an access key of its own. A session names the identity
(SourceIdentity, a tag), so that AWS's trail and policies see who it is for. It is made when it is first
needed and renewed before it ends; while STS does not answer, the old one serves as long as it is good, and
nobody but the one who asks waits for STS.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from aiobotocore.credentials import AioCredentials

from proxy.keys.decisions import again
from proxy.keys.provider import KeyServiceError, KeyUnavailable

RENEWED_BEFORE: Final = timedelta(minutes=5)
ASKED_AGAIN: Final = timedelta(seconds=10)
"""How long STS is left alone that did not answer, while there is a session that is good."""
TAG: Final = "sealgate:principal"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsIdentity:
    """Either a role, or an access key."""

    name: str
    arn: str
    """Here, not at AWS."""
    role_arn: str = ""
    external_id: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)


class Sts(Protocol):
    async def assume_role(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """AssumeRole's answer. Raises a KeyServiceError."""


class Sessions:
    """By the identity's ARN. Safe for concurrent use: one call to STS is the answer, or the failure, of all
    who wait for a session.
    """

    def __init__(
        self, identities: Collection[AwsIdentity], sts: Sts | None, now: Callable[[], datetime]
    ) -> None:
        """`sts` may be None where no identity has a role. `now` is in UTC."""
        self._own = {
            who.arn: _credentials(who.access_key_id, who.secret_access_key)
            for who in identities
            if who.access_key_id
        }
        self._roles = {who.arn: _Role(who) for who in identities if who.role_arn}
        self._sts = sts
        self._now = now

    def __contains__(self, arn: object) -> bool:
        return arn in self._own or arn in self._roles

    async def credentials(self, arn: str) -> AioCredentials:
        """Of an identity that is in here. Raises KeyServiceError."""
        own = self._own.get(arn)
        if own is not None:
            return own
        role = self._roles[arn]
        if role.lock.locked() and (good := self._maybe_good(role)):
            return good
        asked = role.asked
        async with role.lock:
            if role.error is not None and role.asked != asked:
                raise again(role.error)
            if role.held is None or self._now() >= role.renewed_at:
                await self._renew(role)
            assert role.held is not None, "a renewal that fails raises, or the old one serves on"
            return role.held

    def renewable(self, arn: str, refused: AioCredentials) -> bool:
        """Whether there will be others than these, which AWS did not take: those of a role are made anew."""
        role = self._roles.get(arn)
        if role is not None and role.held is refused:
            role.held = None
        return role is not None

    def _maybe_good(self, role: "_Role") -> AioCredentials | None:
        return role.held if self._now() < role.good_until else None

    async def _renew(self, role: "_Role") -> None:
        assert self._sts is not None, "there is one where a role is"
        role.error = None
        try:
            answer = (await self._sts.assume_role(role.request))["Credentials"]
        except KeyServiceError as exc:
            role.asked += 1
            if isinstance(exc, KeyUnavailable) and self._maybe_good(role):
                role.renewed_at = min(self._now() + ASKED_AGAIN, role.good_until)
                return
            role.held, role.error = None, exc
            raise
        role.asked += 1
        role.held = _credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
        role.good_until = answer["Expiration"]
        role.renewed_at = role.good_until - RENEWED_BEFORE


class _Role:
    """A role and the session that is held of it."""

    def __init__(self, who: AwsIdentity) -> None:
        self.request = assuming(who)
        self.lock = asyncio.Lock()
        self.held: AioCredentials | None = None
        self.good_until = self.renewed_at = datetime.min.replace(tzinfo=UTC)
        self.asked = 0
        """How often STS was, to its end."""
        self.error: KeyServiceError | None = None
        """Of the last time, where no session came of it."""


def _credentials(access_key_id: str, secret: str, session_token: str | None = None) -> AioCredentials:
    return AioCredentials(access_key_id, secret, session_token)  # type: ignore[no-untyped-call]  # aiobotocore is not annotated


def assuming(who: AwsIdentity) -> dict[str, Any]:
    """AssumeRole for an identity. AWS wants two characters at least of both its names."""
    name = who.name if len(who.name) > 1 else f"{who.name}@sealgate"
    request: dict[str, Any] = {
        "RoleArn": who.role_arn,
        "RoleSessionName": name,
        "SourceIdentity": name,
        "Tags": [{"Key": TAG, "Value": who.arn}],
    }
    return request | ({"ExternalId": who.external_id} if who.external_id else {})
