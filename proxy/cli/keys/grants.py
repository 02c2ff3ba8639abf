"""`sealgate keys grant …`: a key for one principal, for a list of operations, until it is taken back."""

from typing import Any

import click

from proxy.cli.keys.asking import Asking, asking, key_argument, pairs_of, yes_option
from proxy.cli.keys.facts import ask_first, fact_lines
from proxy.cli.keys.service import Document
from proxy.cli.keys.tables import moment, show, show_one

_grant_argument = click.argument("grant_id", metavar="GRANT_ID")


@click.group()
def grant() -> None:
    """Let a principal use a key, and take that back."""


@grant.command(epilog="Example: sealgate keys grant create alias/photos --to partner --operation Decrypt")
@key_argument
@click.option("--to", "grantee", required=True, metavar="WHO", help="One of `identities`, or an ARN.")
@click.option("--operation", "operations", required=True, multiple=True, help="May be given several times.")
@click.option("--name", help="The same grant is not made a second time under it.")
@click.option(
    "--retiring", metavar="WHO", help="Who may give the grant back, beside the key's administrators."
)
@click.option(
    "--context", "subset", multiple=True, metavar="NAME=VALUE", help="Must be in the encryption context."
)
@click.option(
    "--context-equals",
    "equals",
    multiple=True,
    metavar="NAME=VALUE",
    help="Must be the whole encryption context.",
)
@asking
def create(
    at: Asking,
    *,
    key: str,
    grantee: str,
    operations: tuple[str, ...],
    name: str | None,
    retiring: str | None,
    subset: tuple[str, ...],
    equals: tuple[str, ...],
) -> None:
    """Grant operations such as Decrypt, GenerateDataKey and DescribeKey. It holds at once."""
    constraints = {
        "EncryptionContextSubset": pairs_of("--context", subset),
        "EncryptionContextEquals": pairs_of("--context-equals", equals),
    }
    made = at.service.ask(
        "CreateGrant",
        KeyId=at.key(key)["Arn"],
        GranteePrincipal=_arn(at, grantee),
        Operations=list(operations),
        Name=name,
        RetiringPrincipal=_arn(at, retiring) if retiring else None,
        Constraints={kind: pairs for kind, pairs in constraints.items() if pairs} or None,
    )
    show_one({"grant": made["GrantId"], "token": made["GrantToken"]}, output=at.output, whole=made)


@grant.command("list", epilog="Example: sealgate keys grant list alias/photos")
@key_argument
@asking
def list_command(at: Asking, key: str) -> None:
    """Show the grants of a key."""
    grants = _grants(at, at.key(key))
    show([_facts(each) for each in grants], output=at.output, whole=grants)


@grant.command(epilog="Example: sealgate keys grant revoke alias/photos GRANT_ID")
@key_argument
@_grant_argument
@yes_option
@asking
def revoke(at: Asking, key: str, grant_id: str, *, yes: bool) -> None:
    """Take a grant back, as the key's administrator. Whoever has no other right is refused at once."""
    metadata = at.key(key)
    found = [each for each in _grants(at, metadata) if each["GrantId"] == grant_id]
    if not found:
        says = f"{grant_id}: this key has no such grant: `sealgate keys grant list {key}` shows those it has"
        raise click.ClickException(says)
    warning = (
        "Whoever it was given to may do what it lists no longer, unless a policy or another grant allows it."
    )
    ask_first(at, metadata, "Revoke it", warning, yes=yes, more=fact_lines(_facts(found[0])))
    at.service.ask("RevokeGrant", KeyId=metadata["Arn"], GrantId=grant_id)
    click.echo(f"{grant_id}: revoked", err=True)


@grant.command(epilog="Example: sealgate keys grant retire --token TOKEN")
@click.argument("key", metavar="[KEY", required=False)
@click.argument("grant_id", metavar="GRANT_ID]", required=False)
@click.option("--token", help="In the place of key and grant: what `create` told.")
@yes_option
@asking
def retire(at: Asking, key: str | None, grant_id: str | None, token: str | None, *, yes: bool) -> None:
    """Give a grant back, as the principal that it names for that. KEY is an ARN or an id."""
    if (token is None) == (grant_id is None) or (token is not None and key is not None):
        raise click.UsageError("name the grant by KEY and GRANT_ID, or by --token")
    if not yes:
        click.confirm(
            "Whoever has no other right to the key is refused from now on. Retire it?", abort=True, err=True
        )
    at.service.ask("RetireGrant", KeyId=key, GrantId=grant_id, GrantToken=token)
    click.echo("retired", err=True)


def _grants(at: Asking, key: Document) -> list[Document]:
    return list(at.service.pages("ListGrants", "Grants", KeyId=key["Arn"]))


def _facts(each: Document) -> dict[str, Any]:
    constraints = each.get("Constraints", {})
    return {
        "grant": each["GrantId"],
        "name": each.get("Name", ""),
        "to": each.get("GranteePrincipal") or each.get("GranteeServicePrincipal", ""),
        "operations": each["Operations"],
        "context": [
            f"{name}={value}{'' if kind.endswith('Subset') else ' alone'}"
            for kind in ("EncryptionContextSubset", "EncryptionContextEquals")
            for name, value in constraints.get(kind, {}).items()
        ],
        "retiring": each.get("RetiringPrincipal", ""),
        "made": moment(each["CreationDate"]),
    }


def _arn(at: Asking, who: str) -> str:
    """Of an identity that is named; what looks like an ARN is one. Raises ClickException."""
    if who.startswith("arn:"):
        return who
    found = [each.arn for each in at.config.identities if each.name == who]
    if len(found) == 1:
        return found[0]
    known = ", ".join(each.name for each in at.config.identities)
    problem = "is the name of several identities" if found else f"is none of identities ({known})"
    raise click.ClickException(f"{who}: {problem}: give an ARN")
