"""All grants in memory, found by their key, by who was granted and by who may retire them.

Read from any thread: each look takes a copy in one step. Changes come one at a time.
"""

from collections.abc import Collection, Hashable, Sequence
from typing import TypeVar

from proxy.hsm.core.grants import Grant, names_of

_ById = dict[str, Grant]
Place = TypeVar("Place", bound=Hashable)


class Grantbook:
    def __init__(self) -> None:
        self._of_key: dict[str, _ById] = {}
        self._for: dict[tuple[str, str], _ById] = {}
        self._retirable: dict[tuple[str, str], _ById] = {}

    def grant(self, key_arn: str, grant_id: str) -> Grant | None:
        return self._of_key.get(key_arn, {}).get(grant_id)

    def count(self, key_arn: str) -> int:
        return len(self._of_key.get(key_arn, ()))

    def of_key(self, key_arn: str) -> Sequence[Grant]:
        """In ascending order of their ids."""
        return _ordered(self._of_key.get(key_arn, {}))

    def given_to(self, key_arn: str, principal: str) -> Sequence[Grant]:
        """Those on a key whose grantee is the principal, by any of its names."""
        if key_arn not in self._of_key:  # most keys have none
            return ()
        found = [self._for.get((key_arn, name), {}) for name in names_of(principal)]
        return [grant for each in found for grant in tuple(each.values())]

    def retirable(self, region: str, principal: str) -> Sequence[Grant]:
        """Those that name it as retiring principal, in ascending order of their ids."""
        return _ordered(self._retirable.get((region, principal), {}))

    def key_arns(self) -> Collection[str]:
        return self._of_key.keys()

    def keep(self, grant: Grant) -> None:
        self._of_key.setdefault(grant.key_arn, {})[grant.grant_id] = grant
        for place in _grantees(grant):
            self._for.setdefault(place, {})[grant.grant_id] = grant
        if grant.retiring:
            self._retirable.setdefault((grant.region, grant.retiring), {})[grant.grant_id] = grant

    def drop(self, grant: Grant) -> None:
        _forget(self._of_key, grant.key_arn, grant)
        for place in _grantees(grant):
            _forget(self._for, place, grant)
        if grant.retiring:
            _forget(self._retirable, (grant.region, grant.retiring), grant)

    def clear(self) -> None:
        for book in (self._of_key, self._for, self._retirable):
            book.clear()


def _grantees(grant: Grant) -> list[tuple[str, str]]:
    return [(grant.key_arn, grant.grantee or grant.grantee_service)]


def _forget(book: dict[Place, _ById], place: Place, grant: Grant) -> None:
    del book[place][grant.grant_id]
    if not book[place]:
        del book[place]


def _ordered(found: _ById) -> Sequence[Grant]:
    return sorted(found.values(), key=lambda grant: grant.grant_id)
