"""A worker's stores: each opened from its section of the configuration, and counted."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from proxy.auth.sigv4 import Credentials, Signer
from proxy.config import schema
from proxy.gateway.call import Store, Stores
from proxy.gateway.state import State, StatePlace
from proxy.metrics import Metrics
from proxy.runtime.counting import CountedUpstream
from proxy.supervisor.start import StartRefused
from proxy.upstream.capabilities import PRESETS, Capabilities
from proxy.upstream.integrity import Integrity, lacking, upload_headers, usual_integrity
from proxy.upstream.messages import Upstream
from proxy.upstream.opening import open_upstream, over
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
    settings: UpstreamSettings
    region: str

    def acting(self, credentials: Credentials | None) -> Upstream:
        """The same store, over the same connections, as somebody else or as nobody. Never to be closed."""
        signer = Signer(credentials, region=self.region, service="s3") if credentials else None
        return self.upstream.acting(over(self.pool, self.settings, signer=signer))


def open_store(section: schema.Upstream, metrics: Metrics) -> OpenStore:
    """Connects when first asked; its owner closes `upstream`. Raises StartRefused."""
    pools: list[Pool] = []
    settings = _settings(section)
    counted = CountedUpstream(_opened(section, settings, pools.append), metrics, name=section.name)
    return OpenStore(
        name=section.name, upstream=counted, pool=pools[0], settings=settings, region=section.region
    )


def capabilities_of(section: schema.Upstream) -> Capabilities:
    """The preset's, with what the configuration replaces and, of operations, adds."""
    preset = PRESETS[section.preset]
    given = {name: value for name, value in asdict(section.capabilities).items() if value is not None}
    knows = preset.knows | frozenset(given.pop("knows", ()))
    return replace(preset, **given, knows=knows)


def stores_of(config: schema.Config, opened: Mapping[str, OpenStore]) -> Stores:
    """The rooms' stores, and each identity's own way to those where it has credentials."""
    stores = {section.name: _store(section, opened[section.name]) for section in config.upstreams}
    acting = {
        (theirs.name, who.arn): replace(
            stores[theirs.name], upstream=opened[theirs.name].acting(_keys(theirs))
        )
        for who in config.identities
        for theirs in who.upstreams
    }
    unsigned = [replace(store, upstream=opened[name].acting(None)) for name, store in stores.items()]
    return Stores(tuple(stores.values()), acting, unsigned)


def _store(section: schema.Upstream, store: OpenStore) -> Store:
    return Store(
        name=section.name,
        upstream=store.upstream,
        own=store.upstream,
        capabilities=store.settings.capabilities,
        upload_headers=upload_headers(store.settings.integrity, store.settings.capabilities),
        state=State(store.upstream, state_place(section)),
    )


def state_place(section: schema.Upstream) -> StatePlace | None:
    if section.state is None:
        return None
    bucket, _, prefix = section.state.removeprefix("s3://").partition("/")
    return StatePlace(bucket=bucket, prefix=f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else "")


def _keys(section: schema.Upstream | schema.StoreCredentials) -> Credentials:
    return Credentials(access_key=section.access_key_id, secret=section.secret_access_key.reveal())


def _opened(section: schema.Upstream, settings: UpstreamSettings, watch: Callable[[Pool], None]) -> Upstream:
    try:
        tls = verifying_context(section.ca_file) if address_of(section.url).tls else None
    except OSError as exc:
        raise _bad_ca_file(section, exc) from None
    signer = Signer(_keys(section), region=section.region, service="s3")
    return open_upstream(settings, signer=signer, ssl_context=tls, watch=watch)


def integrity_of(section: schema.Upstream) -> Integrity:
    """What the configuration says, else what is usual with such a store. Raises StartRefused."""
    capabilities = capabilities_of(section)
    if section.integrity is None:
        return usual_integrity(capabilities)
    integrity = Integrity(section.integrity)
    if missing := lacking(integrity, capabilities):
        raise StartRefused(
            f"upstreams ({section.name}): integrity: {integrity} needs a store with {', '.join(missing)}:"
            " try it with `sealgate check`, or write integrity: none"
        )
    return integrity


def _settings(section: schema.Upstream) -> UpstreamSettings:
    return UpstreamSettings(
        integrity=integrity_of(section),
        base_url=section.url,
        connections=section.connections,
        connect_seconds=section.connect_timeout_seconds,
        idle_seconds=section.idle_timeout_seconds,
        capabilities=capabilities_of(section),
    )


def _bad_ca_file(section: schema.Upstream, exc: OSError) -> StartRefused:
    return StartRefused(
        f"upstreams ({section.name}): ca_file: {section.ca_file}: {exc}: name a PEM file that can be read"
    )
