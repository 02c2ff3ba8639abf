"""`sealgate keys …`: the built-in key service's keys, over its API, as one of the configuration's identities.

Each command is a thin client: what it may do, the key service decides. Those that make data unreadable first
say what uses the key, and ask.
"""

import re
import time
from typing import Final

import click

from proxy.cli.keys.asking import Asking, asking, key_argument, pairs_of, yes_option
from proxy.cli.keys.facts import ALSO_LOCKED, ask_first, document_of, facts_of, show_key
from proxy.cli.keys.grants import grant
from proxy.cli.keys.money import cost_rows, saved_by_caching
from proxy.cli.keys.policies import policy
from proxy.cli.keys.service import Document, Refused
from proxy.cli.keys.tables import moment, quota_rows, show, show_one

ALIAS: Final = re.compile(r"alias/[a-zA-Z0-9:/_-]{1,250}")
"""What AWS's model takes; the service says of the rest."""


def _month(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", given):
        raise click.BadParameter(f"{given}: write YYYY-MM", param_hint="--month")
    return given


_month_option = click.option("--month", metavar="YYYY-MM", callback=_month, help="[default: this one]")


@click.group()
def keys() -> None:
    """Make, look at, rotate and end keys of the built-in key service."""


@keys.command(epilog="Example: sealgate keys create --alias photos --description 'Photos of customers'")
@click.option("--description", default="")
@click.option("--alias", help="A name for it; `alias/` may be left out.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="May be given several times.")
@asking
def create(at: Asking, description: str, alias: str | None, tags: tuple[str, ...]) -> None:
    """Make a key."""
    pairs = [{"TagKey": name, "TagValue": value} for name, value in pairs_of("--tag", tags).items()]
    name = _free_alias(at, alias) if alias is not None else None
    made = at.service.ask("CreateKey", Description=description, Tags=pairs)["KeyMetadata"]
    if name:
        try:
            at.service.ask("CreateAlias", AliasName=name, TargetKeyId=made["KeyId"])
        except Refused as exc:
            raise click.ClickException(f"{made['Arn']} is made, without an alias: {exc.message}") from None
    show_one(facts_of(at, made), output=at.output, whole=made)


def _free_alias(at: Asking, alias: str) -> str:
    """Looked at before the key is made, which would stay without it. Raises BadParameter, ClickException."""
    name = f"alias/{alias.removeprefix('alias/')}"
    if not ALIAS.fullmatch(name):  # also an empty one: a variable of a script that is not set
        says = "write 1 to 250 letters, digits or /_-"
        raise click.BadParameter(f"{alias!r}: {says}", param_hint="--alias")
    if name.startswith(("alias/aws/", "alias/sealgate/")):
        says = "names below alias/aws/ and alias/sealgate/ are the service's own: choose another"
        raise click.BadParameter(f"{name}: {says}", param_hint="--alias")
    for each in at.service.pages("ListAliases", "Aliases"):
        if each["AliasName"] == name:
            raise click.ClickException(f"{name} is {each['TargetKeyId']}'s already: choose another")
    return name


@keys.command("list", epilog="Example: sealgate keys list --output json")
@asking
def list_command(at: Asking) -> None:
    """Show the account's keys in a region."""
    named: dict[str, list[str]] = {}
    for alias in at.service.pages("ListAliases", "Aliases"):
        named.setdefault(alias.get("TargetKeyId", ""), []).append(alias["AliasName"])
    listed = [_known(at, each) for each in at.service.pages("ListKeys", "Keys")]
    found = [key for key in listed if key is not None]
    rows = [
        {
            "key": key["KeyId"],
            "aliases": named.get(key["KeyId"], []),
            "state": key.get("KeyState", "needs kms:DescribeKey"),
            "manager": key.get("KeyManager", ""),
            "created": moment(key.get("CreationDate")),
            "description": key.get("Description", ""),
        }
        for key in found
    ]
    whole = [{**key, "Aliases": named.get(key["KeyId"], [])} for key in found]
    show(rows, output=at.output, whole=whole)


def _known(at: Asking, listed: Document) -> Document | None:
    """A listed key's metadata; its id and ARN alone where it may not be described, None where it is gone."""
    try:
        return at.key(listed["KeyArn"])
    except Refused as exc:
        if exc.code == "NotFoundException":
            return None
        if exc.code != "AccessDeniedException":
            raise
        return {"KeyId": listed["KeyId"], "Arn": listed["KeyArn"]}


@keys.command(epilog="Example: sealgate keys describe alias/photos")
@key_argument
@asking
def describe(at: Asking, key: str) -> None:
    """Show all there is to say of a key.

    Its state, rotation and tags, when it was last used, and what of the configuration uses it.
    """
    metadata = at.key(key)
    if at.output == "json":
        show_one({}, output="json", whole=document_of(at, metadata))
    else:
        show_one(facts_of(at, metadata), output=at.output)


@keys.command(epilog="Example: sealgate keys rotate alias/photos --every 180")
@key_argument
@click.option(
    "--every",
    type=click.IntRange(90, 2560),
    metavar="DAYS",
    help="Rotate automatically, every 90 to 2560 days.",
)
@click.option("--off", is_flag=True, help="Rotate automatically no longer.")
@asking
def rotate(at: Asking, key: str, every: int | None, *, off: bool) -> None:
    """Exchange a key's material, now or on a schedule. What older material sealed stays readable."""
    if off and every is not None:
        raise click.UsageError("--every and --off are one or the other")
    metadata = at.key(key)
    if off:
        at.service.ask("DisableKeyRotation", KeyId=metadata["Arn"])
    elif every is not None:
        at.service.ask("EnableKeyRotation", KeyId=metadata["Arn"], RotationPeriodInDays=every)
    else:
        at.service.ask("RotateKeyOnDemand", KeyId=metadata["Arn"])
    show_key(at, metadata)
    if every is None and not off:
        click.echo(f"{metadata['Arn']}: rotated; what it seals from now on is under new material", err=True)


@keys.command(epilog="Example: sealgate keys disable alias/photos")
@key_argument
@yes_option
@asking
def disable(at: Asking, key: str, *, yes: bool) -> None:
    """Let a key be used for nothing, until it is enabled again."""
    metadata = at.key(key)
    says = "Until it is enabled again, nothing under it can be read."
    ask_first(at, metadata, "Disable it", says, yes=yes, lost=True)
    at.service.ask("DisableKey", KeyId=metadata["Arn"])
    show_key(at, metadata)


@keys.command(epilog="Example: sealgate keys enable alias/photos")
@key_argument
@asking
def enable(at: Asking, key: str) -> None:
    """Let a disabled key be used again."""
    metadata = at.key(key)
    at.service.ask("EnableKey", KeyId=metadata["Arn"])
    show_key(at, metadata)


@keys.command(epilog="Example: sealgate keys delete alias/photos --days 30")
@key_argument
@click.option("--days", type=click.IntRange(7, 30), default=30, show_default=True, help="To wait before it.")
@click.option(ALSO_LOCKED, "also_locked", is_flag=True, help="Also where locked objects are lost with it.")
@yes_option
@asking
def delete(at: Asking, key: str, days: int, *, also_locked: bool, yes: bool) -> None:
    """Have a key destroyed after a waiting time. Everything that it sealed is lost then.

    Says first what uses the key, and what the last `sealgate inventory` counted under it. Where objects among
    that are locked, or the store does not show it, --also-locked must be given, whatever else is.
    """
    metadata = at.key(key)
    says = f"In {days} days EVERYTHING THAT IT SEALED IS LOST, and from now on none of it can be read."
    ask_first(at, metadata, "Delete it", says, yes=yes, lost=True, spares_locked=not also_locked)
    at.service.ask("ScheduleKeyDeletion", KeyId=metadata["Arn"], PendingWindowInDays=days)
    show_key(at, metadata)


@keys.command("cancel-deletion", epilog="Example: sealgate keys cancel-deletion KEY_ID")
@key_argument
@asking
def cancel_deletion(at: Asking, key: str) -> None:
    """Keep a key that waits for its end. It comes back disabled."""
    metadata = at.key(key)
    at.service.ask("CancelKeyDeletion", KeyId=metadata["Arn"])
    show_key(at, metadata)


@keys.command(epilog="Example: sealgate keys usage --month 2026-11")
@_month_option
@asking
def usage(at: Asking, month: str | None) -> None:
    """Show how often each key was asked for, by operation."""
    told = at.service.ask("GetUsage", Month=month)
    rows = [
        {"key": entry["KeyArn"] or "-", "region": entry["Region"], "operation": operation, "calls": count}
        for entry in told["Usage"]
        for operation, count in entry["Counts"].items()
    ]
    show(rows, output=at.output, whole=told)


@keys.command(epilog="Example: sealgate keys quotas")
@click.option("--all", "every", is_flag=True, help="Also request rates of which nothing is used now.")
@asking
def quotas(at: Asking, *, every: bool) -> None:
    """Show what is used of each quota.

    In the account and region. JSON always has all of them.
    """
    told = at.service.ask("GetQuotas")
    show(quota_rows(told["Quotas"], every=every), output=at.output, whole=told)


@keys.command(epilog="Example: sealgate keys cost --month 2026-11")
@_month_option
@asking
def cost(at: Asking, month: str | None) -> None:
    """Show a month's bill, at the prices of AWS KMS.

    With what the account's keys and calls cost, and what caching of data keys saved.
    """
    told = at.service.ask("GetBill", Month=month)
    saved = saved_by_caching(at.config, told)
    if at.output == "json":
        show_one({}, output="json", whole={**told, "Saved": saved})
        return
    show(cost_rows(told), output=at.output)
    if told["Month"] == moment(time.time())[:7]:
        click.echo("The month goes on: keys are reckoned to its end, requests as they are now.", err=True)
    if saved:
        told_saved = f"cached data keys saved {saved['Calls']} calls: {saved['Amount']} USD"
        click.echo(f"\nSince the workers started, {told_saved}.")


keys.add_command(policy)
keys.add_command(grant)
