"""A Condition block, compiled: every operator, every key of it must hold.

`ForAnyValue:` and `ForAllValues:` look at each value of a key that can have several. Without them a key with
several values compares where any of them does. `Null` asks whether a key is there at all.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from proxy.policy.malformed import MalformedPolicy
from proxy.policy.operators import OPERATORS, Test, Written
from proxy.policy.request import Value

Holds = Callable[[Mapping[str, Value]], bool]

_SETS = ("ForAnyValue", "ForAllValues")
_IF_EXISTS = "IfExists"
_is_key = re.compile(r"[A-Za-z0-9-]+:.+", re.DOTALL).fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    key: str
    """In lower case."""
    set_operator: str
    holds: Holds
    names: frozenset[str]
    """Condition keys that variables name."""
    needed: frozenset[str] = frozenset()
    """Those of them that have no default."""
    negated: bool = False


def parse_conditions(block: object, where: str, *, allows: bool, variables: bool) -> tuple[Condition, ...]:
    """Raises MalformedPolicy. What allows holds nothing for unequal to a variable that stands for nothing."""
    if not isinstance(block, dict):
        raise MalformedPolicy(where, "it must be an object")
    found = tuple(
        condition
        for name, keys in block.items()
        for condition in _of_operator(name, keys, where, variables=variables)
    )
    return tuple(map(_with_variables, found)) if allows else found


def _with_variables(condition: Condition) -> Condition:
    if not condition.negated or not condition.needed:
        return condition
    holds, needed = condition.holds, condition.needed

    def known(conditions: Mapping[str, Value]) -> bool:
        return all(isinstance(conditions.get(name), str) for name in needed) and holds(conditions)

    return replace(condition, holds=known)


def _of_operator(name: str, keys: object, block: str, *, variables: bool) -> Iterator[Condition]:
    where = f"{block}.{name}"
    set_operator, _, base = name.rpartition(":")
    if set_operator not in {"", *_SETS}:
        raise MalformedPolicy(where, "the condition operator is not known")
    if_exists = base.endswith(_IF_EXISTS)
    base = base.removesuffix(_IF_EXISTS)
    if base not in OPERATORS and (base != "Null" or if_exists):
        raise MalformedPolicy(where, "the condition operator is not known")
    if not isinstance(keys, dict):
        raise MalformedPolicy(where, "it must be an object of condition keys and values")
    for key, given in keys.items():
        at = f"{where}.{key}"
        if not _is_key(key):
            raise MalformedPolicy(at, "a condition key begins with a service's name or aws, and a colon")
        written = Written(values=values_of(given, at), where=at, variables=variables)
        if base == "Null":
            yield _null(key.lower(), set_operator, written)
        else:
            yield _condition(key.lower(), set_operator, base, written, if_exists=if_exists)


def values_of(given: Any, where: str) -> tuple[str, ...]:
    """One value or a list of them, as texts."""
    values = given if isinstance(given, list) else [given]
    if not values:
        raise MalformedPolicy(where, "the list of values is empty")
    return tuple(_as_text(value, where) for value in values)


def _as_text(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise MalformedPolicy(where, "a value must be a text, a number or a boolean")


def _condition(key: str, set_operator: str, base: str, written: Written, *, if_exists: bool) -> Condition:
    operator = OPERATORS[base]
    compiled = operator.compile(written)
    make = {"": _single, "ForAnyValue": _any_value, "ForAllValues": _all_values}[set_operator]
    holds = make(key, compiled.test, negated=operator.negated)
    return Condition(
        key=key,
        set_operator=set_operator,
        holds=_unless_absent(key, holds) if if_exists else holds,
        names=compiled.names,
        needed=compiled.needed,
        negated=operator.negated,
    )


def _single(key: str, test: Test, *, negated: bool) -> Holds:
    def holds(conditions: Mapping[str, Value]) -> bool:
        value = conditions.get(key)
        if value is None:
            return negated
        if isinstance(value, str):
            return test(value, conditions) is not negated
        return any(test(each, conditions) for each in value) is not negated

    return holds


def _any_value(key: str, test: Test, *, negated: bool) -> Holds:
    def holds(conditions: Mapping[str, Value]) -> bool:
        return any(test(value, conditions) is not negated for value in _set(conditions, key))

    return holds


def _all_values(key: str, test: Test, *, negated: bool) -> Holds:
    """True where there is none: it only says that no other value is there."""

    def holds(conditions: Mapping[str, Value]) -> bool:
        return all(test(value, conditions) is not negated for value in _set(conditions, key))

    return holds


def _set(conditions: Mapping[str, Value], key: str) -> tuple[str, ...]:
    """An empty text is a set of nothing, as AWS has it."""
    value = conditions.get(key, ())
    values = (value,) if isinstance(value, str) else value
    return () if values == ("",) else values


def _unless_absent(key: str, holds: Holds) -> Holds:
    return lambda conditions: conditions.get(key, ()) == () or holds(conditions)


def _null(key: str, set_operator: str, written: Written) -> Condition:
    """With a set operator it says nothing of the key: true for ForAllValues, false for ForAnyValue."""
    if any(value.lower() not in {"true", "false"} for value in written.values):
        raise MalformedPolicy(written.where, "Null takes true or false")
    wanted = {value.lower() == "true" for value in written.values}

    def holds(conditions: Mapping[str, Value]) -> bool:
        absent = conditions.get(key, ()) == ()
        return absent in wanted

    return Condition(
        key=key,
        set_operator=set_operator,
        holds=holds if not set_operator else lambda _: set_operator == "ForAllValues",
        names=frozenset(),
    )
