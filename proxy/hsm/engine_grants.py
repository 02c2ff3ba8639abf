"""The actions on grants. A grant holds from the moment that its call is answered, and ends with it as well.

AWS's own come into effect everywhere within five minutes, which is what grant tokens are for; here a token
says which grant is meant and gives nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from proxy.hsm.core.access import FOREIGN, denied
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.grants import OPERATIONS, Grant, check_principal, checked_pairs, invalid_token, token
from proxy.hsm.core.model import Key
from proxy.hsm.core.paging import page
from proxy.hsm.core.states import check_state
from proxy.hsm.engine_desk import Call, Desk, check_dry_run

Response = dict[str, Any]

_is_id = re.compile(r"[0-9a-f]{64}").fullmatch


@dataclass(frozen=True, slots=True)
class GrantActions:
    desk: Desk

    def create_grant(self, call: Call) -> Response:
        """With a Name that the same grant has already, that grant again, with another token."""
        proposed = _proposed(call, self.desk.clock())
        key = self.desk.managed_key(call, call.request["KeyId"], grant=proposed)
        proposed = replace(proposed, key_arn=key.arn, grant_id=self.desk.random(32).hex())
        _check_operations(proposed, key)
        check_dry_run(call.request)
        grant = self._maybe_same(proposed) or self._made(proposed)
        return {"GrantId": grant.grant_id, "GrantToken": token(grant, self.desk.random(16))}

    def list_grants(self, call: Call) -> Response:
        asked = call.request
        key = self.desk.managed_key(call, asked["KeyId"])
        if asked.get("GranteeServicePrincipal") is not None:
            raise _invalid("GranteeServicePrincipal is for AWS services alone")
        found: Iterable[Grant] = self.desk.ring.grants.of_key(key.arn)
        if asked.get("GrantId") is not None:
            found = [self._grant(key, asked["GrantId"])]
        if asked.get("GranteePrincipal") is not None:
            found = [grant for grant in found if grant.grantee == asked["GranteePrincipal"]]
        return _listed(found, asked)

    def list_retirable_grants(self, call: Call) -> Response:
        """On keys of all accounts, in the call's region."""
        asked, caller = call.request, call.principal
        retiring = asked.get("RetiringPrincipal")
        if (retiring is None) == (asked.get("RetiringServicePrincipal") is None):
            raise _invalid("Name one of RetiringPrincipal and RetiringServicePrincipal")
        if retiring is None:
            raise _invalid("RetiringServicePrincipal is for AWS services alone")
        check_principal(retiring)
        if retiring.split(":")[4] != caller.client_account:
            raise denied(caller, call.action, retiring)
        return _listed(self.desk.ring.grants.retirable(caller.region, retiring), asked)

    def retire_grant(self, call: Call) -> Response:
        grant, key, named = self._retiring(call)
        call.key = key
        self.desk.guard.check_retiring(self.desk.asked(call, key, named=named, grant=grant))
        check_state(call.action, key.state, key.arn)
        check_dry_run(call.request)
        self.desk.ring.delete_grant(grant)
        return {}

    def revoke_grant(self, call: Call) -> Response:
        key = self.desk.managed_key(call, call.request["KeyId"])
        grant = self._grant(key, call.request["GrantId"])
        check_dry_run(call.request)
        self.desk.ring.delete_grant(grant)
        return {}

    def _maybe_same(self, proposed: Grant) -> Grant | None:
        if not proposed.name:
            return None
        grantee = proposed.grantee or proposed.grantee_service
        for held in self.desk.ring.grants.given_to(proposed.key_arn, grantee):
            alike = replace(proposed, grant_id=held.grant_id, created_epoch=held.created_epoch)
            if held == alike:
                return held
        return None

    def _made(self, grant: Grant) -> Grant:
        most = self.desk.limits.grants_per_key
        if self.desk.ring.grants.count(grant.key_arn) >= most:
            raise KmsError("LimitExceededException", f"A key has at most {most} grants")
        self.desk.ring.put_grant(grant)
        return grant

    def _grant(self, key: Key, grant_id: str) -> Grant:
        if not _is_id(grant_id):
            raise KmsError("InvalidGrantIdException", f"Grant ID {grant_id} is not valid")
        grant = self.desk.ring.grants.grant(key.arn, grant_id)
        if grant is None:
            raise KmsError("NotFoundException", f"Grant ID {grant_id} not found")
        return grant

    def _retiring(self, call: Call) -> tuple[Grant, Key, str]:
        """The grant that the call names by its token, or by key and id; its key, and how that was named."""
        asked = call.request
        by_token = asked.get("GrantToken") is not None
        by_id = [name for name in ("KeyId", "GrantId") if asked.get(name) is not None]
        if (by_token, len(by_id)) not in {(True, 0), (False, 2)}:
            raise _invalid("Name the grant by its GrantToken, or by KeyId and GrantId")
        if by_token:
            return self._of_token(call, asked["GrantToken"])
        return self._of_id(call, asked["KeyId"], asked["GrantId"])

    def _of_token(self, call: Call, text: str) -> tuple[Grant, Key, str]:
        grant = self.desk.grant_of_token(text)
        key = self.desk.maybe_key(grant.region, grant.key_arn.rpartition("/")[2])
        if key is None or grant.region != call.principal.region:
            raise invalid_token()
        return grant, key, grant.key_arn

    def _of_id(self, call: Call, key_id: str, grant_id: str) -> tuple[Grant, Key, str]:
        """Of another account's key, one that has no such grant and one that is not there look alike."""
        key = self.desk.named_key(call, key_id)
        known = self.desk.ring.grants.grant(key.arn, grant_id)
        if known is None and key.account != call.principal.client_account:
            raise denied(call.principal, call.action, key_id, FOREIGN)
        return self._grant(key, grant_id), key, key_id


