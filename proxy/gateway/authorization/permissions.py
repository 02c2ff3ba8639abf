"""What the policies of an identity say. Built once from the configuration; a reload builds another.

Where no policy of an identity looks at anything but action and resource, what it said is remembered: most
identities are such, and their clients read the same names again and again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from proxy.policy.documents import Policy
from proxy.policy.evaluate import Judgement, judge
from proxy.policy.request import Request, Value

MAX_REMEMBERED = 4096
"""Decisions of one identity; then it begins anew."""


class Permissions:
    """Of one identity. Safe to share between requests."""

    __slots__ = ("_account", "_arn", "_policies", "_remembered", "names")

    def __init__(self, arn: str, account: str, policies: Iterable[Policy]) -> None:
        self._arn = arn
        self._account = account
        self._policies = tuple(policies)
        self._remembered: dict[tuple[str, str], Judgement] = {}
        self.names = frozenset().union(*(policy.names for policy in self._policies))
        """The condition keys that decide."""

    def judge(self, action: str, resource: str, conditions: Mapping[str, Value]) -> Judgement:
        if self.names:
            return judge(self._policies, self._request(action, resource, conditions))
        found = self._remembered.get((action, resource))
        if found is None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            found = judge(self._policies, self._request(action, resource, {}))
            self._remembered[action, resource] = found
        return found

    def _request(self, action: str, resource: str, conditions: Mapping[str, Value]) -> Request:
        return Request(
            principal_arn=self._arn,
            principal_account=self._account,
            action=action,
            resource=resource,
            conditions=conditions,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An identity as policies see it."""

    name: str
    arn: str
    account: str
    tags: Mapping[str, str]
    """By name in lower case: condition keys are compared without regard to case."""
    permissions: Permissions
