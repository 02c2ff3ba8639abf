"""A worker's store: opened from its section of the configuration, with counters and gauges around it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proxy.auth.sigv4 import Credentials, Signer
from proxy.config import schema
from proxy.metrics import Metrics
from proxy.runtime.counting import CountedUpstream
from proxy.supervisor.start import StartRefused
from proxy.upstream.capabilities import PRESETS
from proxy.upstream.messages import Upstream
from proxy.upstream.opening import open_upstream
from proxy.upstream.pool import Pool
from proxy.upstream.settings import UpstreamSettings, address_of, verifying_context


def store_sources(section: schema.Upstream) -> tuple[schema.Upstream, bytes]:
    """What a store is made from: another value of it is another store. Raises StartRefused."""
    try:
        return section, Path(section.ca_file).read_bytes() if section.ca_file else b""
    except OSError as exc:
        raise _bad_ca_file(section, exc) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStore:
    name: str
    upstream: CountedUpstream
    pool: Pool
    """Of its connections; to be looked at."""


def open_store(section: schema.Upstream, metrics: Metrics) -> OpenStore:
    """Connects when first asked; its owner closes `upstream`. Raises StartRefused."""
    pools: list[Pool] = []
    counted = CountedUpstream(_opened(section, pools.append), metrics, name=section.name)
    return OpenStore(name=section.name, upstream=counted, pool=pools[0])


def _opened(section: schema.Upstream, watch: Callable[[Pool], None]) -> Upstream:
    credentials = Credentials(access_key=section.access_key_id, secret=section.secret_access_key.reveal())
    try:
        tls = verifying_context(section.ca_file) if address_of(section.url).tls else None
    except OSError as exc:
        raise _bad_ca_file(section, exc) from None
    return open_upstream(
        UpstreamSettings(
            base_url=section.url,
            connections=section.connections,
            connect_seconds=section.connect_timeout_seconds,
            idle_seconds=section.idle_timeout_seconds,
            capabilities=PRESETS[section.preset],
        ),
        signer=Signer(credentials, region=section.region, service="s3"),
        ssl_context=tls,
        watch=watch,
    )


def _bad_ca_file(section: schema.Upstream, exc: OSError) -> StartRefused:
    return StartRefused(
        f"upstreams ({section.name}): ca_file: {section.ca_file}: {exc}: name a PEM file that can be read"
    )