def _proposed(call: Call, now_epoch: float) -> Grant:
    """The grant that is asked for, whose key and id are to come. Raises ValidationException and
    InvalidArnException.
    """
    asked = call.request
    grantee, service = asked.get("GranteePrincipal"), asked.get("GranteeServicePrincipal")
    retiring, retiring_service = asked.get("RetiringPrincipal"), asked.get("RetiringServicePrincipal")
    constraints: Mapping[str, Any] = asked.get("Constraints") or {}
    if (grantee is None) == (service is None):
        raise _invalid("Name one of GranteePrincipal and GranteeServicePrincipal")
    if retiring is not None and retiring_service is not None:
        raise _invalid("Name one of RetiringPrincipal and RetiringServicePrincipal")
    if service is not None and not (constraints.get("SourceArn") and (retiring or retiring_service)):
        raise _invalid("GranteeServicePrincipal takes a SourceArn constraint and a retiring principal")
    for arn in filter(None, (grantee, retiring)):
        check_principal(arn)
    return Grant(
        grant_id="",
        key_arn="",
        created_epoch=now_epoch,
        issuing_account=call.principal.client_account,
        operations=tuple(sorted(set(asked["Operations"]))),
        name=asked.get("Name") or "",
        grantee=grantee or "",
        grantee_service=service or "",
        retiring=retiring or "",
        retiring_service=retiring_service or "",
        context_equals=checked_pairs(constraints.get("EncryptionContextEquals")),
        context_subset=checked_pairs(constraints.get("EncryptionContextSubset")),
        source_arn=constraints.get("SourceArn") or "",
    )


def _check_operations(grant: Grant, key: Key) -> None:
    if not grant.operations:
        raise _invalid("Operations must name one at least")
    others = set(grant.operations) - OPERATIONS[key.spec]
    if others:
        listed = ", ".join(sorted(others))
        raise _invalid(f"The grant operations {listed} are not supported for keys of spec {key.spec}")


def _listed(found: Iterable[Grant], asked: Mapping[str, Any]) -> Response:
    by_place = {f"{grant.grant_id} {grant.key_arn}": grant for grant in found}
    names, following = page(sorted(by_place), asked, default=50, most=100)
    return {"Grants": [_entry(by_place[name]) for name in names], **following}


def _entry(grant: Grant) -> Response:
    constraints = {
        "EncryptionContextEquals": grant.context_equals and dict(grant.context_equals),
        "EncryptionContextSubset": grant.context_subset and dict(grant.context_subset),
        "SourceArn": grant.source_arn,
    }
    optional = {
        "GranteePrincipal": grant.grantee,
        "GranteeServicePrincipal": grant.grantee_service,
        "RetiringPrincipal": grant.retiring,
        "RetiringServicePrincipal": grant.retiring_service,
        "Constraints": {name: value for name, value in constraints.items() if value},
    }
    return {
        "KeyId": grant.key_arn,
        "GrantId": grant.grant_id,
        "Name": grant.name,
        "CreationDate": grant.created_epoch,
        "IssuingAccount": f"arn:aws:iam::{grant.issuing_account}:root",
        "Operations": list(grant.operations),
        **{name: value for name, value in optional.items() if value},
    }


def _invalid(says: str) -> KmsError:
    return KmsError("ValidationException", says)
