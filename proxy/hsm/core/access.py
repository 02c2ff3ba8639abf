"""Who may do what with which key: today, the account owns its keys.

A table from whose key it is and how the caller comes to it. A user of the key's account does everything
with a customer key and only looks at a managed one; a proxy that speaks for a client uses the client's keys
as the client may, and manages nothing; an owned key serves any proxy and nobody else. Policies and grants
will be judged here as well.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.model import Key, Manager
from proxy.hsm.core.states import REFUSED

USES = frozenset({"GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "Encrypt", "Decrypt", "ReEncrypt"})
PROXIED = USES | {"DescribeKey"}
"""All that a proxy may ask for."""
_LOOKS = frozenset(action for action in REFUSED if action.startswith(("Describe", "Get", "List")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who makes a call, as its signature and the proxy's headers proved; and what policies may see of it."""

    arn: str
    account: str
    kind: Literal["user", "proxy"]
    region: str
    """Of the signature's scope: the call is made in it."""
    on_behalf_of: tuple[str, str] | None = None
    """ARN and account of the client that a proxy speaks for."""
    via_service: str = ""
    source_ip: str = ""
    secure_transport: bool = False

    @property
    def client_arn(self) -> str:
        return self.on_behalf_of[0] if self.on_behalf_of else self.arn

    @property
    def client_account(self) -> str:
        """Whose keys the call may mean when it names no account."""
        return self.on_behalf_of[1] if self.on_behalf_of else self.account


class Way(Enum):
    """How a caller comes to a key."""

    DIRECT = auto()
    SPEAKING = auto()
    """A proxy, for a client."""
    ALONE = auto()
    """A proxy, for nobody."""


ALLOWED: dict[tuple[Manager, Way], frozenset[str]] = {
    (Manager.CUSTOMER, Way.DIRECT): frozenset(REFUSED),
    (Manager.CUSTOMER, Way.SPEAKING): PROXIED,
    # AWS's policy for aws/s3: the account may look; use is S3's, for principals of the account.
    (Manager.AWS, Way.DIRECT): _LOOKS,
    (Manager.AWS, Way.SPEAKING): PROXIED,
    (Manager.OWNED, Way.SPEAKING): PROXIED,
    (Manager.OWNED, Way.ALONE): PROXIED,
}


def way(principal: Principal) -> Way:
    if principal.kind == "user":
        return Way.DIRECT
    return Way.SPEAKING if principal.on_behalf_of else Way.ALONE


def check_access(principal: Principal, action: str, key: Key, *, named: str) -> None:
    """Raises AccessDeniedException; of another account's key it repeats how the caller named it, no more."""
    own = key.account == principal.client_account
    mine = own or key.manager is Manager.OWNED
    if not mine or action not in ALLOWED.get((key.manager, way(principal)), ()):
        raise denied(principal, action, key.arn if own else named)


def check_action(principal: Principal, action: str) -> None:
    """Raises AccessDeniedException for what this kind of caller may do with no key at all."""
    if principal.kind == "proxy" and action not in PROXIED:
        raise denied(principal, action, "*")


def denied(principal: Principal, action: str, resource: str) -> KmsError:
    """One wording for a key that may not be used and for one that is not there."""
    says = f"User: {principal.client_arn} is not authorized to perform: kms:{action} on resource: {resource}"
    return KmsError("AccessDeniedException", says)
