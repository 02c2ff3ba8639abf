"""The actions that make keys, show them and switch them on and off."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from proxy.hsm.core import names
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.key_policies import checked_policy
from proxy.hsm.core.lifecycle import AUTOMATIC, is_rotation_due
from proxy.hsm.core.minting import new_key, next_version
from proxy.hsm.core.model import SYMMETRIC, Key, Manager
from proxy.hsm.core.paging import page
from proxy.hsm.core.states import KeyState
from proxy.hsm.core.tags import checked_tags
from proxy.hsm.engine_desk import Call, Desk
from proxy.hsm.engine_policies import check_lockout

Response = dict[str, Any]

DESCRIPTION_LIMIT = 8192

PROVIDED: dict[str, tuple[Any, ...]] = {
    "KeySpec": (SYMMETRIC,),
    "CustomerMasterKeySpec": (SYMMETRIC,),
    "KeyUsage": ("ENCRYPT_DECRYPT",),
    "Origin": ("AWS_KMS",),
    "MultiRegion": (False,),
    "CustomKeyStoreId": (),
    "XksKeyId": (),
}
"""Members of CreateKey whose every other value is refused by name."""


@dataclass(frozen=True, slots=True)
class KeyActions:
    desk: Desk

    def create_key(self, call: Call) -> Response:
        asked, caller = call.request, call.principal
        _check_provided(asked)
        if asked.get("Tags"):
            any_key = names.key_arn(caller.region, caller.account, "*")
            self.desk.guard.check_alone(self.desk.asked(call, action="TagResource"), any_key)
        policy = asked.get("Policy") or ""
        compiled = checked_policy(policy) if policy else None
        tags = checked_tags(asked.get("Tags") or (), self.desk.limits.tags_per_key)
        self._check_quota(caller.region, caller.account)
        call.key, version = new_key(
            account=caller.account,
            region=caller.region,
            manager=Manager.CUSTOMER,
            now_epoch=self.desk.clock(),
            random=self.desk.random,
            description=_description(asked.get("Description") or ""),
            tags=tags,
            policy=policy,
        )
        if compiled:
            check_lockout(self.desk, call, call.key, compiled)
        self.desk.ring.add_key(call.key, version)
        return {"KeyMetadata": self._metadata(call.key)}

    def describe_key(self, call: Call) -> Response:
        return {"KeyMetadata": self._metadata(self.desk.usable_key(call, call.request["KeyId"]))}

    def list_keys(self, call: Call) -> Response:
        caller = call.principal
        ids = self.desk.ring.key_ids(caller.region, caller.account)
        found, following = page(ids, call.request, default=100, most=1000)
        keys = [key for key_id in found if (key := self.desk.maybe_key(caller.region, key_id))]
        return {"Keys": [{"KeyId": key.key_id, "KeyArn": key.arn} for key in keys], **following}

    def enable_key(self, call: Call) -> Response:
        return self._switch(call, KeyState.ENABLED)

    def disable_key(self, call: Call) -> Response:
        return self._switch(call, KeyState.DISABLED)

    def update_key_description(self, call: Call) -> Response:
        key = self.desk.managed_key(call, call.request["KeyId"])
        return self._put(replace(key, description=_description(call.request["Description"])))

    def _switch(self, call: Call, state: KeyState) -> Response:
        key = self.desk.managed_key(call, call.request["KeyId"])
        if key.state is state:
            return {}
        key, now = replace(key, state=state), self.desk.clock()
        if not is_rotation_due(key, now):
            return self._put(key)
        # What fell due while the key was disabled is made up for with the switch, not some time after it.
        self.desk.ring.rotate(*next_version(key, AUTOMATIC, now_epoch=now, random=self.desk.random))
        return {}

    def _put(self, key: Key) -> Response:
        self.desk.ring.put_key(key)
        return {}

    def _check_quota(self, region: str, account: str) -> None:
        ids = self.desk.ring.key_ids(region, account)
        most = self.desk.limits.customer_keys
        if len(ids) < most:
            return
        held = (self.desk.ring.key(region, key_id) for key_id in ids)
        if sum(key is not None and key.manager is Manager.CUSTOMER for key in held) >= most:
            raise KmsError("LimitExceededException", f"An account has at most {most} keys in a region")

    def _metadata(self, key: Key) -> Response:
        return {
            "AWSAccountId": key.account,
            "KeyId": key.key_id,
            "Arn": key.arn,
            "CreationDate": key.created_epoch,
            **({} if key.deletion_epoch is None else {"DeletionDate": key.deletion_epoch}),
            "Enabled": key.state is KeyState.ENABLED,
            "Description": key.description,
            "KeyUsage": key.usage,
            "KeyState": key.state.value,
            "Origin": key.origin,
            "KeyManager": key.manager.value,
            "CustomerMasterKeySpec": key.spec,
            "KeySpec": key.spec,
            "EncryptionAlgorithms": [SYMMETRIC],
            "MultiRegion": False,
            "CurrentKeyMaterialId": self.desk.current_version(key).material_id,
        }


def _check_provided(asked: Mapping[str, Any]) -> None:
    if asked.get("KeySpec") is not None and asked.get("CustomerMasterKeySpec") is not None:
        says = "You cannot specify KeySpec and CustomerMasterKeySpec in the same request."
        raise KmsError("ValidationException", says)
    for member, values in PROVIDED.items():
        value = asked.get(member)
        if value is not None and value not in values:
            shown = f" {value}" if values else ""
            raise KmsError(
                "UnsupportedOperationException", f"{member}{shown} is not provided by this service"
            )


def _description(text: str) -> str:
    if len(text) > DESCRIPTION_LIMIT:
        raise KmsError("ValidationException", f"Description is longer than {DESCRIPTION_LIMIT} characters")
    return text
