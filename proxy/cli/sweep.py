"""`sealgate sweep`: removes what is kept of uploads that are over."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from proxy.cli.options import config_option, loaded
from proxy.cli.store_buckets import all_buckets, bucket_named
from proxy.config.rules import rule_for, upstream_of
from proxy.config.schema import Upstream
from proxy.gateway.state import State
from proxy.jobs.sweep import Sweep, Swept
from proxy.metrics import Metrics
from proxy.runtime.store import open_store, state_place
from proxy.s3.errors import S3Error
from proxy.supervisor.start import StartRefused
from proxy.upstream.messages import UpstreamError

EACH = 1000
"""So many uploads make a line of progress."""


@click.command(epilog="Example: sealgate sweep --dry-run s3://backups")
@config_option
@click.option("--dry-run", is_flag=True, help="Remove nothing; say what would be.")
@click.argument("names", metavar="[s3://BUCKET]...", nargs=-1)
def sweep(config_path: Path, names: tuple[str, ...], *, dry_run: bool) -> None:
    """Remove the state of uploads that the store no longer has, once it is a day old.

    Looks into the state bucket of each store that has one, and else into the named buckets, or all of them.
    Run it now and then. The exit code is 1 where something could not be looked at or removed.
    """
    config = loaded(config_path)
    wanted = [bucket_named(name) for name in names]
    swept = Swept()
    try:
        for section in config.upstreams:
            named = [b for b in wanted if upstream_of(config, rule_for(config, b, "")[1]) is section]
            if wanted and not named:
                continue
            _add(swept, asyncio.run(_swept(section, named, dry_run=dry_run)))
    except (UpstreamError, S3Error, StartRefused) as exc:
        raise click.ClickException(f"the sweep did not end: {exc}") from None
    click.echo(_told(swept, dry_run=dry_run))
    for trouble in swept.troubles:
        click.echo(trouble, err=True)
    if swept.troubles:
        raise SystemExit(1)


async def _swept(section: Upstream, named: Sequence[str], *, dry_run: bool) -> Swept:
    store = open_store(section, Metrics())
    try:
        work = Sweep(
            store.upstream,
            State(store.upstream, state_place(section)),
            now=datetime.now(UTC),
            dry_run=dry_run,
            progress=_progress,
        )
        buckets = named or [name async for name in all_buckets(store.upstream)]
        await work.run(buckets)
    finally:
        await store.upstream.aclose()
    return work.swept


def _progress(swept: Swept) -> None:
    if swept.uploads % EACH == 0:
        click.echo(f"{swept.uploads} uploads looked at, {swept.removed} over", err=True)


def _add(whole: Swept, part: Swept) -> None:
    whole.uploads += part.uploads
    whole.in_progress += part.in_progress
    whole.too_young += part.too_young
    whole.removed += part.removed
    whole.objects += part.objects
    whole.troubles += part.troubles


def _told(swept: Swept, *, dry_run: bool) -> str:
    what = "would be removed" if dry_run else "removed"
    return (
        f"{swept.uploads} uploads with state: {swept.in_progress} in progress, {swept.too_young} over since"
        f" less than a day, {swept.removed} {what} ({swept.objects} objects)"
    )
