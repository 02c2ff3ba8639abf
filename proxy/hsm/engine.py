"""The software HSM's engine: AWS KMS's actions on keys that this process alone holds.

Fed requests in AWS's member names, with blobs as bytes and times as epoch seconds; answers in the same. It
knows nothing of HTTP or signatures: who calls is proven before. Reads and uses of keys come from memory and
run in any thread; a change is on the disk before it is answered, one at a time.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from proxy.hsm.changes import Changes
from proxy.hsm.core.access import UNRESOURCED, USES, Principal, Rights, denied
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.model import Manager
from proxy.hsm.core.names import SERVICE_ACCOUNT
from proxy.hsm.core.prices import Prices
from proxy.hsm.core.usage import LastUse
from proxy.hsm.engine_aliases import AliasActions
from proxy.hsm.engine_crypto import CryptoActions
from proxy.hsm.engine_desk import Call, Desk, Limits
from proxy.hsm.engine_due import DeletionActions, Happening, do_due
from proxy.hsm.engine_grants import GrantActions
from proxy.hsm.engine_keys import KeyActions
from proxy.hsm.engine_policies import PolicyActions
from proxy.hsm.engine_reset import RESET, ResetActions
from proxy.hsm.engine_rotation import RotationActions
from proxy.hsm.engine_tags import TagActions
from proxy.hsm.engine_usage import OWN_ACTIONS, UsageActions, quotas_used
from proxy.hsm.guard import Guard, RightsOf, check_proxied
from proxy.hsm.keyring import Keyring
from proxy.hsm.store import Store, StoreFailed, StoreKeepsKeys
from proxy.hsm.throttle import Throttle

READS = USES | {"DescribeKey", "GenerateRandom"}
"""Actions that take no lock; they write only where a service's key is asked for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A response, and the facts about it that the audit record wants. It can hold plaintext, so it has no
    repr of it.
    """

    response: dict[str, Any] = field(repr=False)
    key_arn: str = ""
    """The key that was used or changed; empty where the action is about none."""
    manager: str = ""
    """CUSTOMER, AWS or OWNED; empty without a key."""
    source_key_arn: str = ""
    """Of ReEncrypt, the key that opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """By what a call is found again in the audit trail."""

    event_id: str = ""
    request_id: str = ""


def nothing(_arn: str) -> Rights:
    """What somebody may do of whom nothing is known."""
    return Rights()


