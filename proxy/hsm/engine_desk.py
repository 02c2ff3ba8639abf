"""What every action needs first: the key that is meant, the caller's right to it, and its state.

A name is looked up in the caller's account and region; another account takes an ARN. Who may not use a key
learns nothing of it, not even whether it is there. The service's own keys come into being here, the first
time a proxy asks for one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from proxy.hsm.core import names
from proxy.hsm.core.access import FOREIGN, Principal, denied
from proxy.hsm.core.conditions import UNUSED_MATTERS, Asked
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.grants import Grant, invalid_token, token_target
from proxy.hsm.core.lifecycle import is_gone
from proxy.hsm.core.minting import new_service_key
from proxy.hsm.core.model import Alias, Key, KeyVersion
from proxy.hsm.core.names import Reference
from proxy.hsm.core.states import check_state
from proxy.hsm.guard import Guard
from proxy.hsm.keyring import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """AWS's resource quotas (its page "Resource quotas"); all adjustable."""

    customer_keys: int = 100_000
    """Of an account in a region; the service's keys do not count."""
    aliases_per_key: int = 50
    tags_per_key: int = 50
    on_demand_rotations: int = 25
    """Of a key, in all its life."""
    grants_per_key: int = 50_000


@dataclass(slots=True, kw_only=True)
class Call:
    """One call on its way. `key` and `source_key` are noted as they are resolved, for the audit record."""

    principal: Principal
    action: str
    request: Mapping[str, Any]
    key: Key | None = None
    """The key that the response names, or that was refused."""
    source_key: Key | None = None
    """Of ReEncrypt, the key that opens."""
    same_key: bool = False
    """Of ReEncrypt, whether the key that opens is the one that seals."""
    others: list[Key] = field(default_factory=list)
    """Further keys that a change is about, as the one that an alias pointed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Shared by all actions. `lock` is held wherever the keyring changes."""

    ring: Keyring
    guard: Guard
    clock: Callable[[], float]
    random: Callable[[int], bytes]
    limits: Limits
    lock: RLock
    ended: set[str] = field(default_factory=set)
    """ARNs of keys whose waiting time was seen to be over, and that are not destroyed yet."""

    def usable_key(self, call: Call, key_id: str, *, action: str = "", grant: Grant | None = None) -> Key:
        """The key that key_id names, which the caller may use for this action, in a state that allows it.

        `action` is IAM's name where it is not the API's; `grant` is what the call is to make.
        """
        key = self.allowed_key(call, key_id, action=action, grant=grant)
        check_state(call.action, key.state, key.arn)
        return key

    def allowed_key(self, call: Call, key_id: str, *, action: str = "", grant: Grant | None = None) -> Key:
        """The same, whatever its state."""
        call.key = key = self.named_key(call, key_id)
        self.check_access(call, key, named=key_id, action=action, grant=grant)
        return key

    def means_owned_key(self, call: Call) -> bool:
        """Whether a proxy asks for the service's own key, as far as its names tell before anything is looked
        up.
        """
        if call.principal.kind != "proxy":
            return False
        named = [call.request.get(member) or "" for member in ("KeyId", "SourceKeyId", "DestinationKeyId")]
        return any(each == names.OWNED_ALIAS or f":{names.SERVICE_ACCOUNT}:" in each for each in named)

    def named_key(self, call: Call, key_id: str) -> Key:
        """The key that key_id names, before anybody asked whether the caller may use it."""
        return self._named(call, names.reference(key_id), key_id)

    def check_access(
        self, call: Call, key: Key, *, named: str, action: str = "", grant: Grant | None = None
    ) -> None:
        asked = self.asked(call, key, named=named, action=action, grant=grant)
        self.guard.check_key(asked, operation=call.action)

    def asked(
        self,
        call: Call,
        key: Key | None = None,
        *,
        named: str = "",
        action: str = "",
        grant: Grant | None = None,
    ) -> Asked:
        """The call as a question to the guard."""
        now = self.clock()
        return Asked(
            principal=call.principal,
            rights=self.guard.rights(call.principal),
            action=action or call.action,
            request=call.request,
            now_epoch=now,
            key=key,
            unused_since_epoch=self._unused_since(key, now) if key and call.action in UNUSED_MATTERS else now,
            aliases=self.ring.aliases_of(key) if key else (),
            named=named,
            same_key=call.same_key,
            grant=grant,
        )

    def _unused_since(self, key: Key, now_epoch: float) -> float:
        """Of a key of which no use is known, from when on one would be."""
        use = self.ring.books.last_use(key)
        return use.epoch if use else self.ring.books.counted_since(key, now_epoch)

    def check_tokens(self, call: Call) -> None:
        """Grants hold from the moment they are made, so that a token is never needed; but it must be one."""
        for text in call.request.get("GrantTokens") or ():
            self.grant_of_token(text)

    def grant_of_token(self, text: str) -> Grant:
        """Raises InvalidGrantTokenException, also where the grant is no more."""
        grant = self.ring.grants.grant(*token_target(text))
        if grant is None:
            raise invalid_token()
        return grant

    def managed_key(self, call: Call, key_id: str, *, grant: Grant | None = None) -> Key:
        """The same as usable_key, for actions that take no alias."""
        if names.reference(key_id).alias:
            raise KmsError("NotFoundException", f"Invalid keyId '{key_id}'")
        return self.usable_key(call, key_id, grant=grant)

    def current_version(self, key: Key) -> KeyVersion:
        """What new ciphertext is made under."""
        version = self.ring.version(key.key_id, key.version)
        if version is None:
            raise AssertionError(f"{key.arn} has no version {key.version}")
        return version

    def maybe_key(self, region: str, key_id: str) -> Key | None:
        """None also where the key's waiting time is over, though nothing has swept it away yet."""
        key = self.ring.key(region, key_id)
        return None if key is None or self.has_ended(key) else key

    def has_ended(self, key: Key) -> bool:
        """Whether its waiting time is over. Who was told so is not told otherwise by a clock set back."""
        if is_gone(key, self.clock()):
            self.ended.add(key.arn)
        return key.arn in self.ended

    def maybe_alias(self, region: str, account: str, name: str) -> Alias | None:
        """None also where its key is no more."""
        alias = self.ring.alias(region, account, name)
        return alias if alias and self.maybe_key(region, alias.target_key_id) else None

    def target(self, alias: Alias) -> Key:
        key = self.ring.key(alias.region, alias.target_key_id)
        if key is None:
            raise AssertionError(f"{alias.arn} has no target")
        return key

    def own_alias(self, call: Call, name: str) -> Alias:
        """The alias of that name in the caller's account and region. Raises NotFoundException."""
        region, account = call.principal.region, call.principal.client_account
        alias = self.maybe_alias(region, account, name)
        if alias is None:
            says = f"Alias {names.alias_arn(region, account, name)} is not found."
            raise KmsError("NotFoundException", says)
        return alias

    def own_key(self, call: Call, key_id: str) -> Key:
        """The key of the caller's account that key_id names, whatever they may do with it."""
        if names.reference(key_id).alias:
            raise KmsError("NotFoundException", f"Invalid keyId '{key_id}'")
        call.key = key = self.named_key(call, key_id)
        if key.account != call.principal.client_account:
            raise denied(call.principal, call.action, key_id, FOREIGN)
        return key

    def _named(self, call: Call, meant: Reference, key_id: str) -> Key:
        caller = call.principal
        if meant.region and meant.region != caller.region:
            raise KmsError("NotFoundException", f"Invalid arn {meant.region}")
        if caller.kind == "proxy" and meant.alias == names.OWNED_ALIAS and not meant.account:
            return self._service_key(call, names.OWNED_ALIAS, names.SERVICE_ACCOUNT)
        account = meant.account or caller.client_account
        key = (
            self._aliased(call, account, meant.alias)
            if meant.alias
            else self._identified(call, account, meant)
        )
        if key is None:
            raise denied(caller, call.action, key_id, FOREIGN)
        return key

    def _identified(self, call: Call, account: str, meant: Reference) -> Key | None:
        region, own = call.principal.region, call.principal.client_account
        key = self.maybe_key(region, meant.key_id)
        if key is not None and key.account == account:
            return key
        if account != own:
            return None
        arn = names.key_arn(region, account, meant.key_id)
        raise KmsError("NotFoundException", f"Key '{arn}' does not exist")

    def _aliased(self, call: Call, account: str, name: str) -> Key | None:
        caller = call.principal
        if account != caller.client_account:
            alias = self.maybe_alias(caller.region, account, name)
            return self.target(alias) if alias else None
        if name == names.MANAGED_ALIAS and caller.kind == "proxy" and caller.on_behalf_of:
            return self._service_key(call, name, account)
        return self.target(self.own_alias(call, name))

    def _service_key(self, call: Call, name: str, account: str) -> Key:
        """The service's key under this alias, made now if this is the first time it is asked for."""
        region = call.principal.region
        alias = self.ring.alias(region, account, name)
        if alias is None:
            with self.lock:
                alias = self.ring.alias(region, account, name) or self._make_service_key(
                    region, account, name
                )
        return self.target(alias)

    def _make_service_key(self, region: str, account: str, name: str) -> Alias:
        key, version, alias = new_service_key(
            name, account=account, region=region, now_epoch=self.clock(), random=self.random
        )
        self.ring.add_key(key, version, alias)
        return alias


def check_dry_run(asked: Mapping[str, Any]) -> None:
    """Ends a dry run that has come so far. Raises DryRunOperationException."""
    if asked.get("DryRun"):
        says = "The request would have succeeded, but the DryRun option is set."
        raise KmsError("DryRunOperationException", says)
