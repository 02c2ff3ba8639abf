"""All keys, versions, aliases and grants in memory, with the store behind them; and what is counted of use.

Reads never touch the disk. A change is written first and seen after: if the store refuses it, memory is as
it was. Reads may come from any thread; changes come one at a time, which the engine sees to.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from proxy.hsm.books import Books, past_of
from proxy.hsm.core.grants import Grant
from proxy.hsm.core.model import Alias, Key, KeyVersion, Purpose
from proxy.hsm.core.records import (
    ALIAS,
    GRANT,
    KEY,
    LAST_USE,
    VERSION,
    RecordUnreadable,
    alias_record,
    grant_record,
    key_record,
    past_record,
    read_record,
    version_name,
    version_record,
)
from proxy.hsm.core.usage import LastUse, Past, Tracking, Usage
from proxy.hsm.grantbook import Grantbook
from proxy.hsm.store import Store, StoreDamaged

Place = tuple[str, str]
"""Region and account."""


class Keyring:
    def __init__(self, store: Store) -> None:
        """Reads the whole store. Raises StoreDamaged, having closed it."""
        self._store = store
        self._keys: dict[tuple[str, str], Key] = {}
        self._versions: dict[tuple[str, int], KeyVersion] = {}
        self._aliases: dict[tuple[str, str, str], Alias] = {}
        self._key_ids: defaultdict[Place, list[str]] = defaultdict(list)
        self._alias_names: defaultdict[Place, list[str]] = defaultdict(list)
        self._aliases_of: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.books = Books(store)
        self.purpose: Purpose | None = None
        """None for a store that keeps somebody's keys."""
        self.grants = Grantbook()
        """To be read; it changes through this class alone."""
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def key(self, region: str, key_id: str) -> Key | None:
        return self._keys.get((region, key_id))

    def version(self, key_id: str, number: int) -> KeyVersion | None:
        return self._versions.get((key_id, number))

    def every_key(self) -> Sequence[Key]:
        """Of all accounts and regions, as they are now."""
        return tuple(self._keys.values())

    def versions(self, key: Key) -> Sequence[KeyVersion]:
        """The oldest first."""
        numbers = range(1, key.version + 1)
        return [held for number in numbers if (held := self.version(key.key_id, number))]

    def alias(self, region: str, account: str, name: str) -> Alias | None:
        return self._aliases.get((region, account, name))

    def key_ids(self, region: str, account: str) -> Sequence[str]:
        """In ascending order."""
        return self._key_ids.get((region, account), ())

    def alias_names(self, region: str, account: str) -> Sequence[str]:
        """In ascending order."""
        return self._alias_names.get((region, account), ())

    def aliases_of(self, key: Key) -> Sequence[str]:
        """Their names, in ascending order."""
        return self._aliases_of.get((key.region, key.key_id), ())

    def add_key(self, key: Key, version: KeyVersion, alias: Alias | None = None) -> None:
        """A new key with its first version and, for a service's key, its alias: one change."""
        records = [version_record(version), key_record(key)]
        self._store.commit(records + ([alias_record(alias)] if alias else []))
        self._keep_version(version)
        self._keep_key(key)
        if alias:
            self._keep_alias(alias)

    def put_key(self, key: Key) -> None:
        self._store.commit([key_record(key)])
        self._keep_key(key)

    def rotate(self, key: Key, version: KeyVersion) -> None:
        """A key on its next version, and that version: one change."""
        self._store.commit([version_record(version), key_record(key)])
        self._keep_version(version)
        self._keep_key(key)

    def destroy(self, key: Key) -> None:
        """The key with all versions of its material, all aliases and grants, in one change; the material is
        wiped here and gone from the store's files. What bills need to know of it stays.
        """
        versions, aliases, past = self.versions(key), self._aliases_of_key(key), past_of(key, self.lived(key))
        gone = [(KEY, key.arn), (LAST_USE, key.arn)]
        gone += [(VERSION, version_name(version.key_id, version.number)) for version in versions]
        gone += [(ALIAS, alias.arn) for alias in aliases]
        grants = self.grants.of_key(key.arn)
        gone += [(GRANT, grant.record_name) for grant in grants]
        self._store.commit([past_record(past)], delete=gone)
        self.books.remember(past)
        for grant in grants:
            self.grants.drop(grant)
        for alias in aliases:
            self._drop_alias(alias)
        self._drop_key(key)
        for version in versions:
            del self._versions[version.key_id, version.number]
            version.material.wipe()

    def lived(self, key: Key) -> tuple[float, ...]:
        """When the key was rotated, in ascending order."""
        return tuple(version.created_epoch for version in self.versions(key)[1:])

    def put_alias(self, alias: Alias) -> None:
        self._store.commit([alias_record(alias)])
        self._keep_alias(alias)

    def delete_alias(self, alias: Alias) -> None:
        self._store.commit([], delete=[(ALIAS, alias.arn)])
        self._drop_alias(alias)

    def put_grant(self, grant: Grant) -> None:
        self._store.commit([grant_record(grant)])
        self.grants.keep(grant)

    def delete_grant(self, grant: Grant) -> None:
        self._store.commit([], delete=[(GRANT, grant.record_name)])
        self.grants.drop(grant)

    def clear(self) -> None:
        """All keys with everything that hangs on them, all grants, uses and bills, gone in one change, as
        though the store were new. Raises AssertionError for one that was not made for tests.
        """
        if self.purpose is None:
            raise AssertionError("this store keeps somebody's keys")
        gone = [(KEY, key.arn) for key in self._keys.values()]
        gone += [(VERSION, version_name(*name)) for name in self._versions]
        gone += [(ALIAS, alias.arn) for alias in self._aliases.values()]
        for arn in self.grants.key_arns():
            gone += [(GRANT, grant.record_name) for grant in self.grants.of_key(arn)]
        self._store.commit([], delete=[*gone, *self.books.names()])
        self.grants.clear()
        self.books.forget()
        self._wipe()
        for held in (self._keys, self._aliases, self._key_ids, self._alias_names, self._aliases_of):
            held.clear()

    @property
    def failure(self) -> str:
        """Why the last change could not be written; empty where it could."""
        return self._store.failure

    def close(self) -> None:
        """Wipes all key material and closes the store. Idempotent."""
        self._wipe()
        self._store.close()

    def _wipe(self) -> None:
        for version in self._versions.values():
            version.material.wipe()
        self._versions.clear()

    def _load(self) -> None:
        keep: dict[type, Callable[[Any], None]] = {
            Key: self._keep_key,
            KeyVersion: self._keep_version,
            Alias: self._keep_alias,
            Usage: self.books.load,
            LastUse: self.books.load,
            Past: self.books.load,
            Tracking: self.books.load,
            Grant: self.grants.keep,
            Purpose: self._note_purpose,
        }
        for record in self._store.records():
            try:
                value = read_record(record)
            except RecordUnreadable as exc:
                reason = "it is not of a form that this version knows"
                raise StoreDamaged(f"{record.kind} {record.name}", reason) from exc
            record.wipe()
            keep[type(value)](value)
        self._check_whole()

    def _check_whole(self) -> None:
        for key in self._keys.values():
            held = {number for number in range(1, key.version + 1) if self.version(key.key_id, number)}
            if len(held) < key.version:
                lost = min(set(range(1, key.version + 1)) - held)
                raise StoreDamaged(f"key {key.arn}", f"version {lost} of its material is not there")
        for alias in self._aliases.values():
            if (alias.region, alias.target_key_id) not in self._keys:
                raise StoreDamaged(f"alias {alias.arn}", "the key it names is not there")
        for arn in set(self.grants.key_arns()) - {key.arn for key in self._keys.values()}:
            raise StoreDamaged(f"grants of {arn}", "the key is not there")

    def _keep_key(self, key: Key) -> None:
        if (key.region, key.key_id) not in self._keys:
            insort(self._key_ids[key.region, key.account], key.key_id)
        self._keys[key.region, key.key_id] = key

    def _drop_key(self, key: Key) -> None:
        del self._keys[key.region, key.key_id]
        _remove(self._key_ids[key.region, key.account], key.key_id)

    def _aliases_of_key(self, key: Key) -> Sequence[Alias]:
        names = self.aliases_of(key)
        return [alias for name in names if (alias := self.alias(key.region, key.account, name))]

    def _note_purpose(self, purpose: Purpose) -> None:
        self.purpose = purpose

    def _keep_version(self, version: KeyVersion) -> None:
        self._versions[version.key_id, version.number] = version

    def _keep_alias(self, alias: Alias) -> None:
        held = self.alias(alias.region, alias.account, alias.name)
        if held is None:
            insort(self._alias_names[alias.region, alias.account], alias.name)
        else:
            _remove(self._aliases_of[held.region, held.target_key_id], held.name)
        insort(self._aliases_of[alias.region, alias.target_key_id], alias.name)
        self._aliases[alias.region, alias.account, alias.name] = alias

    def _drop_alias(self, alias: Alias) -> None:
        del self._aliases[alias.region, alias.account, alias.name]
        _remove(self._alias_names[alias.region, alias.account], alias.name)
        _remove(self._aliases_of[alias.region, alias.target_key_id], alias.name)


def _remove(ordered: list[str], name: str) -> None:
    del ordered[bisect_left(ordered, name)]
