"""What each of these commands begins with: whom it asks, as whom, and how it shows the answer."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from proxy.cli.keys.service import Document, KeyService, Refused, key_service
from proxy.cli.options import config_option, loaded
from proxy.config.schema import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What every command is given."""

    config: Config
    service: KeyService
    output: str

    def key(self, named: str) -> Document:
        """The metadata of a key that was named by id, ARN or alias. `alias/` may be left out."""
        region = re.match(r"arn:[^:]*:kms:([^:]+):", named)
        if region and region[1] != self.service.region:
            raise click.ClickException(f"{named}: is of {region[1]}: give --region {region[1]}")
        try:
            metadata: Document = self.service.ask("DescribeKey", KeyId=named)["KeyMetadata"]
        except Refused as exc:
            if exc.code != "NotFoundException" or named.startswith(("arn:", "alias/")):
                raise
            metadata = self.service.ask("DescribeKey", KeyId=f"alias/{named}")["KeyMetadata"]
        return metadata

    def aliases(self, key: Document) -> list[str]:
        listed = self.service.pages("ListAliases", "Aliases", KeyId=key["Arn"])
        return [alias["AliasName"] for alias in listed]


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say whom to ask as whom; the command gets an Asking."""

    def run(config_path: Path, identity: str | None, region: str | None, output: str, **options: Any) -> None:
        config = loaded(config_path)
        service = key_service(config, identity=identity, region=region)
        command(Asking(config=config, service=service, output=output), **options)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    for option in reversed(_OPTIONS):
        run = option(run)
    return run


key_argument = click.argument("key", metavar="KEY")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def pairs_of(option: str, given: tuple[str, ...]) -> dict[str, str]:
    """Of an option that may be given several times. Raises BadParameter."""
    for pair in given:
        if "=" not in pair:
            raise click.BadParameter(f"{pair}: write NAME=VALUE", param_hint=option)
    return dict(pair.partition("=")[::2] for pair in given)


_IDENTITY_HELP = (
    "Who asks: one of `identities`, or its ARN. [default: the only one; of several, the environment's"
    " AWS_ACCESS_KEY_ID]"
)
_OPTIONS = (
    config_option,
    click.option("--identity", metavar="NAME", help=_IDENTITY_HELP),
    click.option("--region", help="[default: the first of hsm.regions]"),
    click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True),
)
