"""Which buckets' own default encryption names a key: the proxy is asked, as the identity that asks."""

import sys
from collections.abc import Collection, Sequence
from typing import Any, Final

import botocore.session
import click
from botocore.config import Config as BotoConfig
from botocore.exceptions import BotoCoreError, ClientError

from proxy.auth.sigv4 import Credentials
from proxy.cli.inspecting import ISOLATED
from proxy.config.schema import Config

LABEL: Final = "Looking at buckets' default encryption"
NOT_SET: Final = "ServerSideEncryptionConfigurationNotFoundError"


def buckets_under(config: Config, credentials: Credentials, names: Collection[str]) -> Sequence[str]:
    """A line for each bucket, and one for those that did not say. `names`: all that may stand for the key.

    Takes a request a bucket, and says on the terminal how far it is.
    """
    client = _client(config, credentials)
    try:
        buckets: list[str] = [each["Name"] for each in client.list_buckets()["Buckets"]]
        with click.progressbar(
            buckets, label=LABEL, file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as looked:
            defaults = {bucket: _default_key(client, bucket) for bucket in looked}
    except (BotoCoreError, ClientError) as exc:
        return [f"could not be asked about: {exc}"]
    untold = sum(key is None for key in defaults.values())
    return [
        *(f"{bucket}: its default encryption" for bucket, key in defaults.items() if key in names),
        *([f"{untold} that did not say"] if untold else []),
    ] or ["no bucket's default encryption"]


def _default_key(client: Any, bucket: str) -> str | None:
    """As the setting names it; empty where it names none, None where the bucket does not say."""
    try:
        told = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    except ClientError as exc:
        # One bucket that says nothing (a right is missing, its setting was altered) hides no other.
        return "" if exc.response["Error"]["Code"] == NOT_SET else None
    defaults = (rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in told["Rules"])
    return next((str(default["KMSMasterKeyID"]) for default in defaults if "KMSMasterKeyID" in default), "")


def _client(config: Config, credentials: Credentials) -> Any:
    listen = config.listen
    host = f"[{listen.address}]" if ":" in listen.address else listen.address
    session: Any = botocore.session.Session(session_vars=ISOLATED)  # type: ignore[no-untyped-call] # no types
    return session.create_client(
        "s3",
        endpoint_url=f"{'https' if listen.tls else 'http'}://{host}:{listen.port}",
        region_name=config.region,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret,
        aws_session_token=credentials.session_token or None,
        config=BotoConfig(  # type: ignore[no-untyped-call] # no types
            proxies={}, retries={"total_max_attempts": 1}, connect_timeout=2, s3={"addressing_style": "path"}
        ),
    )
