"""What a configuration says of a store, joined with what its preset knows."""

from dataclasses import fields
from typing import Any

from proxy.config import schema
from proxy.config.terms import Secret
from proxy.runtime.store import capabilities_of
from proxy.upstream.capabilities import PRESETS, Capabilities


def section(**changes: Any) -> schema.Upstream:
    return schema.Upstream(
        name="store",
        url="http://127.0.0.1:1",
        access_key_id="key",
        secret_access_key=Secret("secret"),
        preset="seaweedfs",
        capabilities=schema.Capabilities(**changes),
    )


def test_every_capability_can_be_replaced_by_name() -> None:
    """Whoever reads `sealgate check` writes what it says, for any of them."""
    names = [field.name for field in fields(Capabilities)]

    assert [field.name for field in fields(schema.Capabilities)] == names
    for name in set(names) - {"knows"}:
        known = getattr(PRESETS["seaweedfs"], name)
        assert getattr(capabilities_of(section(**{name: not known})), name) is not known


def test_what_is_not_replaced_stays() -> None:
    assert capabilities_of(section()) == PRESETS["seaweedfs"]
    assert capabilities_of(section(equal_parts=True)).turns_backslashes


def test_operations_are_added_to_what_the_preset_knows() -> None:
    known = PRESETS["seaweedfs"].knows

    assert capabilities_of(section(knows=("PutBucketWebsite",))).knows == known | {"PutBucketWebsite"}
