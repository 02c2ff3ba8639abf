"""Whom a statement of a resource policy is about, and how it comes to be about them.

From "AWS JSON policy elements: Principal" and "NotPrincipal" (IAM user guide). The account, by its id or its
root's ARN, means all who belong to it; an Allow for it only hands the decision to the account's identity
policies. In NotPrincipal it means the account alone, so that a user must be named to be left out.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from proxy.policy.conditions import values_of
from proxy.policy.malformed import MalformedPolicy
from proxy.policy.request import Request


class Through(Enum):
    """How a statement is about somebody."""

    NOT = auto()
    ACCOUNT = auto()
    PRINCIPAL = auto()
    """By their own name, or by naming everyone."""


_is_account = re.compile(r"[0-9]{12}").fullmatch
_is_root = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):root").fullmatch
_is_arn = re.compile(
    r"arn:aws[a-z-]*:(?:iam::[0-9]{12}:(?:user|role)|sts::[0-9]{12}:(?:assumed-role|federated-user))/[^*?]+"
).fullmatch
_is_unique_id = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{12,124}").fullmatch
"""What AWS puts in the place of a user or role that was deleted; it is about nobody."""
_is_service = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?").fullmatch
_is_canonical = re.compile(r"[0-9a-f]{64}").fullmatch
_is_session = re.compile(r"(arn:aws[a-z-]*):sts::([0-9]{12}):assumed-role/([^/]+)/.+").fullmatch


def role_of(arn: str) -> str:
    """A session's role, and anyone else themselves: what aws:PrincipalArn says of a caller, so that one
    condition holds for all sessions of a role. A session's ARN does not tell the role's path, so it is none.
    """
    session = _is_session(arn) if ":assumed-role/" in arn else None
    return "{}:iam::{}:role/{}".format(*session.groups()) if session else arn


def principal_type(arn: str) -> str:
    """What aws:PrincipalType says of a caller: "Principal key values" of the IAM user guide."""
    kind = arn.rpartition(":")[2].partition("/")[0]
    return {"user": "User", "federated-user": "FederatedUser"}.get(kind, "AssumedRole")


@dataclass(frozen=True, slots=True, kw_only=True)
class Principals:
    named: frozenset[str]
    """ARNs, and names of services, federations and canonical users."""
    accounts: frozenset[str]
    everyone: bool
    negated: bool

    def through(self, request: Request) -> Through:
        way = self._named(request)
        if not self.negated:
            return way
        return Through.NOT if way is Through.PRINCIPAL else Through.PRINCIPAL

    def _named(self, request: Request) -> Through:
        arn = request.principal_arn
        if self.everyone or arn in self.named or role_of(arn) in self.named:
            return Through.PRINCIPAL
        return Through.ACCOUNT if request.principal_account in self.accounts else Through.NOT


def parse_principals(block: object, where: str, *, negated: bool) -> Principals:
    """Raises MalformedPolicy."""
    if block == "*":
        if negated:
            raise MalformedPolicy(where, "everyone but everyone is nobody")
        return Principals(named=frozenset(), accounts=frozenset(), everyone=True, negated=False)
    if not isinstance(block, dict) or not block:
        raise MalformedPolicy(
            where, 'it must be "*" or an object of AWS, Service, Federated or CanonicalUser'
        )
    named: set[str] = set()
    accounts: set[str] = set()
    for kind, given in block.items():
        at = f"{where}.{kind}"
        if kind not in {"AWS", *_NAMES}:
            raise MalformedPolicy(at, "this kind of principal is not known")
        for value in values_of(given, at):
            _sort_in(kind, value, at, named, accounts)
    everyone = "*" in named
    if everyone and negated:
        raise MalformedPolicy(where, "everyone but everyone is nobody")
    return Principals(
        named=frozenset(named), accounts=frozenset(accounts), everyone=everyone, negated=negated
    )


def _sort_in(kind: str, value: str, where: str, named: set[str], accounts: set[str]) -> None:
    if kind != "AWS":
        if not _NAMES[kind](value):
            raise MalformedPolicy(where, f"this is no valid principal: {value}")
        named.add(value)
        return
    root = _is_root(value)
    if root is not None:
        accounts.add(root.group(1))
    elif _is_account(value):
        accounts.add(value)
    elif value == "*" or _is_arn(value) or _is_unique_id(value):
        named.add(value)
    else:
        raise MalformedPolicy(where, f"this is no valid principal: {value}")


_NAMES = {
    "Service": _is_service,
    "Federated": re.compile(r"[^*?\s]+").fullmatch,
    "CanonicalUser": _is_canonical,
}
