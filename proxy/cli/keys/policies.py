"""`sealgate keys policy …`: who may use and manage a key."""

import difflib
import json
from typing import TextIO

import click

from proxy.cli.keys.asking import Asking, asking, key_argument, yes_option
from proxy.cli.keys.facts import ask_first
from proxy.cli.keys.service import Refused
from proxy.cli.options import ConfigRefused
from proxy.policy.documents import Kind, parse
from proxy.policy.malformed import MalformedPolicy

BYPASS = "--bypass-policy-lockout-safety-check"


@click.group()
def policy() -> None:
    """Show or replace who may use and manage a key."""


@policy.command(epilog="Example: sealgate keys policy get alias/photos > policy.json")
@key_argument
@asking
def get(at: Asking, key: str) -> None:
    """Print the key's policy, as `put` takes it."""
    told = at.service.ask("GetKeyPolicy", KeyId=at.key(key)["Arn"])
    click.echo(json.dumps(told, indent=2) if at.output == "json" else _written(told["Policy"]))


@policy.command(epilog="Example: sealgate keys policy put alias/photos policy.json")
@key_argument
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option(BYPASS, "bypass", is_flag=True, help="Also one that keeps you from putting the next.")
@yes_option
@asking
def put(at: Asking, key: str, file: TextIO, *, bypass: bool, yes: bool) -> None:
    """Replace the key's policy by the one in FILE.

    It is JSON; `-` is standard input, and takes --yes. Says first what changes and what uses the key. One
    under which neither you nor your account could put the next is refused.
    """
    if file.name == "<stdin>" and not yes:
        raise click.UsageError("a policy from standard input leaves no way to ask: give --yes")
    text = _checked(file)
    metadata = at.key(key)
    old = at.service.ask("GetKeyPolicy", KeyId=metadata["Arn"])["Policy"]
    changes = list(_changes(old, text))
    if not changes:
        click.echo("It has this policy already.", err=True)
        return
    warning = "Whom the new policy does not allow, or forbids, is refused from now on."
    ask_first(at, metadata, "Put it", warning, yes=yes, more=["policy", *changes])
    try:
        at.service.ask(
            "PutKeyPolicy",
            KeyId=metadata["Arn"],
            Policy=text,
            BypassPolicyLockoutSafetyCheck=bypass or None,
        )
    except Refused as exc:
        if exc.code != "MalformedPolicyDocumentException" or bypass:
            raise
        # The document itself was read here already.
        root = f"arn:aws:iam::{metadata['AWSAccountId']}:root"
        says = f"allow kms:PutKeyPolicy to {root} or to yourself, or give {BYPASS}"
        raise click.ClickException(f"{exc.said.rstrip('.')}: {says}") from None
    click.echo(f"{metadata['Arn']}: has its new policy", err=True)


def _checked(file: TextIO) -> str:
    """The document, read as the key service will. Raises ConfigRefused."""
    try:
        text = file.read()
        parse(text, kind=Kind.RESOURCE)
    except UnicodeDecodeError:
        raise ConfigRefused([f"{file.name}: is not UTF-8 text"]) from None
    except MalformedPolicy as exc:
        raise ConfigRefused([f"{file.name}: {exc}"]) from None
    return text


def _changes(old: str, new: str) -> list[str]:
    """Lines with - and +, and all others between them."""
    before, after = _written(old).splitlines(), _written(new).splitlines()
    return list(difflib.unified_diff(before, after, n=1000, lineterm=""))[3:]


def _written(text: str) -> str:
    return json.dumps(json.loads(text), indent=2)
