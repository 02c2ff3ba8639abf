"""The one place where a call is let through or refused.

Fed one question with all that is known of it; finds the caller's identity policies, the key's policy and the
grants that speak of it, and has them judged. Who may not use another account's key learns nothing of it, not
even whether it is there.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from proxy.hsm.core.access import (
    CROSS_ACCOUNT,
    DENIED,
    FOREIGN,
    PROXIED,
    Granted,
    Principal,
    Rights,
    denied,
    identity_refusal,
    refusal,
)
from proxy.hsm.core.conditions import Asked, conditions_of
from proxy.hsm.core.grants import Grant, allows, names_of
from proxy.hsm.core.key_policies import maybe_policy
from proxy.hsm.core.model import Key, Manager
from proxy.hsm.grantbook import Grantbook
from proxy.policy.documents import Policy
from proxy.policy.evaluate import Effect, judge
from proxy.policy.request import Request

RightsOf = Callable[[str], Rights]
"""An identity's, by its ARN."""


class Guard:
    """Safe to ask from any thread. Its methods raise AccessDeniedException."""

    def __init__(self, grants: Grantbook, rights_of: RightsOf) -> None:
        self._grants = grants
        self._rights_of = rights_of

    def serve(self, rights_of: RightsOf) -> None:
        """What identities may do from now on."""
        self._rights_of = rights_of

    def rights(self, principal: Principal) -> Rights:
        return self._rights_of(principal.client_arn)

    def check_key(self, asked: Asked, *, operation: str) -> None:
        """`operation` is the API's name for what `asked.action` is a part of."""
        who, key = asked.principal, _key(asked)
        if who.kind == "operator" or (key.manager is Manager.OWNED and _is_proxied(who, operation)):
            return
        own = key.account == who.client_account
        why_not = self._why_not(asked, key, operation, own=own)
        if why_not:
            shown, reason = (key.arn, why_not) if own else (asked.named, FOREIGN)
            raise denied(who, asked.action, shown, reason)

    def check_alone(self, asked: Asked, resource: str = "*") -> None:
        """For what identity policies decide alone: actions about no key, and the alias of an action."""
        if asked.principal.kind == "operator":
            return
        why_not = identity_refusal(_request(asked, resource), asked.rights)
        if why_not:
            raise denied(asked.principal, asked.action, resource, why_not)

    def check_retiring(self, asked: Asked) -> None:
        """The grant says who may retire it; an account that it names does so through its identity policies.
        Key policies have no say: "Retiring and revoking grants" of AWS's guide.
        """
        who, key, grant = asked.principal, _key(asked), asked.grant
        assert grant is not None, "it is what the question is about"
        if who.kind == "operator":
            return
        request = _request(asked, key.arn)
        effect = judge(asked.rights.policies, request).effect
        accounts = {grant.issuing_account, key.account, _account_of_root(grant.retiring)}
        by_account = who.client_account in accounts and effect is Effect.ALLOW
        if effect is Effect.DENY or not (by_account or _may_retire(grant, who.client_arn)):
            own = key.account == who.client_account
            shown = key.arn if own or grant.retiring == who.client_arn else asked.named
            why_not = DENIED if effect is Effect.DENY else ""
            raise denied(who, asked.action, shown, why_not if own else FOREIGN)

    def leaves_open(self, asked: Asked, policy: Policy) -> bool:
        """The lockout safety check: whether the caller, or their account, could put the next key policy."""
        request = _request(replace(asked, action="PutKeyPolicy", request={}), _key(asked).arn)
        return judge((policy,), request).effect is Effect.ALLOW

    def _why_not(self, asked: Asked, key: Key, operation: str, *, own: bool) -> str:
        who = asked.principal
        if key.manager is Manager.OWNED or (who.kind == "proxy" and not _is_client(who, operation)):
            return FOREIGN
        if not own and operation not in CROSS_ACCOUNT:
            return FOREIGN
        return refusal(
            _request(asked, key.arn),
            own=own,
            key_policy=maybe_policy(key),
            rights=asked.rights,
            granted=self._granted(asked, key),
        )

    def _granted(self, asked: Asked, key: Key) -> Granted:
        who = asked.principal
        if self._any_allows(self._grants.given_to(key.arn, who.client_arn), asked):
            return Granted.PRINCIPAL
        root = f"arn:aws:iam::{who.client_account}:root"
        if self._any_allows(self._grants.given_to(key.arn, root), asked):
            return Granted.ACCOUNT
        return Granted.NOT

    @staticmethod
    def _any_allows(grants: Sequence[Grant], asked: Asked) -> bool:
        return any(
            allows(grant, asked.action, context=asked.context, proposed=asked.grant) for grant in grants
        )


def check_proxied(principal: Principal, operation: str) -> None:
    """A proxy manages nothing, not even for a client that might."""
    if principal.kind == "proxy" and not _is_proxied(principal, operation):
        raise denied(principal, operation, "*")


def _is_proxied(who: Principal, operation: str) -> bool:
    return who.kind == "proxy" and operation in PROXIED


def _is_client(who: Principal, operation: str) -> bool:
    return who.on_behalf_of is not None and operation in PROXIED


def _may_retire(grant: Grant, arn: str) -> bool:
    names = names_of(arn)
    return grant.retiring in names or ("RetireGrant" in grant.operations and grant.grantee in names)


def _account_of_root(arn: str) -> str:
    return arn.split(":")[4] if arn.endswith(":root") else ""


def _key(asked: Asked) -> Key:
    assert asked.key is not None, "every question but check_alone's is about a key"
    return asked.key


def _request(asked: Asked, resource: str) -> Request:
    who = asked.principal
    return Request(
        principal_arn=who.client_arn,
        principal_account=who.client_account,
        action=f"kms:{asked.action}",
        resource=resource,
        conditions=conditions_of(asked),
    )
