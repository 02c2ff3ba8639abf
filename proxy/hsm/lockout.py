"""What `sealgate hsm reset-policy` does: lets an account into a key again whose policy lets nobody in.

For whoever has the store and its root key in hand, while no service runs on it. It needs no key's permission:
that is the point of it. The key gets the policy that keys are made with; nothing else of it changes.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from proxy.hsm.core import names
from proxy.hsm.core.key_policies import policy_text
from proxy.hsm.core.lifecycle import is_gone
from proxy.hsm.core.model import Key, Manager
from proxy.hsm.core.usage import LastUse
from proxy.hsm.init import open_sqlite_store
from proxy.hsm.keyring import Keyring
from proxy.hsm.root import RootSource
from proxy.hsm.store import Witness


class KeyUnclear(Exception):
    """No key is called that, or several are, or its policy is not to be had. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A key as it is before the reset."""

    key: Key
    aliases: Sequence[str]
    policy: str
    grants: int
    last_use: LastUse | None

    @property
    def names(self) -> Collection[str]:
        """All that may stand for it."""
        return _names(self.key, self.aliases)


class Reset:
    def __init__(self, ring: Keyring, now_epoch: float) -> None:
        self._ring = ring
        self._now = now_epoch

    def find(self, named: str) -> Locked:
        """The customer's key that is called so: by id, ARN, alias or alias ARN, in any account and region.
        `alias/` may be left out. Raises KeyUnclear.
        """
        found = [key for key in self._ring.every_key() if not is_gone(key, self._now)]
        found = [key for key in found if named in _names(key, self._ring.aliases_of(key))]
        if not found:
            raise KeyUnclear(f"{named}: no key here is called that: give its id, its ARN or an alias")
        if len(found) > 1:
            listed = ", ".join(key.arn for key in found)
            raise KeyUnclear(f"{named}: several keys are called that: give the ARN of one: {listed}")
        (key,) = found
        if key.manager is not Manager.CUSTOMER:
            raise KeyUnclear(
                f"{named}: is the service's key, whose policy is fixed: there is nothing to reset"
            )
        return Locked(
            key=key,
            aliases=self._ring.aliases_of(key),
            policy=policy_text(key),
            grants=self._ring.grants.count(key.arn),
            last_use=self._ring.books.meter.maybe_last_use(key.arn),
        )

    def reset(self, key: Key) -> Key:
        """The key under the policy that keys are made with. On the disk on return. Raises StoreFailed."""
        key = replace(key, policy="")
        self._ring.put_key(key)
        return key


@contextmanager
def resetting(
    path: Path,
    source: RootSource,
    witness: Witness,
    *,
    clock: Callable[[], float],
    random: Callable[[int], bytes],
) -> Iterator[Reset]:
    """The store's keys, for this process alone. Raises StoreBusy where a service runs on the store, and what
    open_sqlite_store raises.
    """
    ring = Keyring(open_sqlite_store(path, source, random=random, witness=witness))
    try:
        yield Reset(ring, clock())
    finally:
        ring.close()


def _names(key: Key, aliases: Sequence[str]) -> set[str]:
    arns = {names.alias_arn(key.region, key.account, alias) for alias in aliases}
    short = {alias.removeprefix(names.ALIAS_PREFIX) for alias in aliases}
    return {key.key_id, key.arn, *aliases, *arns, *short}
