"""What a key's end makes unreadable, by the last inventory's file. Asks neither store nor key service."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from proxy.cli.inventory_file import InventoryFile, inventory_path
from proxy.cli.inventory_tables import size
from proxy.config.schema import Config
from proxy.jobs.inventory.counts import BucketCount, DamagedInventory, Inventory, KeyCount, moment

OLD: Final = timedelta(days=7)
NAMED: Final = 5
"""So many buckets are named."""
COUNTS: Final = "`sealgate inventory` counts them"
NOT_COUNTED: Final = f"not looked at: which objects it sealed: {COUNTS}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedUnder:
    lines: list[str]
    """For a person, before a question."""
    locked: str = ""
    """What is locked, or may be for all that is known; empty where nothing is."""


def sealed_under(config: Config, key_arn: str, *, now: datetime, lost: bool) -> SealedUnder:
    """`lost`: what comes makes them unreadable."""
    path = inventory_path(config)
    try:
        known = InventoryFile(path=path).read() if path else None
    except (DamagedInventory, OSError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else exc
        return SealedUnder(
            lines=[f"not known: the inventory {path}: {why}: take it anew"],
            locked="the inventory cannot be read, so nobody knows which of its objects are locked",
        )
    if known is None or not known.buckets:
        return SealedUnder(lines=[NOT_COUNTED])
    found = told(known, key_arn, now=now, lost=lost)
    return replace(found, lines=[*found.lines, *_passed_over(config)])


def told(known: Inventory, key_arn: str, *, now: datetime, lost: bool) -> SealedUnder:
    under = {each.bucket: each.keys[key_arn] for each in known.buckets if key_arn in each.keys}
    locked, until = _locked(under.values(), moment(now))
    lines = [_sum(under, lost=lost) if under else "none"]
    if locked:
        lines.append(f"{locked} of these versions locked{until}")
    hidden = [each.bucket for each in known.buckets if not each.locks_shown or each.not_shown]
    if hidden:
        lines.append(f"in {_names(hidden)} the store does not show what is locked")
    may_be = f"the store does not show what is locked in {_names(hidden)}" if hidden else ""
    return SealedUnder(
        lines=[*lines, *_about(known, now)],
        locked=f"{locked} of its objects' versions are locked{until}" if locked else may_be,
    )


def _sum(under: dict[str, KeyCount], *, lost: bool) -> str:
    objects = _number(sum(each.objects for each in under.values()), "object")
    versions = _number(sum(each.versions for each in under.values()), "version")
    plain = size(sum(each.plain_bytes for each in under.values()))
    places = f"{'bucket' if len(under) == 1 else 'buckets'} {_names(list(under))}"
    if not lost:
        return f"{objects} ({versions}, {plain}) in {places}"
    verb = "becomes" if objects == _number(1, "object") else "become"
    return f"{objects} ({versions}, {plain}) in {places} {verb} unreadable"


def _locked(counts: Iterable[KeyCount], now: str) -> tuple[int, str]:
    """How many, and until when: those of a key whose last lock is over are so no longer."""
    held = [each for each in counts if each.locked and (each.legal_hold or each.locked_until > now)]
    last = max((each.locked_until for each in held), default="")
    holds = sum(each.legal_hold for each in held)
    until = f" until {last}" if last > now else ""
    return sum(each.locked for each in held), f"{until}{f', {holds} by a legal hold' if holds else ''}"


def _about(known: Inventory, now: datetime) -> list[str]:
    """Of what age the figures are, and what is not in them."""
    dates = (*(each.taken for each in known.buckets), *([known.listed] if known.listed else []))
    taken = min(map(datetime.fromisoformat, dates))
    days = (now - taken) // timedelta(days=1)
    old = f", {days} DAYS OLD" if now - taken > OLD else ""
    uploads = sum(each.uploads or 0 for each in known.buckets)
    lines = [f"by the inventory of {moment(taken)}{old}; objects written since are not counted"]
    if uploads:
        lines.append(f"{_number(uploads, 'upload')} in progress then, of any key")
    if known.not_counted is None:
        lines.append(f"of buckets {_names([each.bucket for each in known.buckets])} alone: {COUNTS} all")
    elif known.not_counted:
        lines.append(f"without buckets {_names(list(known.not_counted))}, which could not be counted")
    return [*lines, *_not_known(known.buckets)]


def _not_known(buckets: Iterable[BucketCount]) -> list[str]:
    unknown = {each.bucket: each.unreadable + each.not_shown for each in buckets}
    those = [bucket for bucket, count in unknown.items() if count]
    if not those:
        return []
    return [
        f"{_number(sum(unknown.values()), 'version')} in {_names(those)} did not say of which key they are"
    ]


def _passed_over(config: Config) -> list[str]:
    """What was sealed before its rule came is still sealed, and in no inventory."""
    matches = [rule.match for rule in config.buckets if rule.mode == "passthrough"]
    return [f"without what rules with mode passthrough take: {_names(matches)}"] if matches else []


def _names(buckets: list[str]) -> str:
    more = len(buckets) - NAMED
    return ", ".join(buckets[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
