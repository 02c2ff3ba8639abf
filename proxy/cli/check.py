"""`sealgate check`: tries a bucket on its store, and compares it with what the configuration says."""

import asyncio
import json
import secrets
from dataclasses import replace
from pathlib import Path

import click

from proxy.cli.options import config_option, loaded
from proxy.cli.store_buckets import bucket_named
from proxy.config.rules import rule_for, upstream_of
from proxy.config.schema import Config, Upstream
from proxy.metrics import Metrics
from proxy.probe.probe import CannotProbe, probe
from proxy.probe.report import Place, Report
from proxy.runtime.store import capabilities_of, open_store
from proxy.supervisor.start import StartRefused


@click.command(epilog="Example: sealgate check s3://backups")
@config_option
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.argument("name", metavar="s3://BUCKET")
def check(config_path: Path, output: str, name: str) -> None:
    """Try what a bucket's store can do, with the proxy's own credentials and client.

    Writes some 20 MB under a prefix of its own and takes all of it away again, also after Ctrl-C. The exit
    code is 1 where the configuration should say something else, or the store does what no proxy can mend.
    """
    checked = loaded(config_path)
    bucket = bucket_named(name)
    try:
        report = asyncio.run(_report(checked, bucket))
    except (CannotProbe, StartRefused) as exc:
        raise click.ClickException(str(exc)) from None
    except KeyboardInterrupt:
        click.echo("interrupted; what was written has been taken away", err=True)
        raise SystemExit(130) from None
    click.echo(
        json.dumps(report.as_json(), indent=2) if output == "json" else report.text(), nl=output == "json"
    )
    if not report.good:
        raise SystemExit(1)


async def _report(config: Config, bucket: str) -> Report:
    section = upstream_of(config, rule_for(config, bucket, "")[1])
    # Checksums are among what is tried, so none goes along unasked.
    store = open_store(replace(section, integrity="none"), Metrics())
    try:
        probed = await probe(store.upstream, bucket, token=secrets.token_hex(8))
    finally:
        await store.upstream.aclose()
    return Report(_place(section, bucket), probed)


def _place(section: Upstream, bucket: str) -> Place:
    return Place(
        url=section.url,
        bucket=bucket,
        upstream=section.name,
        preset=section.preset,
        configured=capabilities_of(section),
        has_state_elsewhere=section.state is not None,
    )
