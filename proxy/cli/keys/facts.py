"""What there is to say of a key, from the key service and the configuration."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from proxy.cli.keys.asking import Asking
from proxy.cli.keys.buckets import buckets_under
from proxy.cli.keys.sealed import sealed_under
from proxy.cli.keys.service import Document, Refused
from proxy.cli.keys.tables import moment, printable, show_one
from proxy.cli.keys.used import uses_of

ALSO_LOCKED = "--also-locked"
NOT_TOLD = "not told to this identity"


def show_key(at: Asking, key: Document) -> None:
    metadata = at.key(key["Arn"])
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
    return _facts(at, key, _maybe_aliases(at, key))


def _facts(at: Asking, key: Document, aliases: Sequence[str] | None) -> dict[str, Any]:
    return {
        "key": key["Arn"],
        "aliases": NOT_TOLD if aliases is None else aliases,
        "description": key["Description"],
        "state": key["KeyState"],
        **_ending(key),
        "manager": key["KeyManager"],
        "created": moment(key["CreationDate"]),
        **_rotation(at, key),
        "tags": _unless_refused(lambda: _tags(at, key)),
        "last used": _unless_refused(lambda: _last_used(at, key)),
        "used by": [*uses_of(at.config, key["Arn"], names_of(key, aliases)), *_by_alias(aliases)]
        or "no rule of the configuration",
    }


def document_of(at: Asking, key: Document) -> Document:
    """The same for a script, in AWS's words. Null where this identity is not told, or nothing was."""

    def asked(action: str) -> Document:
        told: Document = _unless_refused(lambda: at.service.ask(action, KeyId=key["Arn"]), else_={})
        return told

    rotation, aliases = asked("GetKeyRotationStatus"), _maybe_aliases(at, key)
    rotation.pop("KeyId", None)
    return {
        **key,
        "Aliases": aliases,
        "Tags": _unless_refused(lambda: list(_tag_pages(at, key)), else_=None),
        "KeyRotation": rotation or None,
        "KeyLastUsage": asked("GetKeyLastUsage").get("KeyLastUsage"),
        "UsedBy": list(uses_of(at.config, key["Arn"], names_of(key, aliases))),
    }


def names_of(key: Document, aliases: Sequence[str] | None) -> set[str]:
    """All that may stand for the key, as far as it is told."""
    prefix, aliases = key["Arn"].rpartition(":")[0], aliases or ()
    return {key["KeyId"], key["Arn"], *aliases, *(f"{prefix}:{alias}" for alias in aliases)}


def _maybe_aliases(at: Asking, key: Document) -> list[str] | None:
    """None where this identity is not told: nobody is of another account's key."""
    aliases: list[str] | None = _unless_refused(lambda: at.aliases(key), else_=None)
    return aliases


def _by_alias(aliases: Sequence[str] | None) -> list[str]:
    return [f"what names it by an alias: {NOT_TOLD}"] if aliases is None else []


def ask_first(
    at: Asking,
    key: Document,
    question: str,
    warning: str,
    *,
    yes: bool,
    more: Sequence[str] = (),
    lost: bool = False,
    spares_locked: bool = False,
) -> None:
    """What uses the key, when it was last used and what it sealed; then the question. Raises Abort.

    `lost`: what it sealed becomes unreadable. With spares_locked it raises ClickException, whatever `yes`
    says, where some of that is locked, or may be.
    """
    aliases = _maybe_aliases(at, key)
    facts = _facts(at, key, aliases)
    sealed = sealed_under(at.config, key["Arn"], now=datetime.now(UTC), lost=lost)
    buckets = buckets_under(at.config, at.service.credentials, names_of(key, aliases))
    facts["buckets"] = [*buckets, *_by_alias(aliases)]
    facts["objects"] = sealed.lines
    click.echo("\n".join([*fact_lines(facts), *more, warning]), err=True)
    if spares_locked and sealed.locked:
        raise click.ClickException(f"{sealed.locked}: give {ALSO_LOCKED} to go on all the same")
    if not yes:
        click.confirm(f"{question}?", abort=True, err=True)


def fact_lines(facts: Mapping[str, Any]) -> list[str]:
    """As a person reads them before a question: what has several values has a line for each."""
    return [
        f"{name if first else '':<12} {printable(str(value))}".rstrip()
        for name, values in facts.items()
        for first, value in _with_first(values if isinstance(values, list) else [values])
    ]


def _with_first(values: Sequence[Any]) -> Iterator[tuple[bool, Any]]:
    """An empty list is one empty line."""
    return ((number == 0, value) for number, value in enumerate(values or [""]))


def _unless_refused(fact: Callable[[], Any], *, else_: Any = NOT_TOLD) -> Any:
    """Whoever may delete a key need not be allowed to see all of it."""
    try:
        return fact()
    except Refused as exc:
        if exc.code != "AccessDeniedException":
            raise
        return else_


def _tags(at: Asking, key: Document) -> list[str]:
    return [f"{tag['TagKey']}={tag['TagValue']}" for tag in _tag_pages(at, key)]


def _tag_pages(at: Asking, key: Document) -> Iterator[Document]:
    return at.service.pages("ListResourceTags", "Tags", KeyId=key["Arn"])


def _last_used(at: Asking, key: Document) -> str:
    used = at.service.ask("GetKeyLastUsage", KeyId=key["Arn"])
    last = used.get("KeyLastUsage")
    if last is None:
        return f"never since {moment(used['TrackingStartDate'])}"
    return f"{moment(last['Timestamp'])} ({last['Operation']})"


def _rotation(at: Asking, key: Document) -> dict[str, str]:
    return {"rotation": _unless_refused(lambda: _rotates(at, key))}


def _rotates(at: Asking, key: Document) -> str:
    told = at.service.ask("GetKeyRotationStatus", KeyId=key["Arn"])
    if not told["KeyRotationEnabled"]:
        return "off"
    return f"every {told['RotationPeriodInDays']} days, next {moment(told['NextRotationDate'])}"


def _ending(key: Document) -> dict[str, str]:
    return {"destroyed": moment(key["DeletionDate"])} if "DeletionDate" in key else {}
