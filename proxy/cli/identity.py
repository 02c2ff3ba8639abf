"""`sealgate identity …`: who may sign requests, as the configuration has it.

Identities live in the configuration (or in the file that its identities_file names) and nowhere else: these
commands change that file, and a reload takes it up. A secret is made here, shown once, and written there.
"""

import os
from pathlib import Path
from typing import Any

import click

from proxy.cli.identities import Home, entry_lines
from proxy.cli.keys.asking import pairs_of, yes_option
from proxy.cli.keys.facts import fact_lines
from proxy.cli.keys.tables import show, show_one
from proxy.cli.options import ConfigRefused, config_option, loaded
from proxy.config.schema import AccessKey, Config, Identity
from proxy.config.terms import Document, Secret
from proxy.hsm.init import new_access_key

_output = click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)


@click.group()
def identity() -> None:
    """Make, list and disable identities: who may sign requests to the S3 port and to the key service."""


@identity.command(epilog="Example: sealgate identity new partner --account 444455556666 --policy readers")
@config_option
@click.argument("name")
@click.option("--account", metavar="ID", help="[default: the configuration's first account]")
@click.option("--policy", "policies", multiple=True, metavar="NAME", help="One of `policies`; several times.")
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="What policies see of it.")
@click.option("--print", "only_print", is_flag=True, help="Change no file: print the lines for `identities`.")
@_output
def new(
    config_path: Path,
    *,
    name: str,
    account: str | None,
    policies: tuple[str, ...],
    tags: tuple[str, ...],
    only_print: bool,
    output: str,
) -> None:
    """Make an identity with an access key, whose secret is shown once.

    It is written to the list of identities; `sealgate reload` has the running service know it. Without a
    policy it may do nothing.
    """
    home = Home.of(config_path)
    access_key_id, secret = new_access_key(os.urandom)
    entry: dict[str, Any] = {
        "name": name,
        "account": account or home.config.accounts[0],
        "access_keys": [{"access_key_id": access_key_id, "secret_access_key": secret}],
    }
    if policies:
        entry["policies"] = list(policies)
    if tags:
        entry["tags"] = pairs_of("--tag", tags)
    who = _made(entry)
    if any((each.name, each.account) == (name, who.account) for each in home.config.identities):
        raise ConfigRefused([f"{name}: account {who.account} has an identity of this name: choose another"])
    if only_print:
        click.echo(
            "\n".join(f"  {'- ' if not n else '  '}{line}" for n, line in enumerate(entry_lines(entry)))
        )
        return
    home.add(entry_lines(entry), who)
    told = {"name": name, "arn": who.arn, "access key id": access_key_id, "secret access key": secret}
    whole = {"Arn": who.arn, "AccessKeyId": access_key_id, "SecretAccessKey": secret}
    show_one(told, output=output, whole={"Name": name, "Account": who.account, **whole})
    _say_next(home, "The secret is not shown again. ")
    if home.path.stat().st_mode & 0o004:
        says = f"Everybody on this machine may read {home.path}, and the secret in it: `chmod o= {home.path}`"
        click.echo(says, err=True)
    if not policies:
        click.echo(f"It has no policy, and may do nothing: give it one in {home.path}", err=True)


@identity.command("list", epilog="Example: sealgate identity list --output json")
@config_option
@_output
def list_command(config_path: Path, output: str) -> None:
    """Show the configuration's identities. No secret is among it."""
    identities = loaded(config_path).identities
    show([_facts(each) for each in identities], output=output, whole=[_document(each) for each in identities])


@identity.command(epilog="Example: sealgate identity disable partner")
@config_option
@click.argument("name", metavar="NAME")
@yes_option
def disable(config_path: Path, name: str, *, yes: bool) -> None:
    """Have an identity's signatures refused. NAME is a name or an ARN.

    It stays in the list with `disabled: true`, so that its name and ARN, which key policies and grants may
    name, go to nobody else.
    """
    home = Home.of(config_path)
    who = _named(home.config, name)
    if who.disabled:
        raise click.ClickException(f"{who.arn} is disabled already")
    click.echo("\n".join(fact_lines(_facts(who))), err=True)
    click.echo(
        "What it signs is refused from the next reload on; its grants stay, and are of no use.", err=True
    )
    if all(each.disabled for each in home.config.identities if each is not who):
        click.echo("It is the last one that is enabled: nobody can sign anything then.", err=True)
    if not yes:
        click.confirm("Disable it?", abort=True, err=True)
    home.disable(who)
    _say_next(home, f"{who.arn}: disabled. ")


def _made(entry: dict[str, Any]) -> Identity:
    """What the loader makes of the entry."""
    key = entry["access_keys"][0]
    return Identity(
        name=entry["name"],
        account=entry["account"],
        access_keys=(
            AccessKey(access_key_id=key["access_key_id"], secret_access_key=Secret(key["secret_access_key"])),
        ),
        policies=tuple(Document(f'"{policy}"') for policy in entry.get("policies", ())),
        tags=entry.get("tags", {}),
    )


def _facts(who: Identity) -> dict[str, Any]:
    inline = sum(not isinstance(each.value, str) for each in who.policies)
    named = [each.value for each in who.policies if isinstance(each.value, str)]
    return {
        "name": who.name,
        "arn": who.arn,
        "state": _state(who),
        "kind": who.kind,
        "access keys": [key.access_key_id for key in who.access_keys],
        "policies": [*named, *([f"{inline} of its own"] if inline else [])],
        "tags": [f"{tag}={value}" for tag, value in who.tags.items()],
    }


def _document(who: Identity) -> dict[str, Any]:
    """The same for a script. A policy is its name, or the document that stands at the identity."""
    return {
        "Name": who.name,
        "Account": who.account,
        "Arn": who.arn,
        "State": _state(who),
        "Kind": who.kind,
        "AccessKeyIds": [key.access_key_id for key in who.access_keys],
        "Policies": [each.value for each in who.policies],
        "Tags": dict(who.tags),
    }


def _state(who: Identity) -> str:
    return "disabled" if who.disabled else "enabled"


def _named(config: Config, name: str) -> Identity:
    """Raises ClickException."""
    found = [each for each in config.identities if name in {each.name, each.arn}]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(each.arn for each in found)
        raise click.ClickException(f"{name}: several identities are called that: give an ARN: {listed}")
    raise click.ClickException(
        f"{name}: is none of identities: {', '.join(e.name for e in config.identities)}"
    )


def _say_next(home: Home, done: str) -> None:
    click.echo(
        f"{done}{home.path} is changed: `sealgate reload` has the running service take it up.", err=True
    )
