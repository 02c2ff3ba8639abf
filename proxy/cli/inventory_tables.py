"""An inventory as a person reads it: by key and bucket, then by bucket; as JSON it is the file's document."""

import json
from typing import Any

import click

from proxy.cli.keys.tables import show
from proxy.jobs.inventory.counts import BucketCount, Inventory, KeyCount

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def show_inventory(known: Inventory, *, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(known.as_json(), indent=2))
        return
    keys = [
        _key_row(arn, count.bucket, under) for count in known.buckets for arn, under in count.keys.items()
    ]
    if keys:
        show(sorted(keys, key=lambda row: (row["key"], row["bucket"])), output=output)
        click.echo()
    show([_bucket_row(count) for count in known.buckets], output=output)
    if known.not_counted:
        click.echo(f"\nNot counted: {', '.join(known.not_counted)}")


def size(count: int) -> str:
    """`1.5 GiB`: in the largest unit that leaves a whole one."""
    place = min(max(count.bit_length() - 1, 0) // 10, len(UNITS) - 1)
    return f"{count} bytes" if place == 0 else f"{count / (1 << 10 * place):.1f} {UNITS[place]}"


def _key_row(arn: str, bucket: str, under: KeyCount) -> dict[str, Any]:
    return {
        "key": arn,
        "bucket": bucket,
        "objects": under.objects,
        "versions": under.versions,
        "plain": size(under.plain_bytes),
        "key versions": [f"{version} ({count})" for version, count in sorted(under.key_versions.items())],
        "locked": under.locked,
        "until": under.locked_until,
        "held": under.legal_hold,
    }


def _bucket_row(count: BucketCount) -> dict[str, Any]:
    return {
        "bucket": count.bucket,
        "counted": count.taken,
        "client keys": count.client_keys,
        "not sealed": count.plain,
        "unreadable": count.unreadable,
        "not shown": count.not_shown,
        "uploads": "not told" if count.uploads is None else count.uploads,
        "locks": "" if count.locks_shown else "hidden from these credentials",
    }
