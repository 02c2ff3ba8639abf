"""Who may call: identities with their access keys, looked up by access key or ARN.

Built once from a list and never edited; a reload builds another. What must be unique is checked here, since a
key that two identities share would let one act as the other.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from proxy.auth.sigv4 import Credentials

# No slash and no comma, which end it in a credential scope; nothing that a log line could be broken with.
is_access_key = re.compile(r"[!-+\-.0-~]{1,128}").fullmatch
_is_account = re.compile(r"[0-9]{12}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A principal. `proxy` is one that may speak for others, and has no rights of its own."""

    name: str
    account: str
    """12 digits."""
    arn: str
    kind: Literal["user", "proxy"] = "user"
    access_keys: tuple[Credentials, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)


class Identities:
    """All identities of one configuration.

    Raises ValueError, naming the identities, where an ARN or an access key id is not unique, or where an
    account or an access key id is not of its form.
    """

    __slots__ = ("_by_access_key", "_by_arn")

    def __init__(self, identities: Iterable[Identity]) -> None:
        self._by_arn: dict[str, Identity] = {}
        self._by_access_key: dict[str, tuple[Identity, Credentials]] = {}
        for identity in identities:
            self._add(identity)

    def __len__(self) -> int:
        return len(self._by_arn)

    def maybe_by_access_key(self, access_key: str) -> tuple[Identity, Credentials] | None:
        return self._by_access_key.get(access_key)

    def maybe_by_arn(self, arn: str) -> Identity | None:
        return self._by_arn.get(arn)

    def _add(self, identity: Identity) -> None:
        if not _is_account(identity.account):
            raise ValueError(f"{identity.name}: an account is 12 digits, not {identity.account!r}")
        if identity.arn in self._by_arn:
            other = self._by_arn[identity.arn]
            raise ValueError(f"{other.name} and {identity.name} have the same ARN {identity.arn}")
        self._by_arn[identity.arn] = identity
        for credentials in identity.access_keys:
            self._add_key(identity, credentials)

    def _add_key(self, identity: Identity, credentials: Credentials) -> None:
        access_key = credentials.access_key
        if not is_access_key(access_key):
            raise ValueError(f"{identity.name}: {access_key!r} cannot be an access key id")
        if not credentials.secret:
            raise ValueError(f"{identity.name}: the access key {access_key} has no secret")
        if access_key in self._by_access_key:
            other = self._by_access_key[access_key][0]
            raise ValueError(f"{other.name} and {identity.name} have the same access key id {access_key}")
        self._by_access_key[access_key] = (identity, credentials)
