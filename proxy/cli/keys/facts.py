"""What there is to say of a key, from the key service and the configuration."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy.cli.keys.asking import Asking
from proxy.cli.keys.service import Document
from proxy.cli.keys.tables import moment, show_one
from proxy.cli.keys.used import uses_of


def show_key(at: Asking, key: Document) -> None:
    metadata = at.key(key["KeyId"])
    show_one(
        {
            "key": metadata["Arn"],
            "state": metadata["KeyState"],
            **_rotation(at, metadata),
            **_ending(metadata),
        },
        output=at.output,
        whole=metadata,
    )


def facts_of(at: Asking, key: Document) -> dict[str, Any]:
    aliases, prefix = at.aliases(key), key["Arn"].rpartition(":")[0]
    names = {key["KeyId"], key["Arn"], *aliases, *(f"{prefix}:{alias}" for alias in aliases)}
    tags = at.service.pages("ListResourceTags", "Tags", KeyId=key["KeyId"])
    used = at.service.ask("GetKeyLastUsage", KeyId=key["KeyId"])
    last = used.get("KeyLastUsage")
    return {
        "key": key["Arn"],
        "aliases": aliases,
        "description": key["Description"],
        "state": key["KeyState"],
        **_ending(key),
        "manager": key["KeyManager"],
        "created": moment(key["CreationDate"]),
        **_rotation(at, key),
        "tags": [f"{tag['TagKey']}={tag['TagValue']}" for tag in tags],
        "last used": f"{moment(last['Timestamp'])} ({last['Operation']})"
        if last
        else f"never since {moment(used['TrackingStartDate'])}",
        "used by": list(uses_of(at.config, key["Arn"], names)) or "no rule of the configuration",
    }


def fact_lines(facts: Mapping[str, Any]) -> list[str]:
    """As a person reads them before a question: what has several values has a line for each."""
    return [
        f"{name if first else '':<12} {value}".rstrip()
        for name, values in facts.items()
        for first, value in _with_first(values if isinstance(values, list) else [values])
    ]


def _with_first(values: Sequence[Any]) -> Iterator[tuple[bool, Any]]:
    """An empty list is one empty line."""
    return ((number == 0, value) for number, value in enumerate(values or [""]))


def _rotation(at: Asking, key: Document) -> dict[str, str]:
    told = at.service.ask("GetKeyRotationStatus", KeyId=key["KeyId"])
    if not told["KeyRotationEnabled"]:
        return {"rotation": "off"}
    next_one = moment(told["NextRotationDate"])
    return {"rotation": f"every {told['RotationPeriodInDays']} days, next {next_one}"}


def _ending(key: Document) -> dict[str, str]:
    return {"destroyed": moment(key["DeletionDate"])} if "DeletionDate" in key else {}
