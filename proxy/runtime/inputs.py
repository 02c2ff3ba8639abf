"""What every role needs: its configuration, its identities, its audit trail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from proxy.audit.journal import Journal, Sink
from proxy.audit.sinks.jsonl import FileSink, StdoutSink
from proxy.auth.identities import Identity
from proxy.auth.sigv4 import Credentials
from proxy.config import schema
from proxy.config.load import parse
from proxy.hsm.core.names import SERVICE_ACCOUNT
from proxy.metrics import Metrics
from proxy.supervisor.start import Start, StartRefused


def config_of(start: Start) -> schema.Config:
    return parse(start.config_text, start.secrets, Path.read_text, directory=Path(start.config_path).parent)


AUDIT_CLOSE_SECONDS = 5.0


def sinks_of(config: schema.Config) -> list[Sink]:
    """Opened. Raises StartRefused where one cannot be."""
    try:
        return [FileSink(each.path) if each.type == "file" else StdoutSink() for each in config.audit.sinks]
    except OSError as exc:
        raise StartRefused(
            f"audit.sinks: {exc.filename}: {exc.strerror}: name a file that can be written"
        ) from None


@asynccontextmanager
async def journal_of(config: schema.Config, metrics: Metrics) -> AsyncIterator[Journal]:
    journal = Journal(sinks_of(config), metrics, queue_events=config.audit.queue_events)
    writing = asyncio.create_task(journal.run())
    try:
        yield journal
    finally:
        await journal.close(within_seconds=AUDIT_CLOSE_SECONDS)
        await writing


def identities_of(config: schema.Config) -> list[Identity]:
    """Those whose signatures are taken."""
    return [
        Identity(
            name=each.name,
            account=each.account,
            arn=each.arn,
            kind=each.kind,
            access_keys=tuple(_credentials(key) for key in each.access_keys),
            tags=each.tags,
        )
        for each in config.identities
        if not each.disabled
    ]


def _credentials(key: schema.AccessKey) -> Credentials:
    return Credentials(
        access_key=key.access_key_id,
        secret=key.secret_access_key.reveal(),
        session_token=key.session_token.reveal() if key.session_token else "",
        expires_at=datetime.fromisoformat(key.expires) if key.expires else None,
    )


def proxy_credentials(start: Start) -> Credentials:
    assert start.proxy_access_key, "the supervisor gives it where there is an HSM"
    assert start.proxy_secret, "the supervisor gives it where there is an HSM"
    return Credentials(access_key=start.proxy_access_key, secret=start.proxy_secret)


PROXY = "sealgate-proxy"


def proxy_identity(credentials: Credentials) -> Identity:
    arn = f"arn:aws:iam::{SERVICE_ACCOUNT}:role/{PROXY}"
    return Identity(name=PROXY, account=SERVICE_ACCOUNT, arn=arn, kind="proxy", access_keys=(credentials,))
