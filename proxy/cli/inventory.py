"""`sealgate inventory`: how much in which bucket is sealed under which key, by the headers on the stores.

Asks the stores with the configuration's credentials, and no key service. A bucket's figures take the place of
those from before as soon as the bucket is through; an end in between leaves the others' as they were.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from proxy.cli.inventory_file import InventoryFile, inventory_path
from proxy.cli.inventory_tables import show_inventory
from proxy.cli.keys.tables import printable
from proxy.cli.options import config_option, loaded
from proxy.cli.store_buckets import all_buckets, bucket_named
from proxy.config.rules import rule_for, seals_any, upstream_of
from proxy.config.schema import Config, Upstream
from proxy.hsm.core.blob import parse_blob
from proxy.hsm.core.errors import KmsError
from proxy.jobs.inventory.counts import DamagedInventory, Inventory, moment
from proxy.jobs.inventory.walk import Walk
from proxy.metrics import Metrics
from proxy.runtime.store import open_store, state_place
from proxy.s3.errors import S3Error
from proxy.supervisor.start import StartRefused
from proxy.upstream.messages import UpstreamError

NO_PLACE = "the configuration has no place for an inventory: write inventory_file"


@click.command(epilog="Example: sealgate inventory s3://photos")
@config_option
@click.option("--last", is_flag=True, help="Show what was counted last, and look at nothing.")
@click.option(
    "--at-once",
    type=click.IntRange(1, 256),
    default=32,
    show_default=True,
    help="Questions to a store at a time.",
)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.argument("names", metavar="[s3://BUCKET]...", nargs=-1)
def inventory(config_path: Path, names: tuple[str, ...], *, last: bool, at_once: int, output: str) -> None:
    """Count what is sealed under which key, and how much of it is locked.

    Asks for the headers of every version of every object in the named buckets, or in all that a rule seals: a
    request each. The figures are kept for `sealgate keys`. After Ctrl-C those of buckets that were through
    are new, all others as they were. The exit code is 1 where a bucket could not be counted.
    """
    config = loaded(config_path)
    path = inventory_path(config)
    if path is None:
        raise click.ClickException(NO_PLACE)
    file, troubles = InventoryFile(path=path), list[str]()
    if not last:
        if not os.access(path.parent, os.W_OK | os.X_OK):  # before hours are spent on what cannot be kept
            raise click.ClickException(f"{path}: its directory is not there, or not yours to write in")
        taking = _Taking(config=config, file=file, at_once=at_once)
        try:
            asyncio.run(taking.run([bucket_named(name) for name in names]))
        except KeyboardInterrupt:
            told = f"{taking.done} buckets are counted anew, what was known of the others is as it was"
            _line("")
            click.echo(f"interrupted: {told}", err=True)
            raise SystemExit(130) from None
        except OSError as exc:
            raise click.ClickException(f"{path}: cannot be written: {exc.strerror}") from None
        _line("")
        troubles = taking.troubles
    for trouble in troubles:
        click.echo(printable(trouble), err=True)
    if path.exists() or not troubles:
        show_inventory(_read(file), output=output)
    if troubles:
        raise SystemExit(1)


def _read(file: InventoryFile) -> Inventory:
    try:
        found = file.read()
    except DamagedInventory as exc:
        raise click.ClickException(f"{file.path}: {exc}: take it anew") from None
    except OSError as exc:
        raise click.ClickException(f"{file.path}: cannot be read: {exc.strerror}") from None
    if found is None:
        raise click.ClickException(f"{file.path}: there is none yet: run `sealgate inventory`")
    return found


@dataclass(slots=True, kw_only=True)
class _Taking:
    config: Config
    file: InventoryFile
    at_once: int
    done: int = 0
    troubles: list[str] = field(default_factory=list)
    _there: list[str] = field(default_factory=list)
    """Buckets that a rule seals."""
    _all_told: bool = True
    """Whether every store did."""

    async def run(self, wanted: Sequence[str]) -> None:
        begun = moment(datetime.now(UTC))
        for bucket in wanted:
            if not any(self._is_on(section, bucket) for section in self.config.upstreams):
                self.troubles.append(f"{bucket}: no rule seals what lies there: nothing to count")
        for section in self.config.upstreams:
            named = [bucket for bucket in wanted if self._is_on(section, bucket)]
            if named or not wanted:
                await self._count_on(section, named)
        if not wanted:
            there, all_told = self._there, self._all_told
            self.file.change(lambda known: known.of_all(there, listed=begun) if all_told else known.of_some())

    async def _count_on(self, section: Upstream, named: Sequence[str]) -> None:
        try:
            store = open_store(section, Metrics())
        except StartRefused as exc:
            self.troubles.append(str(exc))
            self._all_told = False
            return
        walk = Walk(
            upstream=store.upstream,
            name=section.name,
            key_version_of=key_version_of,
            now=lambda: datetime.now(UTC),
            at_once=self.at_once,
            progress=_progress,
        )
        try:
            buckets = named or [
                name async for name in all_buckets(store.upstream) if self._is_on(section, name)
            ]
            self._there += buckets
            for bucket in buckets:
                await self._count(walk, bucket)
        except (UpstreamError, S3Error) as exc:
            self.troubles.append(f"{section.name}: its buckets could not be listed: {exc}")
            self._all_told = False
        finally:
            await store.upstream.aclose()

    async def _count(self, walk: Walk, bucket: str) -> None:
        try:
            count = await walk.count(bucket, partial(self._is_sealed, bucket))
        except (UpstreamError, S3Error) as exc:
            self.troubles.append(f"{bucket}: could not be counted: {exc}")
            return
        self.file.change(lambda known: known.with_bucket(count))
        self.done += 1

    def _is_on(self, section: Upstream, bucket: str) -> bool:
        place = state_place(section)
        return (
            upstream_of(self.config, rule_for(self.config, bucket, "")[1]) is section
            and seals_any(self.config, bucket)
            and (place is None or place.bucket != bucket)
        )

    def _is_sealed(self, bucket: str, name: str) -> bool:
        return rule_for(self.config, bucket, name)[1].mode != "passthrough"


def key_version_of(wrapped: bytes) -> str:
    """Of the built-in key service's blobs; other key services do not say."""
    try:
        return str(parse_blob(wrapped).version)
    except KmsError:
        return ""


def _progress(bucket: str, versions: int) -> None:
    _line(f"{bucket}: {versions:,} versions looked at")


def _line(text: str) -> None:
    """In the place of the one before, on a terminal."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{text}", err=True, nl=False)
