"""`sealgate config …`: what a configuration says, without starting anything."""

from pathlib import Path

import click

from proxy.cli.options import ConfigRefused, config_option, loaded
from proxy.config.check import warnings
from proxy.config.explain import explain as explanation
from proxy.config.schema import Config


@click.group()
def config() -> None:
    """Check a configuration, or ask what it says of an object."""


@config.command(epilog="Example: sealgate config check --config config.yaml")
@config_option
def check(config_path: Path) -> None:
    """Read everything that a start reads, and say what it comes to.

    Faults are listed one a line, as `field: what is wrong: what to write`; the exit code is then 2.
    """
    checked = loaded(config_path)
    click.echo(f"OK {config_path}\n{summary(checked)}", nl=False)
    for problem in warnings(checked):
        click.echo(f"warning: {problem}", err=True)


@config.command(epilog="Example: sealgate config explain s3://backups/db/monday.tar")
@config_option
@click.argument("name", metavar="s3://BUCKET[/KEY]")
def explain(config_path: Path, name: str) -> None:
    """Say which rule an object falls under, and what that means for it."""
    checked = loaded(config_path)
    try:
        click.echo(explanation(checked, name), nl=False)
    except ValueError as exc:
        raise ConfigRefused([str(exc)]) from None


def summary(checked: Config) -> str:
    """Lines of `name  value`; no secret is among them."""
    rows = {
        "S3 clients": f"{_place(checked.listen.address, checked.listen.port)}"
        + (" with TLS" if checked.listen.tls else " without TLS"),
        "health, metrics": _place(checked.admin.address, checked.admin.port),
        "stores": ", ".join(f"{upstream.name} ({upstream.url})" for upstream in checked.upstreams),
        "bucket rules": str(len(checked.buckets)),
        "accounts": ", ".join(checked.accounts),
        "identities": str(len(checked.identities)),
        "key services": ", ".join(f"{b.name} ({b.type}{', writes' * b.write})" for b in checked.kms.backends),
        "built-in HSM": f"store {checked.hsm.store}" if checked.hsm else "none",
    }
    return "".join(f"  {name:<16} {value}\n" for name, value in rows.items())


def _place(address: str, port: int) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{port or 'any free port'}"
