"""The actions that exchange a key's material. What older versions sealed stays readable: a blob says which.

A rotation is on the disk before it is answered, so none is ever seen in progress: there is no
ConflictException, and no OnDemandRotationStartDate.
"""

from dataclasses import dataclass
from typing import Any

from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.lifecycle import ON_DEMAND, with_rotation, without_rotation
from proxy.hsm.core.minting import next_version
from proxy.hsm.core.model import SYMMETRIC, Key, KeyVersion
from proxy.hsm.core.paging import page
from proxy.hsm.core.states import KeyState
from proxy.hsm.engine_desk import Call, Desk

Response = dict[str, Any]

SHORTEST_PERIOD_DAYS, LONGEST_PERIOD_DAYS = 90, 2560


@dataclass(frozen=True, slots=True)
class RotationActions:
    desk: Desk

    def enable_key_rotation(self, call: Call) -> Response:
        days = call.request.get("RotationPeriodInDays")
        if days is not None and not SHORTEST_PERIOD_DAYS <= days <= LONGEST_PERIOD_DAYS:
            says = f"RotationPeriodInDays must be between {SHORTEST_PERIOD_DAYS} and {LONGEST_PERIOD_DAYS}"
            raise KmsError("ValidationException", says)
        key = self._rotatable(call)
        self.desk.ring.put_key(with_rotation(key, days, self.desk.clock()))
        return {}

    def disable_key_rotation(self, call: Call) -> Response:
        self.desk.ring.put_key(without_rotation(self._rotatable(call)))
        return {}

    def get_key_rotation_status(self, call: Call) -> Response:
        key = self._rotatable(call)
        # Pending deletion it reads false; a cancelled deletion brings the schedule back.
        if key.rotation_days is None or key.state is KeyState.PENDING_DELETION:
            return {"KeyId": key.key_id, "KeyRotationEnabled": False}
        return {
            "KeyId": key.key_id,
            "KeyRotationEnabled": True,
            "RotationPeriodInDays": key.rotation_days,
            "NextRotationDate": key.next_rotation_epoch,
        }

    def rotate_key_on_demand(self, call: Call) -> Response:
        key, most = self._rotatable(call), self.desk.limits.on_demand_rotations
        if key.on_demand_rotations >= most:
            says = (
                "The on-demand rotations limit has been reached for the given keyId. "
                f"No more on-demand rotations can be performed for this key: {key.arn}"
            )
            raise KmsError("LimitExceededException", says)
        now = self.desk.clock()
        self.desk.ring.rotate(*next_version(key, ON_DEMAND, now_epoch=now, random=self.desk.random))
        return {"KeyId": key.key_id}

    def list_key_rotations(self, call: Call) -> Response:
        key = self._rotatable(call)
        every = call.request.get("IncludeKeyMaterial") == "ALL_KEY_MATERIAL"
        shown = {f"{v.number:010}": v for v in self.desk.ring.versions(key) if every or v.rotation}
        found, following = page(sorted(shown), call.request, default=100, most=1000)
        return {"Rotations": [_entry(key, shown[name]) for name in found], **following}

    def _rotatable(self, call: Call) -> Key:
        key = self.desk.managed_key(call, call.request["KeyId"])
        if (key.spec, key.origin) != (SYMMETRIC, "AWS_KMS"):
            says = f"{key.arn} origin is {key.origin} which is not valid for this operation."
            raise KmsError("UnsupportedOperationException", says)
        return key


def _entry(key: Key, version: KeyVersion) -> Response:
    rotation = {"RotationDate": version.created_epoch, "RotationType": version.rotation}
    return {
        "KeyId": key.key_id,
        "KeyMaterialId": version.material_id,
        "KeyMaterialState": "CURRENT" if version.number == key.version else "NON_CURRENT",
        **(rotation if version.rotation else {}),
    }
