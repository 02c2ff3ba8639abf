"""How the model is written down: each value is one record, a name and bytes.

Fields are JSON; key material stands in front of it, raw, so that it never passes through text. What is
unknown here was written by a newer version and is refused: dropping a field could drop a restriction.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from proxy.hsm.core.grants import Grant, Pairs
from proxy.hsm.core.material import MATERIAL_SIZE, KeyMaterial, wipe
from proxy.hsm.core.model import Alias, Key, KeyVersion, Manager, Purpose
from proxy.hsm.core.states import KeyState
from proxy.hsm.core.usage import LastUse, Past, Tracking, Usage

KEY, VERSION, ALIAS, GRANT = "key", "version", "alias", "grant"
USAGE, LAST_USE, PAST, TRACKING = "usage", "last-use", "past", "tracking"
PURPOSE = "purpose"

Value = Key | KeyVersion | Alias | Grant | Usage | LastUse | Past | Tracking | Purpose


class RecordUnreadable(Exception):
    """The record is whole, but not of a form that this version of the program knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`plain` has no repr: it can be key material."""

    kind: str
    name: str
    plain: bytes | bytearray = field(repr=False)

    def wipe(self) -> None:
        """Overwrites what can be overwritten: key material stands in a bytearray."""
        if isinstance(self.plain, bytearray):
            wipe(self.plain)


def key_record(key: Key) -> Record:
    return Record(kind=KEY, name=key.arn, plain=_json(key))


def alias_record(alias: Alias) -> Record:
    return Record(kind=ALIAS, name=alias.arn, plain=_json(alias))


def grant_record(grant: Grant) -> Record:
    return Record(kind=GRANT, name=grant.record_name, plain=_json(grant))


def version_record(version: KeyVersion) -> Record:
    text = _json(version, without=("material",))
    return Record(
        kind=VERSION,
        name=version_name(version.key_id, version.number),
        plain=version.material.reveal() + text,
    )


def usage_record(usage: Usage) -> Record:
    return Record(kind=USAGE, name=usage.name, plain=_json(usage))


def last_use_record(use: LastUse) -> Record:
    return Record(kind=LAST_USE, name=use.key_arn, plain=_json(use))


def past_record(past: Past) -> Record:
    return Record(kind=PAST, name=past.key_arn, plain=_json(past))


def tracking_record(tracking: Tracking) -> Record:
    return Record(kind=TRACKING, name=TRACKING, plain=_json(tracking))


def purpose_record(purpose: Purpose) -> Record:
    return Record(kind=PURPOSE, name=PURPOSE, plain=_json(purpose))


def version_name(key_id: str, number: int) -> str:
    return f"{key_id}/{number}"


def read_record(record: Record) -> Value:
    """Raises RecordUnreadable, also where a record's contents belong under another name."""
    try:
        value = _READERS[record.kind](record.plain)
    except (KeyError, TypeError, ValueError) as exc:
        raise RecordUnreadable(f"{record.kind} {record.name}") from exc
    if _name(value) != record.name:
        raise RecordUnreadable(f"{record.kind} {record.name}")
    return value


def _name(value: Value) -> str:
    match value:
        case KeyVersion():
            return version_name(value.key_id, value.number)
        case Grant():
            return value.record_name
        case Key() | Alias():
            return value.arn
        case Usage():
            return value.name
        case LastUse() | Past():
            return value.key_arn
        case Tracking():
            return TRACKING
        case Purpose():
            return PURPOSE


def _read_key(plain: bytes | bytearray) -> Key:
    held = _fields(plain)
    tags = tuple((name, value) for name, value in held.pop("tags"))
    manager, state = Manager(held.pop("manager")), KeyState(held.pop("state"))
    return Key(tags=tags, manager=manager, state=state, **held)


def _read_version(plain: bytes | bytearray) -> KeyVersion:
    material = KeyMaterial(plain[:MATERIAL_SIZE])
    return KeyVersion(material=material, **_fields(plain[MATERIAL_SIZE:]))


def _read_alias(plain: bytes | bytearray) -> Alias:
    return Alias(**_fields(plain))


def _read_grant(plain: bytes | bytearray) -> Grant:
    held = _fields(plain)
    operations = tuple(held.pop("operations"))
    equals, subset = (_pairs(held.pop(name)) for name in ("context_equals", "context_subset"))
    return Grant(operations=operations, context_equals=equals, context_subset=subset, **held)


def _pairs(held: list[list[str]] | None) -> Pairs | None:
    return None if held is None else tuple((name, value) for name, value in held)


def _read_usage(plain: bytes | bytearray) -> Usage:
    held = _fields(plain)
    counts = tuple((operation, int(count)) for operation, count in held.pop("counts"))
    return Usage(counts=counts, **held)


def _read_last_use(plain: bytes | bytearray) -> LastUse:
    return LastUse(**_fields(plain))


def _read_past(plain: bytes | bytearray) -> Past:
    held = _fields(plain)
    return Past(rotated_epochs=tuple(held.pop("rotated_epochs")), **held)


def _read_tracking(plain: bytes | bytearray) -> Tracking:
    return Tracking(**_fields(plain))


def _read_purpose(plain: bytes | bytearray) -> Purpose:
    return Purpose(**_fields(plain))


_READERS: dict[str, Callable[[bytes | bytearray], Value]] = {
    KEY: _read_key,
    VERSION: _read_version,
    ALIAS: _read_alias,
    GRANT: _read_grant,
    USAGE: _read_usage,
    LAST_USE: _read_last_use,
    PAST: _read_past,
    TRACKING: _read_tracking,
    PURPOSE: _read_purpose,
}


def _json(value: Value, without: tuple[str, ...] = ()) -> bytes:
    held = {f.name: getattr(value, f.name) for f in fields(value) if f.name not in without}
    return json.dumps(held, separators=(",", ":")).encode()


def _fields(plain: bytes | bytearray) -> dict[str, Any]:
    held = json.loads(plain)
    if not isinstance(held, Mapping):
        raise TypeError
    return dict(held)
