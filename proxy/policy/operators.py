"""Condition operators, as a table: how each compares one value of the request with those of the policy.

From "IAM JSON policy elements: Condition operators" (IAM user guide). A negated one is true where none of
the policy's values compares, and where the request has no such key. A value of the policy that cannot be of
its operator's type is MalformedPolicy; one of the request compares with nothing.
"""

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from proxy.policy.malformed import MalformedPolicy
from proxy.policy.patterns import (
    Bound,
    Matches,
    Token,
    Wild,
    arn_matcher,
    bound,
    matcher,
    needed_in,
    tokens_of,
    variables_in,
)
from proxy.policy.request import Value

Test = Bound
"""Whether one value of the request compares with any of the policy's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The values of a condition, as the policy has them."""

    values: Sequence[str]
    where: str
    variables: bool
    """Whether this version of the policy language has variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    test: Test
    names: frozenset[str] = frozenset()
    """Condition keys that variables name."""
    needed: frozenset[str] = frozenset()
    """Those of them that have no default."""


Compile = Callable[[Written], Compiled]


def _text(written: Written, fold: Callable[[str], str], *, wild: bool) -> Compiled:
    """Texts without wildcards and variables are one look-up in a set."""
    tokens = [
        tokens_of(value, where=written.where, wild=wild, variables=written.variables)
        for value in written.values
    ]
    plain = frozenset(
        fold("".join(map(str, each))) for each in tokens if all(isinstance(t, str) for t in each)
    )
    others = [
        bound(_folded(each, fold), _folding(fold))
        for each in tokens
        if not all(isinstance(t, str) for t in each)
    ]

    def test(value: str, conditions: Mapping[str, Value]) -> bool:
        return fold(value) in plain or any(matches(value, conditions) for matches in others)

    return _compiled(test, tokens)


def _folded(tokens: tuple[Token, ...], fold: Callable[[str], str]) -> tuple[Token, ...]:
    return tuple(fold(token) if isinstance(token, str) else token for token in tokens)


def _folding(fold: Callable[[str], str]) -> Callable[[tuple[Token, ...]], Matches]:
    def compile_tokens(tokens: tuple[Token, ...]) -> Matches:
        matches = matcher(_folded(tokens, fold))
        return lambda text: matches(fold(text))

    return compile_tokens


def _equals(written: Written) -> Compiled:
    return _text(written, str, wild=False)


def _equals_ignoring_case(written: Written) -> Compiled:
    return _text(written, str.casefold, wild=False)


def _like(written: Written) -> Compiled:
    return _text(written, str, wild=True)


def _arn(written: Written) -> Compiled:
    tokens = [
        tokens_of(value, where=written.where, wild=True, variables=written.variables)
        for value in written.values
    ]
    for each, value in zip(tokens, written.values, strict=True):
        if each != (Wild.ANY,) and value.count(":") < 5 and not variables_in(each):
            raise MalformedPolicy(written.where, f"an ARN has six parts: {value}")
    tests = [bound(each, arn_matcher) for each in tokens]
    return _compiled(lambda value, conditions: any(matches(value, conditions) for matches in tests), tokens)


def _compiled(test: Test, tokens: Sequence[tuple[Token, ...]]) -> Compiled:
    return Compiled(
        test=test,
        names=frozenset().union(*map(variables_in, tokens)),
        needed=frozenset().union(*map(needed_in, tokens)),
    )


def _typed(read: Callable[[str], Any | None], kind: str, compare: Callable[[Any, Any], bool]) -> Compile:
    """Operators whose values are of a type. Variables are for texts and ARNs alone."""

    def compile_values(written: Written) -> Compiled:
        wanted = []
        for text in written.values:
            value = read(text)
            if value is None:
                raise MalformedPolicy(written.where, f"this is no {kind}: {text}")
            wanted.append(value)

        def test(text: str, _: Mapping[str, Value]) -> bool:
            value = read(text)
            return value is not None and any(compare(value, each) for each in wanted)

        return Compiled(test=test)

    return compile_values


_is_number = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?").fullmatch
_is_date = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:[0-9]{2}))?)?)?"
).fullmatch


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _is_number(text) else None


@lru_cache(maxsize=256)
def _date(text: str) -> Decimal | None:
    """Seconds since 1970: of a W3C date of any precision, or as a number."""
    found = _is_date(text)
    if found is None:
        return _number(text)
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    iso = f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}"
    try:
        moment = datetime.fromisoformat(iso + ("+00:00" if zone in {None, "Z"} else zone))
    except ValueError:
        return None
    whole = Decimal(int(moment.astimezone(UTC).timestamp()))
    return whole + (Decimal(f"0.{fraction}") if fraction else 0)


def _truth(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


@lru_cache(maxsize=1024)
def _network(text: str) -> tuple[int, int, int] | None:
    """IP version, first and last address; an IPv4 address that came in an IPv6 one is itself."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    first, last = network[0], network[-1]
    if isinstance(first, ipaddress.IPv6Address) and first.ipv4_mapped and network.prefixlen >= 96:
        assert isinstance(last, ipaddress.IPv6Address)
        return 4, int(first) & 0xFFFFFFFF, int(last) & 0xFFFFFFFF
    return network.version, int(first), int(last)


def _within(inner: tuple[int, int, int], outer: tuple[int, int, int]) -> bool:
    return inner[0] == outer[0] and outer[1] <= inner[1] and inner[2] <= outer[2]


@dataclass(frozen=True, slots=True)
class Operator:
    compile: Compile
    negated: bool = False


_NUMBERS = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_ip = _typed(_network, "address or CIDR block", _within)

OPERATORS: dict[str, Operator] = {
    "StringEquals": Operator(_equals),
    "StringNotEquals": Operator(_equals, negated=True),
    "StringEqualsIgnoreCase": Operator(_equals_ignoring_case),
    "StringNotEqualsIgnoreCase": Operator(_equals_ignoring_case, negated=True),
    "StringLike": Operator(_like),
    "StringNotLike": Operator(_like, negated=True),
    **{f"Numeric{name}": Operator(_typed(_number, "number", compare)) for name, compare in _NUMBERS.items()},
    "NumericNotEquals": Operator(_typed(_number, "number", operator.eq), negated=True),
    **{f"Date{name}": Operator(_typed(_date, "date", compare)) for name, compare in _NUMBERS.items()},
    "DateNotEquals": Operator(_typed(_date, "date", operator.eq), negated=True),
    "Bool": Operator(_typed(_truth, "boolean", operator.eq)),
    "BinaryEquals": Operator(_typed(_bytes, "base64 text", operator.eq)),
    "IpAddress": Operator(_ip),
    "NotIpAddress": Operator(_ip, negated=True),
    "ArnEquals": Operator(_arn),
    "ArnLike": Operator(_arn),
    "ArnNotEquals": Operator(_arn, negated=True),
    "ArnNotLike": Operator(_arn, negated=True),
}
