"""How values are written down."""

import json
from dataclasses import replace

import pytest

from proxy.hsm.core.material import KeyMaterial
from proxy.hsm.core.model import Alias, Key, Manager, new_version
from proxy.hsm.core.records import (
    Record,
    RecordUnreadable,
    alias_record,
    key_record,
    read_record,
    version_record,
)
from proxy.hsm.core.states import KeyState

KEY = Key(
    key_id="0f1e2d3c-4b5a-4697-8877-665544332211",
    account="111122223333",
    region="eu-central-1",
    manager=Manager.CUSTOMER,
    state=KeyState.DISABLED,
    created_epoch=1.5,
    description="für Rechnungen",
    tags=(("a", "1"), ("b", "")),
    version=3,
)
ALIAS = Alias(
    name="alias/a",
    account="111122223333",
    region="eu-central-1",
    target_key_id=KEY.key_id,
    created_epoch=1.0,
    updated_epoch=2.5,
)
VERSION = new_version(KEY.key_id, 3, KeyMaterial(bytes(range(32))), 9.25)


def test_what_is_written_is_read_back() -> None:
    assert read_record(key_record(KEY)) == KEY
    assert read_record(alias_record(ALIAS)) == ALIAS
    read = read_record(version_record(VERSION))

    assert read == VERSION
    assert getattr(read, "material").reveal() == bytes(range(32))  # noqa: B009 -- the union has it in one case alone


def changed(record: Record, **fields: object) -> Record:
    return replace(record, plain=json.dumps({**json.loads(record.plain), **fields}).encode())


@pytest.mark.parametrize(
    "record",
    [
        changed(key_record(KEY), restriction="from a newer version"),
        changed(key_record(KEY), state="Melted"),
        changed(key_record(KEY), tags=None),
        changed(alias_record(ALIAS), name="alias/b"),
        replace(key_record(KEY), kind="grant"),
        replace(key_record(KEY), kind="alias"),
        replace(key_record(KEY), name="another"),
        replace(key_record(KEY), plain=b"[]"),
        replace(key_record(KEY), plain=b"\xff"),
        replace(version_record(VERSION), name=f"{KEY.key_id}/4"),
        replace(version_record(VERSION), plain=bytes(31)),
    ],
)
def test_a_record_of_another_form_or_name_is_refused(record: Record) -> None:
    """A field that this version does not know could be a restriction."""
    with pytest.raises(RecordUnreadable) as caught:
        read_record(record)

    assert str(caught.value) == f"{record.kind} {record.name}"


def test_a_field_that_an_older_version_did_not_write_has_its_default() -> None:
    held = json.loads(key_record(KEY).plain)
    del held["origin"]

    assert read_record(replace(key_record(KEY), plain=json.dumps(held).encode())) == KEY
