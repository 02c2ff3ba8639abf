"""A real key service on a free port or a Unix socket, over a real store, for the tests of both its ends."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from proxy.audit.event import Event
from proxy.auth.identities import Identities, Identity
from proxy.auth.sigv4 import Credentials, SigningKeys
from proxy.auth.verify import Authenticator
from proxy.hsm.api import KmsApi, KmsEngine
from proxy.hsm.api_model import KmsModel
from proxy.hsm.api_watch import Watchers
from proxy.hsm.changes import Changes
from proxy.hsm.engine import Engine
from proxy.hsm.init import initialise, open_sqlite_store
from proxy.hsm.root import KeyFile
from proxy.supervisor.sockets import bind_unix
from tests.hsm.rights import everything

REGION = "eu-central-1"
ACCOUNT, FOREIGN_ACCOUNT = "111122223333", "444455556666"
MODEL = KmsModel()


def identity(name: str, account: str, kind: Any = "user") -> Identity:
    credentials = Credentials(access_key=f"AK{name.upper()}", secret=f"secret-of-{name}")
    return Identity(
        name=name,
        account=account,
        arn=f"arn:aws:iam::{account}:user/{name}",
        kind=kind,
        access_keys=(credentials,),
    )


ADMIN = identity("admin", ACCOUNT)
STRANGER = identity("stranger", FOREIGN_ACCOUNT)
PROXY = identity("gateway", ACCOUNT, "proxy")
IDENTITIES = Identities([ADMIN, STRANGER, PROXY])


@dataclass
class Recorded:
    """A recorder that keeps what it is given."""

    events: list[Event] = field(default_factory=list)
    full: bool = False

    async def room(self, _within_seconds: float) -> bool:
        return not self.full

    def record(self, event: Event) -> None:
        self.events.append(event)

    @property
    def last(self) -> Event:
        return self.events[-1]


@dataclass
class Service:
    url: str
    recorded: Recorded
    api: KmsApi
    watchers: Watchers
    port: int = 0

    def client(self, who: Identity = ADMIN, *, secret: str = "", region: str = REGION) -> Any:
        """boto3's, which is synchronous: call it in a thread."""
        session: Any = boto3.session.Session()  # type: ignore[no-untyped-call]  # boto3 is not annotated
        config: Any = Config  # nor is botocore
        return session.client(
            "kms",
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=who.access_keys[0].access_key,
            aws_secret_access_key=secret or who.access_keys[0].secret,
            config=config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5),
        )


def made_engine(directory: Path, clock: Callable[[], float] = time.time) -> Engine:
    """Over the store in directory, which is made the first time."""
    source, path = KeyFile(directory / "root.key"), directory / "hsm.db"
    if not path.exists():
        initialise(
            path,
            source,
            account=ACCOUNT,
            region=REGION,
            clock=time.time,
            random=os.urandom,
            make_root_key=True,
        )
    return Engine(
        open_sqlite_store(path, source, random=os.urandom),
        clock=clock,
        random=os.urandom,
        accounts={ACCOUNT, FOREIGN_ACCOUNT},
        regions={REGION, "us-east-1"},
        rights_of=everything,
    )


def made_api(engine: KmsEngine, recorded: Recorded, watchers: Watchers) -> KmsApi:
    authenticator = Authenticator(
        IDENTITIES,
        region=frozenset({REGION, "us-east-1"}),
        service="kms",
        signing_keys=SigningKeys(),
    )
    return KmsApi(
        engine,
        authenticator=authenticator,
        identities=IDENTITIES,
        recorder=recorded,
        room=recorded.room,
        model=MODEL,
        watchers=watchers,
    )


@asynccontextmanager
async def served(engine: KmsEngine, *, path: Path | None = None, port: int = 0) -> AsyncIterator[Service]:
    recorded = Recorded()
    watchers = Watchers(engine.changes if isinstance(engine, Engine) else Changes("another"))
    api = made_api(engine, recorded, watchers)
    server = api.server()
    loop = asyncio.get_running_loop()
    if path is None:
        listening = await loop.create_server(server, "127.0.0.1", port)
        port = listening.sockets[0].getsockname()[1]
        service = Service(f"http://127.0.0.1:{port}", recorded, api, watchers, port)
    else:
        listening = await loop.create_unix_server(server, sock=bind_unix("hsm.socket", path))
        service = Service("", recorded, api, watchers)
    try:
        yield service
    finally:
        listening.close()
        await server.shutdown(0.1)
        await listening.wait_closed()
