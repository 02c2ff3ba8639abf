"""A worker's key services: backends with counters, and the keys that stand for the service's own."""

import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from proxy.auth.sigv4 import Credentials
from proxy.config import schema
from proxy.config.patterns import covers
from proxy.gateway.authorization.judged_keys import JudgedKeys
from proxy.hsm.core.names import MANAGED_ALIAS, OWNED_ALIAS, SERVICE_ACCOUNT
from proxy.keys.cache import CacheCounts, CachedKeys, CacheLimits
from proxy.keys.decisions import DecisionLimits
from proxy.keys.hsm import HsmKeys, HsmSettings, open_hsm_keys
from proxy.keys.multi_region import related_arns
from proxy.keys.names import KeyNames
from proxy.keys.provider import Caller, KeyProvider, KeyServiceError, KeyUnavailable
from proxy.keys.routing import Backend, RoutedKeys
from proxy.metrics import Metrics
from proxy.runtime.counting import CountedKeys
from proxy.runtime.inputs import proxy_credentials
from proxy.runtime.patience import Patience
from proxy.supervisor.start import Start, StartRefused

if TYPE_CHECKING:
    from proxy.keys.aws import AwsKeys

OWN_KEYS = (f"arn:aws:kms:*:{SERVICE_ACCOUNT}:key/*",)
"""The built-in HSM's service-owned keys, which stand in no client's account."""


def service_keys(backend: schema.Backend) -> tuple[str, str]:
    """What stands for the service-owned and the service-managed key at the backend that writes."""
    if backend.type == "hsm":
        return OWNED_ALIAS, MANAGED_ALIAS
    return backend.owned_key, backend.managed_key


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStack:
    """All key services of a configuration behind one cache."""

    keys: CachedKeys
    judged: JudgedKeys
    backends: tuple[CountedKeys, ...]
    owned_key_id: str
    managed_key_id: str
    service_arns: tuple[str, ...]
    """Patterns of the keys that stand for the service's own."""
    owned_arns: tuple[str, ...]
    """Those of them that stand for the service-owned key."""


async def open_keys(
    config: schema.Config, start: Start, metrics: Metrics, counts: CacheCounts, *, patience_seconds: float
) -> KeyStack:
    """To be closed by its `keys`. Raises StartRefused; then nothing is left open."""
    async with AsyncExitStack() as opened:
        services: list[KeyProvider] = []
        counted: list[CountedKeys] = []
        for section in config.kms.backends:
            services.append(await _open_keys(section, config, start, metrics))
            counted.append(_counted(services[-1], metrics, section.name))
            opened.push_async_callback(counted[-1].aclose)
        backends = [_backend(*each) for each in zip(config.kms.backends, counted, strict=True)]
        owned, managed = service_keys(next(each for each in config.kms.backends if each.write))
        owned_arns, managed_arns = await service_key_arns(config, backends, patience_seconds)
        opened.pop_all()
    cache = config.kms.data_key_cache
    routed = RoutedKeys(backends)
    keys = CachedKeys(routed, cache_limits(cache), decisions=decision_limits(cache), counts=counts)
    for service in services:
        if isinstance(service, HsmKeys):
            service.watch.listener = keys
        else:
            _use_as_proxy(cast("AwsKeys", service), config, owned_arns)
    return KeyStack(
        keys=keys,
        judged=judged_keys(config, routed, managed_arns),
        backends=tuple(counted),
        owned_key_id=owned,
        managed_key_id=managed,
        service_arns=owned_arns + managed_arns,
        owned_arns=owned_arns,
    )


def _counted(service: KeyProvider, metrics: Metrics, backend: str) -> CountedKeys:
    if isinstance(service, HsmKeys):
        return CountedKeys(service, metrics, backend=backend)
    at_aws = cast("AwsKeys", service)
    return CountedKeys(at_aws, metrics, backend=backend, regions_away=lambda: at_aws.regions_away)


def _use_as_proxy(service: "AwsKeys", config: schema.Config, owned_arns: tuple[str, ...]) -> None:
    """What asks for no key is under the service's own, for which no identity needs a right."""
    names = (section.owned_key for section in config.kms.backends if section.type == "aws")
    for key_id in (*names, *owned_arns):
        service.use_as_proxy(key_id)


def judged_keys(config: schema.Config, keys: KeyProvider, managed_arns: tuple[str, ...]) -> JudgedKeys:
    """AWS KMS sees the proxy: who may use a key there is decided before it is asked."""
    at_aws = tuple(pattern for each in config.kms.backends if each.type == "aws" for pattern in each.arns)
    cache = config.kms.data_key_cache
    names = KeyNames(
        keys,
        own_caller(),
        remembered_seconds=cache.decision_max_age_seconds,
        stale_seconds=cache.max_stale_seconds,
        clock=time.monotonic,
    )
    return JudgedKeys(
        at_such_a_service=claim_of(at_aws),
        names_too=any(each.write and each.type == "aws" for each in config.kms.backends),
        arn_of=names.arn_of,
        is_managed=claim_of(managed_arns),
        has_session=frozenset(who.arn for who in known_to_aws(config)).__contains__,
    )


