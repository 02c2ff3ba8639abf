"""Every way in which a field of AWS's model can be malformed, with AWS's answer to it.

Derived from the model that botocore holds, member by member and level by level, so that none is forgotten.
The texts are put together here anew, from AWS's own words, and share nothing with the service.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.model import Shape

SERIALIZATION, VALIDATION = "SerializationException", "ValidationException"
SAMPLES = {
    "AliasNameType": "alias/a",
    "CiphertextType": "eA==",
    "AttestationDocumentType": "eA==",
    "PlaintextType": "eA==",
    "GrantConstraintSourceArnType": "arn:aws:s3:eu-central-1:111122223333:x",
    "ServicePrincipalType": "s3.amazonaws.com",
}
"""Of shapes that not every text fits."""
MISFITS = {
    "AliasNameType": "alias/a b",
    "GrantConstraintSourceArnType": "arn:nowhere:s3:eu-central-1:111122223333:x",
    "GrantNameType": "a name",
    "MarkerType": "a\u0100",
    "PolicyNameType": "a-name",
    "PolicyType": "a\u0000",
    "PrincipalIdType": "a b",
    "ServicePrincipalType": "nowhere",
    "XksKeyIdType": "a/b",
}
"""For each pattern a text that has its length and does not match it."""
NUMBER, TEXT, TRUTH = "NUMBER_VALUE", "STRING_VALUE", "TRUE_VALUE"
LIST, MAP = "Start of list found where not expected", "Start of structure or map found where not expected."
NAMES = {"string": "String", "blob": "ByteBuffer", "boolean": "Boolean", "integer": "Integer"}
OTHERS: dict[str, dict[str, Any]] = {
    "string": {NUMBER: 7, TRUTH: True, LIST: ["x"], MAP: {"x": "y"}},
    "blob": {NUMBER: 7, TRUTH: True, LIST: ["x"], MAP: {"x": "y"}},
    "integer": {TEXT: "7", TRUTH: True, NUMBER: 7.5, LIST: [7], MAP: {"x": 7}},
    "boolean": {TEXT: "true", NUMBER: 1, LIST: [True], MAP: {"x": True}},
    "list": {TEXT: "x", NUMBER: 7, TRUTH: True, MAP: {"x": "y"}},
    "map": {TEXT: "x", NUMBER: 7, TRUTH: True, LIST: ["x"]},
    "structure": {TEXT: "x", NUMBER: 7, TRUTH: True, LIST: ["x"]},
}
"""For each type of the model, values of every other type of JSON by the words that AWS has for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    operation: str
    what: str
    document: dict[str, Any]
    code: str
    message: str


def malformed(operation: str, shape: Any) -> Iterator[Malformed]:
    """Each differs from a document without fault in one place alone."""
    for place, (what, value, code, message) in _faults(shape, "", ()):
        document = _put(shape, place, value)
        path = ".".join(map(str, place))
        yield Malformed(
            operation=operation, what=f"{path}: {what}", document=document, code=code, message=message
        )


def sample(shape: Any) -> Any:
    """A value without fault: of a structure, what is required."""
    match shape.type_name:
        case "structure":
            return {name: sample(shape.members[name]) for name in shape.required_members}
        case "list":
            return [sample(shape.member)]
        case "map":
            return {"name": "value"}
        case "integer":
            return shape.metadata.get("min", 1)
        case "boolean":
            return False
    if shape.name in SAMPLES:
        return SAMPLES[shape.name]
    return shape.enum[0] if shape.enum else "a" * max(1, shape.metadata.get("min", 1))


Place = tuple[str | int, ...]
Fault = tuple[str, Any, str, str]
GONE = object()


def _faults(shape: Any, path: str, place: Place) -> Iterator[tuple[Place, Fault]]:
    if place:
        yield from ((place, fault) for fault in _of_type(shape))
    match shape.type_name:
        case "structure":
            for name, member in shape.members.items():
                below = f"{path}.{_lowered(name)}" if path else _lowered(name)
                yield from _faults(member, below, (*place, name))
                if name in shape.required_members:
                    told = _told(
                        f"Value null at '{below}' failed to satisfy constraint: Member must not be null"
                    )
                    yield (*place, name), ("missing", GONE, VALIDATION, told)
        case "list":
            yield from ((place, fault) for fault in _of_list(shape, path))
            if shape.member.type_name == "structure":
                yield from _faults(shape.member, f"{path}.1.member", (*place, 0))
        case "map":
            for words, value in OTHERS["string"].items():
                yield place, (f"holds {words}", {"name": value}, SERIALIZATION, _other(words, "string"))
        case _:
            yield from ((place, fault) for fault in _of_scalar(shape, path))


