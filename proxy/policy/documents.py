"""Policy documents: read once, checked, and compiled into what a decision needs.

From "IAM JSON policy elements reference" and "Grammar of the IAM JSON policy language" (IAM user guide). What
cannot be understood is MalformedPolicy, with the place: a statement that is half understood would allow or
deny something else than its author meant.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from proxy.policy.conditions import Condition, parse_conditions, values_of
from proxy.policy.malformed import MalformedPolicy
from proxy.policy.patterns import Bound, Token, bound, matcher, needed_in, tokens_of, variables_in
from proxy.policy.principals import Principals, parse_principals
from proxy.policy.request import Value


class Kind(Enum):
    IDENTITY = "identity"
    """Whom it is about follows from where it is attached."""
    RESOURCE = "resource"
    """It names its principals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    sid: str
    """Its Sid; without one its index."""
    allows: bool
    about_action: Callable[[str], bool]
    """Takes the action in lower case."""
    about_resource: Bound
    principals: Principals | None
    """None in a policy of an identity."""
    conditions: tuple[Condition, ...]
    names: frozenset[str]
    """All condition keys that decide with it, also those that only variables name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Compare by identity: two that read the same are two."""

    kind: Kind
    has_variables: bool
    """Whether its version of the language has them."""
    statements: tuple[Statement, ...]
    _by_action: dict[str, tuple[Statement, ...]] = field(default_factory=dict, repr=False, compare=False)

    def about(self, action: str) -> tuple[Statement, ...]:
        """The statements about an action. Remembered: those asked for come from a fixed table."""
        found = self._by_action.get(action)
        if found is None:
            lower = action.lower()
            found = tuple(each for each in self.statements if each.about_action(lower))
            if len(self._by_action) < MAX_REMEMBERED:
                self._by_action[action] = found
        return found

    @property
    def names(self) -> frozenset[str]:
        """Every condition key that it looks at, in lower case."""
        return frozenset().union(*(each.names for each in self.statements))


MAX_REMEMBERED = 1024
VERSIONS = ("2012-10-17", "2008-10-17")
_TOP = {"Version", "Id", "Statement"}
_STATEMENT = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
    *("Resource", "NotResource", "Condition"),
}
_is_identity_sid = re.compile(r"[A-Za-z0-9]*").fullmatch
_is_action = re.compile(r"\*|[a-z0-9-]+:[a-z0-9*?-]+").fullmatch


def parse(text: str, *, kind: Kind) -> Policy:
    """Raises MalformedPolicy."""
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as exc:
        raise MalformedPolicy("", f"this is no JSON: {exc}") from exc
    if not isinstance(document, dict):
        raise MalformedPolicy("", "a policy is an object")
    _refuse_others(document, _TOP, "")
    version = document.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise MalformedPolicy("Version", f"it must be {' or '.join(VERSIONS)}")
    if not isinstance(document.get("Id", ""), str):
        raise MalformedPolicy("Id", "it must be a text")
    given = document.get("Statement")
    if isinstance(given, dict):
        given = [given]
    if not isinstance(given, list) or not given:
        raise MalformedPolicy("Statement", "it must be a statement or a list of them")
    variables = version == VERSIONS[0]
    statements = tuple(
        _statement(each, f"Statement[{index}]", str(index), kind, variables=variables)
        for index, each in enumerate(given)
    )
    sids = [each["Sid"] for each in given if each.get("Sid")]
    if len(set(sids)) < len(sids):
        raise MalformedPolicy("Statement", "two statements have the same Sid")
    return Policy(kind=kind, has_variables=variables, statements=statements)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Which of two would count depends on the reader, and the author may have meant the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise MalformedPolicy("", f"the name {twice} stands twice in one object")
    return found


def _constant(name: str) -> Any:
    raise MalformedPolicy("", f"{name} is no JSON")


def _refuse_others(found: Mapping[object, object], known: set[str], where: str) -> None:
    for name in found:
        if name not in known:
            raise MalformedPolicy(where, f"the element {name} is not known")


