"""`sealgate kms …`: what is to be done once at AWS KMS before the proxy can work with it."""

import asyncio
from pathlib import Path

import click

from proxy.cli.options import ConfigRefused, config_option, loaded
from proxy.config.schema import AwsBackend
from proxy.keys.aws_prepare import NotPrepared, Wanted
from proxy.keys.aws_prepare import prepare as prepare_keys
from proxy.runtime.aws_kms import aws_settings

OWNED = "Sealgate: stands for the service-owned key (SSE-S3)"
MANAGED = "Sealgate: stands for the service-managed key aws/s3 (SSE-KMS without a key id)"


@click.group()
def kms() -> None:
    """Prepare AWS KMS for the proxy."""


@kms.command(epilog="Example: sealgate kms prepare --config config.yaml")
@config_option
def prepare(config_path: Path) -> None:
    """Make the service's own keys, where they are missing.

    They are those that owned_key and managed_key of each backend of type aws name. With failover_regions they
    are multi-Region keys, with a replica in each of these regions.

    Needs the rights to DescribeKey, CreateKey, CreateAlias and EnableKeyRotation in the proxy's AWS account;
    for replicas also to ReplicateKey. AWS bills these keys as any other of yours.
    """
    config = loaded(config_path)
    backends = [each for each in config.kms.backends if isinstance(each, AwsBackend)]
    if not backends:
        raise ConfigRefused(["kms.backends: none has type aws: there is nothing to prepare"])
    for backend in backends:
        try:
            asyncio.run(_prepare(backend))
        except NotPrepared as exc:
            raise click.ClickException(f"kms.backends ({backend.name}): {exc}") from None


async def _prepare(backend: AwsBackend) -> None:
    wanted = (
        Wanted(key_id=backend.owned_key, description=OWNED),
        Wanted(key_id=backend.managed_key, description=MANAGED),
    )
    async for key in prepare_keys(aws_settings(backend), wanted):
        done = "made" if key.is_new else "there already"
        click.echo(f"{backend.name}: {key.key_id}: {key.key_arn} ({done})")