def known_to_aws(config: schema.Config) -> tuple[schema.Identity, ...]:
    """Those who are somebody to AWS themselves."""
    return tuple(who for who in config.identities if who.assume_role or who.aws_credentials)


async def _open_keys(
    backend: schema.Backend, config: schema.Config, start: Start, metrics: Metrics
) -> KeyProvider:
    if backend.type == "hsm":
        return _open_hsm(backend, config, start)
    # botocore is a third of what a worker loads: who asks no AWS KMS is spared it.
    from proxy.runtime.aws_kms import open_backend  # noqa: PLC0415  # see above

    try:
        return await open_backend(backend, known_to_aws(config), metrics)
    except KeyUnavailable as exc:
        raise StartRefused(f"kms.backends ({backend.name}): {exc}") from None


def _open_hsm(backend: schema.HsmBackend, config: schema.Config, start: Start) -> HsmKeys:
    """The key service here over its socket, or another one's over TCP."""
    address: Path | str
    if backend.endpoint_url is None:
        assert start.hsm_socket, "the supervisor gives it where there is an HSM"
        address, credentials = Path(start.hsm_socket), proxy_credentials(start)
    else:
        assert backend.access_key_id, "a checked configuration has it"
        assert backend.secret_access_key, "a checked configuration has it"
        address = backend.endpoint_url
        credentials = Credentials(access_key=backend.access_key_id, secret=backend.secret_access_key.reveal())
    settings = HsmSettings(
        address=address,
        region=config.region,
        credentials=credentials,
        via_service=f"s3.{config.region}.amazonaws.com",
    )
    tls = ssl.create_default_context(cafile=backend.ca_file) if backend.ca_file else None
    return open_hsm_keys(settings, tls=tls)


def _backend(section: schema.Backend, keys: CountedKeys) -> Backend:
    patterns = section.arns + (OWN_KEYS if section.type == "hsm" else ())
    return Backend(name=section.name, keys=keys, claims=claim_of(patterns), writes=section.write)


def claim_of(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a key ARN fits one of the patterns; answers are kept, as few ARNs come again and again."""
    return lru_cache(maxsize=4096)(lambda arn: any(covers(pattern, arn) for pattern in patterns))


async def service_key_arns(
    config: schema.Config, backends: list[Backend], patience_seconds: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """ARN patterns of the keys that stand for the service's own, which no account's pattern covers.

    The owned ones, and the managed ones that stand in an account of AWS, with the related ones in the
    backend's other regions: another proxy may have another first region. Raises StartRefused where AWS KMS
    does not have one, or has not answered for so long.
    """
    owned: list[str] = []
    managed: list[str] = []
    # Else a worker that is replaced in AWS's outage would die five times in a minute, which ends the service.
    patience = Patience(patience_seconds)
    for section, backend in zip(config.kms.backends, backends, strict=True):
        if section.type == "hsm":
            owned += OWN_KEYS
            continue
        for arns, name, key_id in (
            (owned, "owned_key", section.owned_key),
            (managed, "managed_key", section.managed_key),
        ):
            try:
                described = await patience.until_answered(
                    partial(backend.keys.describe, key_id, own_caller()),
                    KeyUnavailable,
                    may_pass=lambda _: True,
                )
            except KeyServiceError as exc:
                remedy = "make it with `sealgate kms prepare`, or name another key"
                if isinstance(exc, KeyUnavailable):
                    remedy = "check region, endpoint_url and the credentials"
                raise StartRefused(
                    f"kms.backends ({section.name}): {name} {key_id}: {exc}: {remedy}"
                ) from None
            regions = [section.region, *(each.region for each in section.failover_regions)]
            arns.extend(related_arns(described.key_arn, regions))
    return tuple(owned), tuple(managed)


def cache_limits(cache_section: schema.DataKeyCache) -> CacheLimits:
    return CacheLimits(
        max_age_seconds=cache_section.max_age_seconds,
        max_uses=cache_section.max_uses,
        max_entries=cache_section.max_entries,
    )


def decision_limits(cache_section: schema.DataKeyCache) -> DecisionLimits:
    return DecisionLimits(
        max_age_seconds=cache_section.decision_max_age_seconds,
        max_stale_seconds=cache_section.max_stale_seconds,
        max_entries=cache_section.max_entries,
    )


def own_caller() -> Caller:
    """The proxy itself, speaking for nobody."""
    return Caller(
        principal="",
        account=SERVICE_ACCOUNT,
        source_ip="127.0.0.1",
        secure_transport=True,
        request_id="start",
    )