class Engine:
    """Safe to call from any thread. Owns the store, and closes it."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        accounts: Collection[str],
        regions: Collection[str],
        limits: Limits | None = None,
        throttle: Throttle | None = None,
        prices: Prices | None = None,
        rights_of: RightsOf = nothing,
        test_reset: bool = False,
    ) -> None:
        """Reads the whole store; raises its StoreDamaged, having closed it. With test_reset it can be
        emptied; raises StoreKeepsKeys, having closed it, where it was not made for that.

        The clock gives epoch seconds, random secure bytes, rights_of an identity's policies and tags by its
        ARN. Without a throttle, nobody is held to a rate.
        """
        if SERVICE_ACCOUNT in accounts:
            raise ValueError(f"account {SERVICE_ACCOUNT} is the service's own")
        self._accounts, self._regions = frozenset(accounts), frozenset(regions)
        ring = Keyring(store)
        self._desk = Desk(
            ring=ring,
            guard=Guard(ring.grants, rights_of),
            clock=lambda: round(clock(), 3),
            random=random,
            limits=limits or Limits(),
            lock=RLock(),
        )
        self._throttle = throttle
        self.changes = Changes(random(8).hex())
        self._actions = _actions(self._desk, UsageActions(self._desk, prices or Prices(), throttle))
        if test_reset:
            self._actions[RESET] = self._reset_actions().reset

    @property
    def actions(self) -> Collection[str]:
        """The KMS actions that are provided."""
        return self._actions.keys() - OWN_ACTIONS

    def call(
        self, principal: Principal, action: str, request: Mapping[str, Any], trace: Trace = Trace()
    ) -> Outcome:
        """Runs one action. The request has passed AWS's model: members are of the right type, required ones
        there.

        Raises KmsError, with the key it was about if that far; then nothing has changed.
        """
        handler = self._actions.get(action)
        if handler is None:
            raise KmsError("UnsupportedOperationException", f"{action} is not provided by this service")
        call = Call(principal=principal, action=action, request=request)
        try:
            self._check_caller(call)
            self._check_rate(call)
            response = self._run(handler, call)
        except KmsError as exc:
            if call.key is not None:
                exc.key_arn, exc.manager = call.key.arn, call.key.manager.value
            raise
        self._count(call, trace)
        return _outcome(call, response)

    def troubles(self) -> list[str]:
        """What a person should know, though uses of keys may still be served."""
        failure = self._desk.ring.failure
        return [f"no key can be made or changed: {failure}"] if failure else []

    def begin(self) -> None:
        """Notes since when uses are counted, the first time that a store is used. Raises StoreFailed."""
        with self._desk.lock:
            self._desk.ring.books.begin(self._desk.clock())

    def save_usage(self) -> None:
        """Writes down what was counted since the last time. Raises StoreFailed: then it is for the next."""
        with self._desk.lock:
            self._desk.ring.books.save(self._desk.clock())

    def quotas_used(self) -> dict[str, float]:
        """How much of each quota is used, 0 to 1, by whoever is nearest to its end."""
        return quotas_used(self._desk, self._throttle)

    def do_due(self) -> Iterator[Happening]:
        """Destroys keys whose waiting time is over and rotates those whose day has come, one for each value
        taken. To be asked at the start and then every few seconds.

        Raises StoreFailed: what was not done falls due again.
        """
        for happened in do_due(self._desk):
            self.changes.tell({happened.key.arn})
            yield happened

    def serve(self, accounts: Collection[str], rights_of: RightsOf) -> None:
        """Whose clients may call from now on, and what they may do; a call under way may still end by what
        was before.
        """
        self._accounts = frozenset(accounts)
        self._desk.guard.serve(rights_of)
        self.changes.tell(None)

    def close(self) -> None:
        """Wipes all key material and closes the store. Idempotent; no call may be running."""
        self._desk.ring.close()

    def _reset_actions(self) -> ResetActions:
        try:
            return ResetActions(self._desk)
        except StoreKeepsKeys:
            self.close()
            raise

    def _run(self, handler: Callable[[Call], dict[str, Any]], call: Call) -> dict[str, Any]:
        try:
            if call.action in READS:
                return handler(call)
            with self._desk.lock:
                response = handler(call)
            self.changes.tell(None if call.action == RESET else _touched(call))
            return response
        except StoreFailed as exc:
            raise KmsError(
                "KMSInternalException", "The change could not be written; nothing was changed"
            ) from exc

    def _check_rate(self, call: Call) -> None:
        if call.action == RESET:
            return
        if self._throttle is not None and not self._desk.means_owned_key(call):
            who = call.principal
            self._throttle.admit(who.client_account, who.region, call.action)

    def _count(self, call: Call, trace: Trace) -> None:
        """A call that did what it was asked. What owned keys do is nobody's, and to ask what was used and
        what it costs is no use of AWS KMS.
        """
        key, who, books = call.key, call.principal, self._desk.ring.books
        if call.action in OWN_ACTIONS or (key is not None and key.manager is Manager.OWNED):
            return
        now = self._desk.clock()
        with books.lock:
            books.meter.count(
                call.action,
                account=who.client_account,
                region=who.region,
                key_arn=key.arn if key else "",
                manager=key.manager.value if key else "",
                now_epoch=now,
            )
            if call.action in USES:
                for used in filter(None, (key, call.source_key)):
                    books.meter.use(
                        LastUse(
                            key_arn=used.arn,
                            operation=call.action,
                            epoch=now,
                            event_id=trace.event_id,
                            request_id=trace.request_id,
                        )
                    )

    def _check_caller(self, call: Call) -> None:
        principal, action = call.principal, call.action
        if principal.region not in self._regions:
            raise KmsError("InvalidSignatureException", "Credential should be scoped to a valid region.")
        speaks = principal.on_behalf_of is not None
        if speaks and principal.kind != "proxy":
            raise denied(principal, action, "*")
        if (speaks or principal.kind == "user") and principal.client_account not in self._accounts:
            raise denied(principal, action, "*")
        check_proxied(principal, action)
        if action in UNRESOURCED | OWN_ACTIONS:
            self._desk.guard.check_alone(self._desk.asked(call))
        self._desk.check_tokens(call)


def _touched(call: Call) -> set[str]:
    """Keys about which something may be otherwise now."""
    return {key.arn for key in (call.key, *call.others) if key is not None}


def _outcome(call: Call, response: dict[str, Any]) -> Outcome:
    if call.key is None:
        return Outcome(response=response)
    source = call.source_key.arn if call.source_key else ""
    return Outcome(
        response=response, key_arn=call.key.arn, manager=call.key.manager.value, source_key_arn=source
    )


def _actions(desk: Desk, usage: UsageActions) -> dict[str, Callable[[Call], dict[str, Any]]]:
    keys, aliases, crypto = KeyActions(desk), AliasActions(desk), CryptoActions(desk)
    deletion, rotation, tags = DeletionActions(desk), RotationActions(desk), TagActions(desk)
    grants, policies = GrantActions(desk), PolicyActions(desk)
    return {
        "CancelKeyDeletion": deletion.cancel_key_deletion,
        "CreateAlias": aliases.create_alias,
        "CreateGrant": grants.create_grant,
        "CreateKey": keys.create_key,
        "Decrypt": crypto.decrypt,
        "DeleteAlias": aliases.delete_alias,
        "DescribeKey": keys.describe_key,
        "DisableKey": keys.disable_key,
        "DisableKeyRotation": rotation.disable_key_rotation,
        "EnableKey": keys.enable_key,
        "EnableKeyRotation": rotation.enable_key_rotation,
        "Encrypt": crypto.encrypt,
        "GenerateDataKey": crypto.generate_data_key,
        "GenerateDataKeyWithoutPlaintext": crypto.generate_data_key_without_plaintext,
        "GenerateRandom": crypto.generate_random,
        "GetBill": usage.get_bill,
        "GetKeyLastUsage": usage.get_key_last_usage,
        "GetKeyPolicy": policies.get_key_policy,
        "GetKeyRotationStatus": rotation.get_key_rotation_status,
        "GetQuotas": usage.get_quotas,
        "GetUsage": usage.get_usage,
        "ListAliases": aliases.list_aliases,
        "ListGrants": grants.list_grants,
        "ListKeyPolicies": policies.list_key_policies,
        "ListKeyRotations": rotation.list_key_rotations,
        "ListKeys": keys.list_keys,
        "ListResourceTags": tags.list_resource_tags,
        "ListRetirableGrants": grants.list_retirable_grants,
        "PutKeyPolicy": policies.put_key_policy,
        "ReEncrypt": crypto.re_encrypt,
        "RetireGrant": grants.retire_grant,
        "RevokeGrant": grants.revoke_grant,
        "RotateKeyOnDemand": rotation.rotate_key_on_demand,
        "ScheduleKeyDeletion": deletion.schedule_key_deletion,
        "TagResource": tags.tag_resource,
        "UntagResource": tags.untag_resource,
        "UpdateAlias": aliases.update_alias,
        "UpdateKeyDescription": keys.update_key_description,
    }
