"""AWS's own model of KMS as the gate for what comes in: members, types, lengths, ranges, enums, patterns.

The model is botocore's, compiled once into small checks. A JSON value becomes what the engine takes (blobs as
bytes); unknown members and nulls are dropped, as AWS does. All breaches of a request are told in one
ValidationException in AWS's words; a value of the wrong JSON type is a SerializationException. Values of
members that the model calls sensitive are never repeated.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from proxy.hsm.api_errors import ApiRefusal
from proxy.hsm.api_own import own_model

_SHOWN_CHARACTERS: Final = 4096
"""AWS repeats a value whole; of the few that may be longer, a policy and a tag, this much."""
_TOKENS: Final = frozenset({"GrantTokenList", "GrantTokenType"})
_LAST_EPOCH: Final = 253402300799  # the end of the year 9999, and no infinity
_JSON_NAMES: Final = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE"}
_SCALARS: Final = {"string": "String", "blob": "ByteBuffer", "boolean": "Boolean", "integer": "Integer"}


class KmsModel:
    """Every operation of the service. Load once: it reads and compiles botocore's data."""

    def __init__(self) -> None:
        loaded = Loader().load_service_model("kms", "service-2")  # type: ignore[no-untyped-call]  # botocore
        model = ServiceModel(loaded, "kms")  # type: ignore[no-untyped-call]  # is not annotated
        self._inputs = {name: model.operation_model(name).input_shape for name in model.operation_names}
        self.operations: frozenset[str] = frozenset(self._inputs)
        own = own_model()
        self.own_operations: frozenset[str] = frozenset(own.operation_names)
        self._inputs |= {name: own.operation_model(name).input_shape for name in own.operation_names}
        self._patterns: dict[str, re.Pattern[str]] = {}

    def input_of(self, operation: str) -> Shape | None:
        """What the operation takes, in botocore's words; None where it takes nothing."""
        shape: Shape | None = self._inputs[operation]
        return shape

    def request(self, operation: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """The checked request for a known operation. Raises ApiRefusal."""
        shape = self._inputs[operation]
        if shape is None:
            return {}
        reading = _Reading(breaches=[], patterns=self._patterns)
        request: dict[str, Any] = reading.value(document, shape, "")
        if reading.breaches:
            count = len(reading.breaches)
            told = f"{count} validation error{'s' if count > 1 else ''} detected: "
            raise ApiRefusal("ValidationException", told + "; ".join(reading.breaches))
        return request


@dataclass(frozen=True, slots=True)
class _Reading:
    """One request being read; what is wrong with it gathers in `breaches`."""

    breaches: list[str]
    patterns: dict[str, re.Pattern[str]]

    def value(self, given: Any, shape: Shape, path: str) -> Any:
        match shape.type_name:
            case "structure":
                return self._structure(given, shape, path)
            case "list":
                return self._list(given, shape, path)
            case "map":
                return self._map(given, shape, path)
            case kind:
                value = _scalar(given, kind)
                for rule in self._broken(value, shape):
                    self._report(_shown(value, shape), path, rule)
                return value

    def _structure(self, given: Any, shape: Any, path: str) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise _unreadable(given, "a structure")
        read = {}
        for name, member in shape.members.items():
            place = f"{path}.{_lowered(name)}" if path else _lowered(name)
            if given.get(name) is not None:
                read[name] = self.value(given[name], member, place)
            elif name in shape.required_members:
                self._report("null", place, "Member must not be null")
        return read

    def _list(self, given: Any, shape: Any, path: str) -> list[Any]:
        if not isinstance(given, list):
            raise _unreadable(given, "a list")
        self._check_all(given, shape, path, self._sized(given, shape))
        if shape.member.type_name == "structure":
            return [self.value(item, shape.member, f"{path}.{n}.member") for n, item in enumerate(given, 1)]
        return self._plain_items(given, shape.member, path, given, "Member")

    def _map(self, given: Any, shape: Any, path: str) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise _unreadable(given, "a map")
        self._check_all(given, shape, path, self._sized(given, shape))
        names = self._plain_items(list(given), shape.key, path, given, "Map keys")
        return dict(
            zip(
                names,
                self._plain_items(list(given.values()), shape.value, path, given, "Map value"),
                strict=True,
            )
        )

    def _plain_items(self, items: list[Any], shape: Shape, path: str, whole: Any, what: str) -> list[Any]:
        """Scalars in a collection: AWS shows the whole collection, and all rules where one is broken."""
        if any(item is None for item in items):
            self._report(_shown(whole, shape), path, f"{what} must not be null")
            return items
        values = [_scalar(item, shape.type_name) for item in items]
        if any(self._broken(value, shape) for value in values):
            rules = ", ".join(_rules(shape))
            self._report(_shown(whole, shape), path, f"{what} must satisfy constraint: [{rules}]")
        return values

    def _broken(self, value: Any, shape: Any) -> list[str]:
        """The rules that a scalar breaks, in AWS's words."""
        if isinstance(value, bool | float):
            return []
        if isinstance(value, int):
            return _outside(value, shape.metadata, "value")
        broken = self._sized(value, shape)
        if isinstance(value, str):
            if shape.enum and value not in shape.enum:
                broken.append(_enumerated(shape.enum))
            pattern = shape.metadata.get("pattern")
            if pattern and not self._compiled(pattern).fullmatch(value):
                broken.append(_patterned(pattern))
        return broken

    def _sized(self, value: Any, shape: Shape) -> list[str]:
        return _outside(len(value), shape.metadata, "length")

    def _check_all(self, value: Any, shape: Shape, path: str, rules: list[str]) -> None:
        for rule in rules:
            self._report(_shown(value, shape), path, rule)

    def _compiled(self, pattern: str) -> re.Pattern[str]:
        """Java's patterns as Python's: what the KMS model uses is the same in both."""
        found = self.patterns.get(pattern)
        if found is None:
            found = self.patterns[pattern] = re.compile(pattern, re.ASCII)
        return found

    def _report(self, shown: str | None, path: str, rule: str) -> None:
        """A value that is not shown is left out, as AWS does."""
        value = "" if shown is None else f"{shown} " if shown == "null" else f"'{shown}' "
        self.breaches.append(f"Value {value}at '{path}' failed to satisfy constraint: {rule}")


def _scalar(given: Any, kind: str) -> Any:
    """A JSON value as the model's type. Raises ApiRefusal SerializationException."""
    match kind, given:
        case "boolean", bool():
            return given
        case (("integer" | "long"), int()) if not isinstance(given, bool):
            return given
        case "string", str():
            return _text(given)
        case "timestamp", (int() | float()) if not isinstance(given, bool) and abs(given) <= _LAST_EPOCH:
            return float(given)
        case "blob", str():
            return _blob(given)
    raise _unreadable(given, _SCALARS.get(kind, kind.capitalize()))


def _text(given: str) -> str:
    try:
        given.encode()
    except UnicodeEncodeError:
        raise ApiRefusal("SerializationException", "A string is not valid Unicode") from None
    return given


def _blob(given: str) -> bytes:
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        raise ApiRefusal("SerializationException", "A blob is not valid Base64") from None


def _rules(shape: Any) -> list[str]:
    """All that a scalar of this shape must satisfy."""
    rules = [_bounded(bound, limit, "length") for bound, limit in _limits(shape.metadata)]
    rules += [_enumerated(shape.enum)] if getattr(shape, "enum", None) else []
    return rules + ([_patterned(shape.metadata["pattern"])] if "pattern" in shape.metadata else [])


def _outside(size: int, metadata: Mapping[str, Any], what: str) -> list[str]:
    beyond = {"max": size.__gt__, "min": size.__lt__}
    return [_bounded(bound, limit, what) for bound, limit in _limits(metadata) if beyond[bound](limit)]


def _limits(metadata: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [(bound, metadata[bound]) for bound in ("max", "min") if bound in metadata]


def _bounded(bound: str, limit: int, what: str) -> str:
    than = {"max": "less than", "min": "greater than"}[bound]
    return f"Member must have {what} {than} or equal to {limit}"


def _enumerated(values: Sequence[str]) -> str:
    return f"Member must satisfy enum value set: [{', '.join(values)}]"


def _patterned(pattern: str) -> str:
    return f"Member must satisfy regular expression pattern: {pattern}"


def _shown(value: Any, shape: Shape) -> str | None:
    """The value as an error may repeat it: never key material or plaintext, and never at any length."""
    if isinstance(value, bytes) or shape.metadata.get("sensitive") or shape.name in _TOKENS:
        return None
    if isinstance(value, Mapping):
        return "{" + ", ".join(value)[:_SHOWN_CHARACTERS] + "}"  # of an encryption context, the names
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))[:_SHOWN_CHARACTERS]}]"
    return str(value)[:_SHOWN_CHARACTERS]


def _unreadable(given: Any, expected: str) -> ApiRefusal:
    if isinstance(given, Mapping):
        return ApiRefusal("SerializationException", "Start of structure or map found where not expected.")
    if isinstance(given, list):
        return ApiRefusal("SerializationException", "Start of list found where not expected")
    found = str(given).upper() + "_VALUE" if isinstance(given, bool) else _JSON_NAMES.get(type(given), "null")
    return ApiRefusal("SerializationException", f"{found} can not be converted to {expected}")


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]
