"""`sealgate inspect`: what an object's envelope says, read from the store behind the proxy.

One HEAD with the configuration's credentials for the store. Asks for no key, so it shows and proves nothing.
"""

from pathlib import Path
from typing import Any

import botocore.session
import click
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError

from proxy.cli.envelopes import rows_of
from proxy.cli.options import config_option, loaded
from proxy.config.rules import rule_for, upstream_of
from proxy.config.schema import Config, Upstream
from recovery.envelope import read_header
from recovery.errors import RecoveryError

HEADER = "sealgate"
# As in any client of ours: nothing from the user's own files comes in between.
NOTHING = (None, None, None, None)
ISOLATED = {"profile": NOTHING, "config_file": NOTHING, "credentials_file": NOTHING}


@click.command(epilog="Example: sealgate inspect s3://backups/db/monday.tar")
@config_option
@click.option("--version-id", metavar="ID", help="Of a bucket with versions; otherwise the newest.")
@click.argument("name", metavar="s3://BUCKET/KEY")
def inspect(config_path: Path, name: str, version_id: str | None) -> None:
    """Show an object's envelope: mode, key, sizes, bucket, the names in its context, flags.

    Nothing is decrypted and nothing proven: a GET through the proxy or `sealgate open` does that.
    """
    bucket, _, key = name.removeprefix("s3://").partition("/")
    if not name.startswith("s3://") or not bucket or not key:
        raise click.ClickException(f"{name}: is not of the form s3://BUCKET/KEY")
    upstream = _upstream(loaded(config_path), bucket, key)
    head = _head(upstream, name, {"Bucket": bucket, "Key": key, **_version(version_id)})
    header = head["Metadata"].get(HEADER)
    if header is None:
        raise click.ClickException(f"{name}: is not sealed: it has no x-amz-meta-{HEADER} on the store")
    try:
        rows = dict(rows_of(read_header(header), sealed_size=head["ContentLength"]))
    except RecoveryError as exc:
        raise click.ClickException(f"{name}: {exc}") from None
    for row, value in {"name": name, **rows, "proven": "no: a GET or `sealgate open` does that"}.items():
        click.echo(f"{row:<14} {value}")


def _upstream(config: Config, bucket: str, key: str) -> Upstream:
    _, rule = rule_for(config, bucket, key)
    return upstream_of(config, rule)


def _version(version_id: str | None) -> dict[str, str]:
    return {} if version_id is None else {"VersionId": version_id}


def _head(upstream: Upstream, name: str, asked: dict[str, str]) -> dict[str, Any]:
    session: Any = botocore.session.Session(session_vars=ISOLATED)  # type: ignore[no-untyped-call] # no types
    client = session.create_client(
        "s3",
        endpoint_url=upstream.url,
        region_name=upstream.region,
        verify=upstream.ca_file,
        aws_access_key_id=upstream.access_key_id,
        aws_secret_access_key=upstream.secret_access_key.reveal(),
        config=BotoConfig(  # type: ignore[no-untyped-call] # no types
            proxies={},
            retries={"total_max_attempts": 2},
            connect_timeout=upstream.connect_timeout_seconds,
            read_timeout=upstream.idle_timeout_seconds,
            s3={"addressing_style": "path"},
        ),
    )
    try:
        head: dict[str, Any] = client.head_object(**asked)
    except ClientError as exc:
        status = exc.response["ResponseMetadata"]["HTTPStatusCode"]
        reason = "there is no such object on the store" if status == 404 else f"the store answered {status}"
        raise click.ClickException(f"{name}: {reason}") from None
    except BotoCoreError as exc:
        raise click.ClickException(f"{upstream.url}: {exc}") from None
    return head
