"""Who may do what with which key: how key policy, identity policies and grants come together.

AWS's rules, from its page "Troubleshooting AWS KMS permissions": an explicit Deny wins. In the key's own
account the key policy names the caller, or it names the account and an identity policy allows; from another
account both must allow. A grant allows what it lists. Beside these stand kinds of caller that no policy
speaks of: a proxy only uses keys, for a client or the service's own, and an operator with the root key in
hand may do everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal

from proxy.hsm.core.errors import KmsError
from proxy.policy.documents import Policy
from proxy.policy.evaluate import Effect, judge
from proxy.policy.request import Request

USES = frozenset({"GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "Encrypt", "Decrypt", "ReEncrypt"})
PROXIED = USES | {"DescribeKey"}
"""All that a proxy may ask for."""

UNRESOURCED = frozenset(
    {"CreateKey", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"}
    | {f"{verb}CustomKeyStore" for verb in ("Connect", "Create", "Delete", "Disconnect", "Update")}
    | {"DescribeCustomKeyStores"}
)
"""What no key policy speaks of: identity policies alone decide."""

CROSS_ACCOUNT = frozenset(
    {"CreateGrant", "Decrypt", "DeriveSharedSecret", "DescribeKey", "Encrypt", "GenerateDataKey"}
    | {"GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext"}
    | {"GenerateMac", "GetKeyRotationStatus", "GetPublicKey", "ListGrants", "ReEncrypt", "RetireGrant"}
    | {"RevokeGrant", "Sign", "Verify", "VerifyMac"}
)
"""Actions whose page of AWS's API reference says "Cross-account use: Yes". Of the others a key of another
account is never the target, whatever its policy says.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who makes a call, as its signature and the proxy's headers proved; and what policies may see of it."""

    arn: str
    account: str
    kind: Literal["user", "proxy", "operator"]
    """No identity is an operator: it is who works on the store itself, with the root key."""
    region: str
    """Of the signature's scope: the call is made in it."""
    on_behalf_of: tuple[str, str] | None = None
    """ARN and account of the client that a proxy speaks for."""
    via_service: str = ""
    source_ip: str = ""
    secure_transport: bool = False
    user_agent: str = ""

    @property
    def client_arn(self) -> str:
        return self.on_behalf_of[0] if self.on_behalf_of else self.arn

    @property
    def client_account(self) -> str:
        """Whose keys the call may mean when it names no account."""
        return self.on_behalf_of[1] if self.on_behalf_of else self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What an identity brings along by itself."""

    policies: tuple[Policy, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    """What aws:userid says: there is no other id of an identity."""


class Granted(Enum):
    """What the key's grants say of a request."""

    NOT = auto()
    ACCOUNT = auto()
    """To the caller's account: its identity policies must allow it as well."""
    PRINCIPAL = auto()


FOREIGN = (
    " because the resource does not exist in this Region, no resource-based policies allow access, or a"
    " resource-based policy explicitly denies access"
)
"""One reason for a key that may not be used and for one that is not there."""

DENIED = " with an explicit deny in an identity-based policy"


def refusal(
    request: Request, *, own: bool, key_policy: Policy | None, rights: Rights, granted: Granted
) -> str:
    """Why a request for a key is refused, in AWS's words; empty where it is allowed. A policy that is None
    says nothing.
    """
    identity = judge(rights.policies, request).effect
    if identity is Effect.DENY:
        return DENIED
    resource = judge((key_policy,) if key_policy else (), request)
    if resource.effect is Effect.DENY:
        return " with an explicit deny in a resource-based policy"
    named = granted is Granted.PRINCIPAL or (
        own and resource.effect is Effect.ALLOW and not resource.delegated
    )
    if named:
        return ""
    if resource.effect is not Effect.ALLOW and granted is Granted.NOT:
        return f" because no resource-based policy allows the {request.action} action"
    if identity is not Effect.ALLOW:
        return f" because no identity-based policy allows the {request.action} action"
    return ""


def identity_refusal(request: Request, rights: Rights) -> str:
    """The same for what identity policies decide alone."""
    effect = judge(rights.policies, request).effect
    if effect is Effect.DENY:
        return DENIED
    if effect is Effect.NONE:
        return f" because no identity-based policy allows the {request.action} action"
    return ""


def denied(principal: Principal, action: str, resource: str, reason: str = "") -> KmsError:
    who = f"User: {principal.client_arn} is not authorized to perform: kms:{action}"
    return KmsError("AccessDeniedException", f"{who} on resource: {resource}{reason}")
