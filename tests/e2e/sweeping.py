"""The sweep as it will be after some days."""

from datetime import UTC, datetime, timedelta

from proxy.auth.sigv4 import Credentials, Signer
from proxy.gateway.state import State
from proxy.jobs.sweep import Sweep, Swept
from proxy.upstream.messages import Upstream
from proxy.upstream.opening import open_upstream
from proxy.upstream.settings import UpstreamSettings
from tests.stores.seaweedfs import Store


async def swept(store: Store, bucket: str, *, days: int, dry_run: bool = False) -> Swept:
    """The sweep as it will be after so many days."""
    upstream = upstream_to(store)
    try:
        sweep = Sweep(
            upstream,
            State(upstream, None),
            now=datetime.now(UTC) + timedelta(days=days),
            dry_run=dry_run,
            progress=lambda _: None,
        )
        await sweep.run([bucket])
    finally:
        await upstream.aclose()
    return sweep.swept


def upstream_to(store: Store) -> Upstream:
    """As a job has it."""
    credentials = Credentials(access_key=store.access_key, secret=store.secret_key)
    return open_upstream(
        UpstreamSettings(base_url=store.url),
        signer=Signer(credentials, region=store.region, service="s3"),
        ssl_context=None,
    )
