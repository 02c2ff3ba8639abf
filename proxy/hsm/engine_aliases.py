"""The actions on aliases. An alias and its key share account and region; each action needs the right to the
alias, which identity policies give alone, and to the key: AWS's page "Controlling access to aliases".
"""

from dataclasses import dataclass, replace
from typing import Any

from proxy.hsm.core import names
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.model import Alias, Key
from proxy.hsm.core.paging import page
from proxy.hsm.engine_desk import Call, Desk

Response = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AliasActions:
    desk: Desk

    def create_alias(self, call: Call) -> Response:
        name, caller = call.request["AliasName"], call.principal
        names.check_alias_name(name)
        arn = names.alias_arn(caller.region, caller.account, name)
        self.desk.guard.check_alone(self.desk.asked(call), arn)
        key = self._target(call)
        if self.desk.maybe_alias(caller.region, caller.account, name) is not None:
            raise KmsError("AlreadyExistsException", f"An alias with the name {arn} already exists")
        self._check_quota(key)
        now = self.desk.clock()
        alias = Alias(
            name=name,
            account=caller.account,
            region=caller.region,
            target_key_id=key.key_id,
            created_epoch=now,
            updated_epoch=now,
        )
        self.desk.ring.put_alias(alias)
        return {}

    def update_alias(self, call: Call) -> Response:
        """AWS asks for the right to the alias's present key and to the next one."""
        alias = self._named(call)
        call.others.append(self.desk.target(alias))
        key = self._target(call)
        if alias.target_key_id != key.key_id:
            self._check_quota(key)
        self.desk.ring.put_alias(replace(alias, target_key_id=key.key_id, updated_epoch=self.desk.clock()))
        return {}

    def delete_alias(self, call: Call) -> Response:
        self.desk.ring.delete_alias(self._named(call))
        return {}

    def list_aliases(self, call: Call) -> Response:
        caller, ring = call.principal, self.desk.ring
        if call.request.get("KeyId") is None:
            every = ring.alias_names(caller.region, caller.account)
        else:
            every = ring.aliases_of(self.desk.own_key(call, call.request["KeyId"]))
        found, following = page(every, call.request, default=50, most=100)
        aliases = [
            held for name in found if (held := self.desk.maybe_alias(caller.region, caller.account, name))
        ]
        return {"Aliases": [_entry(alias) for alias in aliases], **following}

    def _named(self, call: Call) -> Alias:
        """The alias that the request names, which the caller may change."""
        name = call.request["AliasName"]
        names.check_alias_name(name)
        alias = self.desk.own_alias(call, name)
        self.desk.guard.check_alone(self.desk.asked(call), alias.arn)
        call.key = self.desk.target(alias)
        # The call names no key: kms:RequestAlias is for uses of one, and opens no alias to change.
        self.desk.check_access(call, call.key, named="")
        return alias

    def _target(self, call: Call) -> Key:
        key_id = call.request["TargetKeyId"]
        if names.reference(key_id).alias:
            raise KmsError("ValidationException", "Aliases must refer to keys. Not aliases")
        return self.desk.usable_key(call, key_id)

    def _check_quota(self, key: Key) -> None:
        most = self.desk.limits.aliases_per_key
        if len(self.desk.ring.aliases_of(key)) >= most:
            raise KmsError("LimitExceededException", f"A key has at most {most} aliases")


def _entry(alias: Alias) -> Response:
    return {
        "AliasName": alias.name,
        "AliasArn": alias.arn,
        "TargetKeyId": alias.target_key_id,
        "CreationDate": alias.created_epoch,
        "LastUpdatedDate": alias.updated_epoch,
    }
