"""The process that holds the KMS keys: store, engine, and the API on its sockets.

A reload exchanges who may call and where calls are recorded; the keys stay where they are.
"""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from proxy.audit.counting import CountingRecorder
from proxy.auth.identities import Identities
from proxy.auth.sigv4 import SigningKeys
from proxy.auth.verify import Authenticator
from proxy.config import schema
from proxy.config.policies import policies_of
from proxy.hsm.api import KmsApi, api_server
from proxy.hsm.api_model import KmsModel
from proxy.hsm.api_watch import Watchers
from proxy.hsm.core.access import Rights
from proxy.hsm.engine import Engine, nothing
from proxy.hsm.guard import RightsOf
from proxy.hsm.init import open_sqlite_store
from proxy.hsm.root import RootKeyBarred, RootKeyError
from proxy.hsm.store import StoreError
from proxy.hsm.witness import witness_of
from proxy.metrics import Metrics
from proxy.runtime.fips import demand_fips
from proxy.runtime.hsm_terms import limits_of, prices_of, throttle_of
from proxy.runtime.inputs import config_of, identities_of, proxy_credentials, proxy_identity
from proxy.runtime.listen_tls import listen_tls
from proxy.runtime.root_key import root_key_source
from proxy.runtime.status import Status
from proxy.runtime.telling import telling
from proxy.runtime.trail import Kept, Trail, open_journal
from proxy.runtime.upkeep import Upkeep
from proxy.supervisor.orders import Ready
from proxy.supervisor.start import BACKLOG, Start, StartBarred, StartRefused


async def run_hsm(start: Start, *, ready: Ready, stop: asyncio.Event) -> None:
    """The process that holds the KMS keys. Raises StartRefused."""
    config = config_of(start)
    demand_fips(config)
    async with AsyncExitStack() as opened:
        status, sockets = HsmStatus(metrics=Metrics()), dict(start.sockets)
        trail = Trail(await open_journal(config, status.metrics))
        opened.push_async_callback(trail.aclose)
        status.begin(trail)
        await opened.enter_async_context(telling(sockets.pop("status"), status.tell))
        engine = _engine(config, start)
        status.engine = engine
        opened.callback(engine.close)
        service = Service(config, start, engine, trail, status)
        opened.push_async_callback(service.aclose)
        upkeep = Upkeep(engine, recorder=trail, room=trail.wait_for_room, metrics=status.metrics)
        opened.push_async_callback(upkeep.aclose)
        await upkeep.begin()
        loop, connections = asyncio.get_running_loop(), api_server(service.handle)
        assert config.hsm is not None, "the supervisor starts this role only where the section is there"
        tls = listen_tls(config.hsm.listen.tls if config.hsm.listen else None, field="hsm.listen.tls")
        for name, listener in sockets.items():
            if name == "hsm":
                server = await loop.create_unix_server(connections, sock=listener, backlog=BACKLOG)
            else:
                server = await loop.create_server(connections, sock=listener, backlog=BACKLOG, ssl=tls)
            opened.callback(server.close)
        status.proven = True
        ready(service.prepare)
        await stop.wait()
        status.draining = True
        service.watchers.end()
        connections.pre_shutdown()
        await connections.shutdown(start.drain_seconds)


@dataclass(slots=True, kw_only=True)
class HsmStatus(Status):
    """Tells too of a store that cannot be written to: keys that are there serve on."""

    engine: Engine | None = None

    def troubles(self) -> list[str]:
        # No super(): a class with slots is made anew by its decorator, and does not know itself by it.
        return Status.troubles(self) + (self.engine.troubles() if self.engine else [])


class Service:
    """The API as the configuration has it now; a call keeps the one that it began with."""

    def __init__(
        self, config: schema.Config, start: Start, engine: Engine, trail: Trail, status: Status
    ) -> None:
        self.config = config
        self.engine = engine
        self.watchers = Watchers(engine.changes)
        self.trail = trail
        self.leaving: set[asyncio.Task[None]] = set()
        self._status = status
        self._model = KmsModel()
        self.api = self._api(config, start)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        return await self.api.handle(request)

    async def prepare(self, start: Start) -> "HsmChange":
        """Raises StartRefused where a sink cannot be opened."""
        config = await asyncio.to_thread(config_of, start)
        api = self._api(config, start)
        kept = None
        if config.audit != self.config.audit:
            kept = await open_journal(config, self._status.metrics)
        return HsmChange(service=self, config=config, rights_of=rights_of(config), api=api, kept=kept)

    async def aclose(self) -> None:
        if self.leaving:
            await asyncio.wait(self.leaving)

    def _api(self, config: schema.Config, start: Start) -> KmsApi:
        assert config.hsm is not None, "the supervisor starts this role only where the section is there"
        identities = Identities([*identities_of(config), proxy_identity(proxy_credentials(start))])
        authenticator = Authenticator(
            identities,
            region=frozenset(config.hsm.regions),
            service="kms",
            signing_keys=SigningKeys(),
            must_be_signed=("x-amz-", "x-sealgate-"),
        )
        return KmsApi(
            self.engine,
            authenticator=authenticator,
            identities=identities,
            recorder=CountingRecorder(self.trail, self._status.metrics),
            room=self.trail.wait_for_room,
            model=self._model,
            watchers=self.watchers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HsmChange:
    """A Change."""

    service: Service
    config: schema.Config
    rights_of: RightsOf
    api: KmsApi
    kept: Kept | None
    """The journal, where it is another."""

    async def swap(self) -> None:
        service = self.service
        service.api, service.config = self.api, self.config
        service.watchers.keep(self.api.may_listen)
        service.engine.serve(self.config.accounts, self.rights_of)
        if self.kept is not None:
            closing = asyncio.create_task(service.trail.exchange(self.kept).aclose())
            service.leaving.add(closing)
            closing.add_done_callback(service.leaving.discard)

    async def drop(self) -> None:
        if self.kept is not None:
            await self.kept.aclose()


def rights_of(config: schema.Config) -> RightsOf:
    """What the configuration's identities may do."""
    policies = policies_of(config)
    rights = {
        who.arn: Rights(policies=policies[who.arn], tags=who.tags, name=who.name) for who in config.identities
    }
    return lambda arn: rights.get(arn) or nothing(arn)


def _engine(config: schema.Config, start: Start) -> Engine:
    hsm = config.hsm
    assert hsm is not None, "the supervisor starts this role only where the section is there"
    try:
        store = open_sqlite_store(
            Path(hsm.store),
            root_key_source(hsm.root_key, start.secrets, unattended=True),
            random=os.urandom,
            witness=witness_of(Path(hsm.store), hsm.witness),
        )
        return Engine(
            store,
            clock=time.time,
            random=os.urandom,
            accounts=config.accounts,
            regions=hsm.regions,
            limits=limits_of(hsm.quotas),
            throttle=throttle_of(hsm.quotas),
            prices=prices_of(hsm.prices),
            rights_of=rights_of(config),
            test_reset=hsm.test_reset,
        )
    except RootKeyBarred as exc:
        raise StartBarred(str(exc)) from None
    except (StoreError, RootKeyError) as exc:
        raise StartRefused(str(exc)) from None
