"""The actions on key policies. A key has one, and its name is `default`."""

from dataclasses import dataclass, replace
from typing import Any

from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.key_policies import NAME, checked_policy, policy_text
from proxy.hsm.core.model import Key
from proxy.hsm.core.paging import page
from proxy.hsm.engine_desk import Call, Desk
from proxy.policy.documents import Policy

Response = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PolicyActions:
    desk: Desk

    def put_key_policy(self, call: Call) -> Response:
        key = self.desk.managed_key(call, call.request["KeyId"])
        _check_name(call)
        text = call.request["Policy"]
        check_lockout(self.desk, call, key, checked_policy(text))
        self.desk.ring.put_key(replace(key, policy=text))
        return {}

    def get_key_policy(self, call: Call) -> Response:
        key = self.desk.managed_key(call, call.request["KeyId"])
        _check_name(call)
        return {"Policy": policy_text(key), "PolicyName": NAME}

    def list_key_policies(self, call: Call) -> Response:
        self.desk.managed_key(call, call.request["KeyId"])
        found, following = page([NAME], call.request, default=100, most=1000)
        return {"PolicyNames": list(found), **following}


def check_lockout(desk: Desk, call: Call, key: Key, policy: Policy) -> None:
    """AWS's policy lockout safety check. Raises MalformedPolicyDocumentException."""
    if call.request.get("BypassPolicyLockoutSafetyCheck"):
        return
    if not desk.guard.leaves_open(desk.asked(call, key), policy):
        says = "The new key policy will not allow you to update the key policy in the future."
        raise KmsError("MalformedPolicyDocumentException", says)


def _check_name(call: Call) -> None:
    if call.request.get("PolicyName") not in {None, NAME}:
        raise KmsError("NotFoundException", "No such policy exists")