def _of_type(shape: Shape) -> Iterator[Fault]:
    for words, value in OTHERS[shape.type_name].items():
        yield f"is {words}", value, SERIALIZATION, _other(words, shape.type_name)
    if shape.type_name == "blob":
        yield "no Base64", "no blob", SERIALIZATION, "A blob is not valid Base64"


def _other(words: str, kind: str) -> str:
    return (
        words if words in {LIST, MAP} else f"{words} can not be converted to {NAMES.get(kind, f'a {kind}')}"
    )


def _of_scalar(shape: Any, path: str) -> Iterator[Fault]:
    for what, value in _bad_scalars(shape):
        broken = _broken(value, shape)
        hidden = (
            shape.type_name == "blob" or shape.metadata.get("sensitive") or shape.name == "GrantTokenType"
        )
        shown = "" if hidden else f"'{str(value)[:4096]}' "
        told = _told(*(f"Value {shown}at '{path}' failed to satisfy constraint: {text}" for text in broken))
        yield what, value, VALIDATION, told


def _of_list(shape: Any, path: str) -> Iterator[Fault]:
    hidden, most = shape.name == "GrantTokenList", shape.metadata.get("max")
    if most is not None:
        value = [sample(shape.member)] * (most + 1)
        shown = "" if hidden else f"'[{', '.join(value)}]' "
        rule = f"Member must have length less than or equal to {most}"
        yield (
            "max",
            value,
            VALIDATION,
            _told(f"Value {shown}at '{path}' failed to satisfy constraint: {rule}"),
        )
    if shape.member.type_name == "structure":
        return
    for words, value in OTHERS["string"].items():
        yield f"holds {words}", [value], SERIALIZATION, _other(words, "string")
    rules = ", ".join(_rules(shape.member).values())
    for what, value in _bad_scalars(shape.member):
        shown = "" if hidden else f"'[{value}]' "
        rule = f"Member must satisfy constraint: [{rules}]"
        told = _told(f"Value {shown}at '{path}' failed to satisfy constraint: {rule}")
        yield f"holds {what}", [value], VALIDATION, told


def _bad_scalars(shape: Any) -> Iterator[tuple[str, Any]]:
    """Each breaks a rule of its shape; what is too short may have no room for its pattern."""
    limits = shape.metadata
    if "max" in limits:
        yield "max", _sized(shape, limits["max"] + 1)
    if limits.get("min", 0) > 0:
        yield "min", _sized(shape, limits["min"] - 1)
    if getattr(shape, "enum", None):
        yield "enum", "nothing of this"
    if "pattern" in limits:
        yield "pattern", MISFITS[shape.name]


def _sized(shape: Any, size: int) -> Any:
    match shape.type_name:
        case "integer":
            return size
        case "blob":
            return base64.b64encode(b"x" * size).decode()
    fitting = SAMPLES.get(shape.name, "")
    return (fitting + "a" * size)[:size] if not fitting.endswith(".com") else "a" * (size - 4) + ".b.c"


def _broken(value: Any, shape: Any) -> list[str]:
    limits, rules = shape.metadata, _rules(shape)
    match shape.type_name:
        case "integer":
            size = value
        case "blob":
            size = len(base64.b64decode(value))
        case _:
            size = len(value)
    broken = {
        "max": size > limits.get("max", size),
        "min": size < limits.get("min", size),
        "enum": "enum" in rules and value not in shape.enum,
        "pattern": "pattern" in rules and not re.fullmatch(limits["pattern"], value, re.ASCII),
    }
    return [rules[rule] for rule, is_broken in broken.items() if is_broken]


def _rules(shape: Any) -> dict[str, str]:
    limits, what = shape.metadata, "value" if shape.type_name == "integer" else "length"
    rules = {}
    if "max" in limits:
        rules["max"] = f"Member must have {what} less than or equal to {limits['max']}"
    if "min" in limits:
        rules["min"] = f"Member must have {what} greater than or equal to {limits['min']}"
    if getattr(shape, "enum", None):
        rules["enum"] = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    if "pattern" in limits:
        rules["pattern"] = f"Member must satisfy regular expression pattern: {limits['pattern']}"
    return rules


def _told(*breaches: str) -> str:
    count = len(breaches)
    return f"{count} validation error{'s' * (count > 1)} detected: " + "; ".join(breaches)


def _put(shape: Any, place: Place, value: Any) -> Any:
    """A document without fault but for the value in that place; GONE leaves it out."""
    if not place:
        return value
    name, *below = place
    if isinstance(name, int):
        return [_put(shape.member, tuple(below), value)]
    changed = _put(shape.members[name], tuple(below), value)
    others = {other: held for other, held in sample(shape).items() if other != name}
    return others if changed is GONE else {**others, name: changed}


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]
