"""What policies say of a request: an explicit Deny wins, then an explicit Allow; else nothing was said.

What nothing said means, and how the policies of an identity and of a resource come together, is the caller's
to know: it differs between services. Order never matters.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from proxy.policy.documents import Policy, Statement
from proxy.policy.principals import Through
from proxy.policy.request import Request


class Effect(Enum):
    ALLOW = auto()
    DENY = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    effect: Effect
    statement: str = ""
    """The Sid, or the index, of the one that decided."""
    delegated: bool = False
    """The allowing statements of resource policies name the principal's account, and not the principal: the
    account's identity policies must allow it as well."""


_NOTHING = Judgement(effect=Effect.NONE)


def judge(policies: Iterable[Policy], request: Request) -> Judgement:
    allowed = delegated = None
    for policy in policies:
        for statement in policy.about(request.action):
            if statement.allows and allowed is not None:
                continue
            way = _about(statement, request)
            if way is Through.NOT:
                continue
            if not statement.allows:
                return Judgement(effect=Effect.DENY, statement=statement.sid)
            if way is Through.PRINCIPAL:
                allowed = statement
            else:
                delegated = delegated or statement
    if allowed is not None:
        return Judgement(effect=Effect.ALLOW, statement=allowed.sid)
    if delegated is not None:
        return Judgement(effect=Effect.ALLOW, statement=delegated.sid, delegated=True)
    return _NOTHING


def _about(statement: Statement, request: Request) -> Through:
    conditions = request.conditions
    if not statement.about_resource(request.resource, conditions):
        return Through.NOT
    principals = statement.principals
    way = Through.PRINCIPAL if principals is None else principals.through(request)
    if way is Through.NOT:
        return way
    for condition in statement.conditions:
        if not condition.holds(conditions):
            return Through.NOT
    return way