def _statement(given: object, where: str, index: str, kind: Kind, *, variables: bool) -> Statement:
    if not isinstance(given, dict):
        raise MalformedPolicy(where, "a statement is an object")
    _refuse_others(given, _STATEMENT, where)
    effect = given.get("Effect")
    if effect not in {"Allow", "Deny"}:
        raise MalformedPolicy(f"{where}.Effect", "it must be Allow or Deny")
    about_resource, names = _resources(given, where, variables=variables)
    conditions = parse_conditions(
        given.get("Condition", {}), f"{where}.Condition", allows=effect == "Allow", variables=variables
    )
    return Statement(
        sid=_sid(given, where, kind) or index,
        allows=effect == "Allow",
        about_action=_actions(given, where),
        about_resource=about_resource,
        principals=_principals(given, where, kind),
        conditions=conditions,
        names=names.union(*({each.key, *each.names} for each in conditions)),
    )


def _sid(given: Mapping[str, object], where: str, kind: Kind) -> str:
    sid = given.get("Sid", "")
    if not isinstance(sid, str) or (kind is Kind.IDENTITY and not _is_identity_sid(sid)):
        raise MalformedPolicy(f"{where}.Sid", "it must be a text of letters and digits")
    return sid


def _one_of(given: Mapping[str, object], name: str, where: str) -> tuple[str, bool]:
    """Which of the element and its negation is there, and whether it is the negation."""
    negated = f"Not{name}"
    if (name in given) == (negated in given):
        raise MalformedPolicy(where, f"it must have one of {name} and {negated}")
    return (negated, True) if negated in given else (name, False)


def _actions(given: Mapping[str, object], where: str) -> Callable[[str], bool]:
    name, negated = _one_of(given, "Action", where)
    at = f"{where}.{name}"
    exact: set[str] = set()
    patterns = []
    for value in _texts(given[name], at):
        lower = value.lower()
        if not _is_action(lower):
            raise MalformedPolicy(at, f"an action is a service's name, a colon and its name: {value}")
        if "*" in lower or "?" in lower:
            patterns.append(matcher(tokens_of(lower, where=at, wild=True, variables=False)))
        else:
            exact.add(lower)
    return lambda action: (action in exact or any(each(action) for each in patterns)) is not negated


def _resources(given: Mapping[str, object], where: str, *, variables: bool) -> tuple[Bound, frozenset[str]]:
    name, negated = _one_of(given, "Resource", where)
    at = f"{where}.{name}"
    patterns: list[tuple[Token, ...]] = []
    for value in _texts(given[name], at):
        if value != "*" and not value.startswith("arn:"):
            raise MalformedPolicy(at, f'a resource is an ARN or "*": {value}')
        patterns.append(tokens_of(value, where=at, wild=True, variables=variables))
        if value.count(":") < 5 and "*" not in value and not variables_in(patterns[-1]):
            raise MalformedPolicy(at, f"an ARN has six parts: {value}")
    tests = [bound(tokens, matcher) for tokens in patterns]
    names = frozenset().union(*map(variables_in, patterns))
    if len(tests) == 1 and not negated:
        return tests[0], names
    # An Allow for all but what a variable stands for holds nothing where it stands for nothing.
    allows_but = negated and given["Effect"] == "Allow"
    needed = frozenset().union(*map(needed_in, patterns)) if allows_but else frozenset()

    def about(resource: str, conditions: Mapping[str, Value]) -> bool:
        if needed and not all(isinstance(conditions.get(each), str) for each in needed):
            return False
        return any(test(resource, conditions) for test in tests) is not negated

    return about, names


def _texts(given: object, where: str) -> tuple[str, ...]:
    values = given if isinstance(given, list) else [given]
    if not all(isinstance(value, str) for value in values):
        raise MalformedPolicy(where, "it must be a text or a list of texts")
    return values_of(given, where)


def _principals(given: Mapping[str, object], where: str, kind: Kind) -> Principals | None:
    if kind is Kind.IDENTITY:
        if "Principal" in given or "NotPrincipal" in given:
            raise MalformedPolicy(where, "a policy of an identity names no principal")
        return None
    name, negated = _one_of(given, "Principal", where)
    if negated and given["Effect"] == "Allow":
        raise MalformedPolicy(where, "NotPrincipal stands with Deny alone")
    return parse_principals(given[name], f"{where}.{name}", negated=negated)
