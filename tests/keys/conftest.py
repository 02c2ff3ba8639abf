"""Real key services for the providers: moto's server, and our own over TCP and over a Unix socket."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import pytest

from proxy.hsm.engine import Engine
from proxy.keys.aws import AwsKmsSettings, open_aws_keys
from proxy.keys.cache import CachedKeys, CacheLimits
from proxy.keys.hsm import HsmSettings, open_hsm_keys
from proxy.keys.provider import Caller, KeyProvider
from proxy.keys.routing import Backend, RoutedKeys
from tests.hsm.api.service import ACCOUNT, ADMIN, PROXY, REGION, made_engine, served
from tests.stores.moto_kms import moto_server

CALLER = Caller(
    principal=ADMIN.arn,
    account=ACCOUNT,
    source_ip="192.0.2.1",
    secure_transport=True,
    request_id="REQUEST",
)
VIA = f"s3.{REGION}.amazonaws.com"


@dataclass
class Backed:
    """A provider, and the means to manage the keys behind it."""

    keys: KeyProvider
    admin: Any
    is_moto: bool
    """Moto does not answer all as AWS does; where a test asks, it says how."""

    async def new_key(self, *, alias: str = "") -> str:
        """Its ARN."""
        arn = (await asyncio.to_thread(self.admin.create_key))["KeyMetadata"]["Arn"]
        if alias:
            await asyncio.to_thread(self.admin.create_alias, AliasName=alias, TargetKeyId=arn)
        return str(arn)


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = made_engine(tmp_path)
    yield made
    made.close()


@pytest.fixture
def socket_path() -> Iterator[Path]:
    with TemporaryDirectory() as directory:
        yield Path(directory) / "run" / "hsm.sock"


def admin_client(url: str) -> Any:
    session: Any = boto3.session.Session  # boto3 is not annotated
    own = ADMIN.access_keys[0]
    return session().client(
        "kms",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=own.access_key,
        aws_secret_access_key=own.secret,
    )


def aws_settings(url: str, **changed: Any) -> AwsKmsSettings:
    own = ADMIN.access_keys[0]
    given: dict[str, Any] = {"attempts": 1, "access_key_id": own.access_key, "secret_access_key": own.secret}
    return AwsKmsSettings(region=REGION, endpoint_url=url, **(given | changed))


def hsm_settings(address: Path | str, **changed: Any) -> HsmSettings:
    given = {"credentials": PROXY.access_keys[0]} | changed
    return HsmSettings(address=address, region=REGION, via_service=VIA, **given)


@pytest.fixture(params=["moto", "aws client", "tcp", "unix", "routed", "cached"])
async def backed(
    request: pytest.FixtureRequest, moto_url: str, engine: Engine, socket_path: Path
) -> AsyncIterator[Backed]:
    """Every provider that there is, over a service that runs."""
    async with AsyncExitStack() as open_:
        service = await open_.enter_async_context(served(engine))
        await open_.enter_async_context(served(engine, path=socket_path))
        url = moto_url if request.param == "moto" else service.url
        keys: KeyProvider
        match request.param:
            case "moto" | "aws client":
                keys = await open_aws_keys(aws_settings(url))
            case "tcp":
                keys = open_hsm_keys(hsm_settings(url))
            case _:
                keys = open_hsm_keys(hsm_settings(socket_path))
        if request.param == "routed":
            keys = RoutedKeys([Backend(name="one", keys=keys, claims=lambda _: True, writes=True)])
        if request.param == "cached":
            keys = CachedKeys(keys, CacheLimits())
        admin = admin_client(url)
        yield Backed(keys, admin, is_moto=url == moto_url)
        await keys.aclose()
        admin.close()
