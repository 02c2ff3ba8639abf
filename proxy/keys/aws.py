"""AWS KMS, or whatever else speaks its protocol, through aiobotocore.

The caller that AWS sees is the proxy's own identity, from botocore's whole credential chain where the
settings name none; for whom the proxy works is decided before the call. An identity that is somebody to AWS
itself makes its calls in its own session, and what AWS gave it is nobody else's. Short timeouts, botocore's
standard retries, a circuit breaker around both, for each region (proxy/keys/aws_regions.py says which one is
asked). Foreign errors become ours at the one line that raises them.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioCredentials
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from proxy.keys.aws_regions import Observe, Region, Regions
from proxy.keys.aws_sessions import AwsIdentity, Sessions
from proxy.keys.breaker import Breaker
from proxy.keys.kms import KmsDocument, KmsKeys
from proxy.keys.kms_errors import CREDENTIALS_NOT_TAKEN, NOT_OF_THE_REGION, key_error
from proxy.keys.provider import Caller, KeyRefused, KeyUnavailable, KeyUnusable, Standing

_TAKES_GRANT_TOKENS: Final = {"GenerateDataKey", "Decrypt", "ReEncrypt", "DescribeKey"}

_speaking_as: ContextVar[AioCredentials | None] = ContextVar("_speaking_as", default=None)
"""Whose session signs the call that this task makes; None: the proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsRegion:
    """Another region of the same account. None leaves the choice to botocore."""

    region: str
    endpoint_url: str | None = None
    sts_endpoint_url: str | None = None
    grant_tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKmsSettings:
    """Where the KMS is and how long it may take. None leaves the choice to botocore."""

    region: str
    endpoint_url: str | None = None
    sts_endpoint_url: str | None = None
    failover_regions: tuple[AwsRegion, ...] = ()
    """Where multi-Region keys are asked for while their own region is away, in this order."""
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    grant_tokens: tuple[str, ...] = ()
    """Of the region's grants so new that not all of AWS knows them; sent with every call that takes them."""
    ca_file: str | None = None
    connect_timeout_seconds: float = 2.0
    read_timeout_seconds: float = 5.0
    attempts: int = 3
    """In all, the first one included."""
    connections: int = 50
    breaker_failures: int = 5
    breaker_pause_seconds: float = 1.0
    breaker_longest_pause_seconds: float = 10.0
    """Where there are other regions: who tries a region that hangs waits for its timeouts."""

    @property
    def longest_call_seconds(self) -> float:
        """All attempts and botocore's pauses between them. botocore waits for a free connection as long as it
        takes: while a region hangs, that is through the timeouts of all who came before.
        """
        pauses = sum(min(2.0**n, 20.0) for n in range(self.attempts - 1))
        return self.attempts * (self.connect_timeout_seconds + self.read_timeout_seconds) + pauses

    def regions(self) -> "tuple[AwsKmsSettings, ...]":
        """The first region's, then those of the others."""
        return self, *(
            replace(
                self,
                region=other.region,
                endpoint_url=other.endpoint_url,
                sts_endpoint_url=other.sts_endpoint_url,
                grant_tokens=other.grant_tokens,
                failover_regions=(),
            )
            for other in self.failover_regions
        )

    def breaker(self) -> Breaker:
        """A new one, for one region."""
        return Breaker(
            failures=self.breaker_failures,
            pause_seconds=self.breaker_pause_seconds,
            longest_pause_seconds=self.breaker_longest_pause_seconds if self.failover_regions else None,
            clock=time.monotonic,
        )


class AwsKeys(KmsKeys):
    """A KmsKeys, some of whose keys the proxy itself uses for every caller."""

    def __init__(self, transport: "AwsTransport") -> None:
        super().__init__(transport)
        self._aws = transport

    def use_as_proxy(self, key_id: str) -> None:
        """From now on this key (id, ARN, alias or alias ARN) is used in no identity's session."""
        self._aws.used_as_proxy.add(key_id)

    @property
    def regions_away(self) -> tuple[str, ...]:
        """Those that are being left alone because they failed."""
        return self._aws.regions.away


def _unobserved(_region: str, _outcome: str) -> None:
    pass


async def open_aws_keys(
    settings: AwsKmsSettings, identities: Collection[AwsIdentity] = (), observe: Observe = _unobserved
) -> AwsKeys:
    """A provider that is ready to call; no call is made yet. KeyUnavailable where botocore cannot start."""
    async with AsyncExitStack() as opened:
        regions, sts = [], []
        try:
            for each in settings.regions():
                kms = await opened.enter_async_context(aws_client("kms", each, each.endpoint_url))
                kms.meta.events.register("before-sign.kms", _sign_as_session)
                regions.append(
                    Region(
                        each.region,
                        partial(_with_tokens, kms, each),
                        settings.breaker(),
                        observe,
                    )
                )
                if any(who.role_arn for who in identities):
                    client = await opened.enter_async_context(aws_client("sts", each, each.sts_endpoint_url))
                    made = partial(_made, client, each.longest_call_seconds)
                    sts.append(Region(each.region, made, settings.breaker(), _unobserved))
        except BotoCoreError as exc:
            raise KeyUnavailable(f"no client for AWS KMS: {exc}") from exc
        sessions = Sessions(identities, _Sts(sts) if sts else None, partial(datetime.now, UTC))
        return AwsKeys(AwsTransport(Regions(regions), sessions, opened=opened.pop_all()))
    raise AssertionError("the stack swallows nothing")


def aws_client(service: str, settings: AwsKmsSettings, endpoint_url: str | None) -> Any:
    """A client of aiobotocore, to be entered."""
    config = AioConfig(
        connect_timeout=settings.connect_timeout_seconds,
        read_timeout=settings.read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        max_pool_connections=settings.connections,
    )
    session = get_session()  # type: ignore[no-untyped-call]  # aiobotocore is not annotated
    return session.create_client(
        service,
        region_name=settings.region,
        endpoint_url=endpoint_url,
        verify=settings.ca_file,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        aws_session_token=settings.session_token,
        config=config,
    )


class AwsTransport:
    """One aiobotocore client a region for all sessions; owns them through `opened`."""

    def __init__(self, regions: Regions, sessions: Sessions, *, opened: AsyncExitStack) -> None:
        self.used_as_proxy: set[str] = set()
        self.regions = regions
        self._sessions = sessions
        self._opened = opened

    async def call(self, action: str, request: KmsDocument, caller: Caller) -> KmsDocument:
        """In the caller's session; who has none was judged before."""
        if not self._has_session(str(request.get("KeyId")), caller):
            return await self.regions.call(action, request, "")
        credentials = await self._sessions.credentials(caller.principal)
        token = _speaking_as.set(credentials)
        try:
            return await self.regions.call(action, request, caller.principal)
        except KeyUnavailable as exc:
            if exc.code in CREDENTIALS_NOT_TAKEN and not self._sessions.renewable(
                caller.principal, credentials
            ):
                raise KeyRefused(
                    f"AWS does not take the access key of {caller.principal}: {exc.reason}", code=exc.code
                ) from exc
            raise
        finally:
            _speaking_as.reset(token)

    def standing(self, key_id: str, caller: Caller) -> Standing:
        """All who have no session are one: AWS sees the proxy. What a session was given stays its own."""
        if not self._has_session(key_id, caller):
            return Standing()
        return Standing(caller.principal, caller.principal)

    async def aclose(self) -> None:
        await self._opened.aclose()

    def _has_session(self, key_id: str, caller: Caller) -> bool:
        return caller.principal in self._sessions and key_id not in self.used_as_proxy


class _Sts:
    """Signs as the proxy. A session is good in every region, wherever it was made."""

    def __init__(self, regions: Sequence[Region]) -> None:
        self._regions = regions

    async def assume_role(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        for region in self._regions[:-1]:
            try:
                return await region.call("AssumeRole", request)
            except KeyUnavailable as exc:
                if exc.code in NOT_OF_THE_REGION:
                    raise
        return await self._regions[-1].call("AssumeRole", request)


async def _with_tokens(
    client: Any, settings: AwsKmsSettings, action: str, request: KmsDocument
) -> KmsDocument:
    if settings.grant_tokens and action in _TAKES_GRANT_TOKENS:
        request = {**request, "GrantTokens": list(settings.grant_tokens)}
    return await _made(client, settings.longest_call_seconds, action, request)


async def _made(client: Any, within_seconds: float, action: str, request: Mapping[str, Any]) -> KmsDocument:
    try:
        async with asyncio.timeout(within_seconds):
            answer = await client._make_api_call(action, dict(request))  # noqa: SLF001 - the one entry by AWS's name
    except ClientError as exc:
        raise _translated(exc) from exc
    except ParamValidationError as exc:
        raise KeyUnusable(f"botocore does not take these parameters for {action}") from exc
    except (BotoCoreError, aiohttp.ClientError, OSError) as exc:
        raise KeyUnavailable(f"{action} got no answer: {type(exc).__name__}") from exc
    return dict(answer)


def _sign_as_session(request: Any, **_: object) -> None:
    credentials = _speaking_as.get()
    if credentials is not None:
        request.context.setdefault("signing", {})["request_credentials"] = credentials


def _translated(exc: ClientError) -> Exception:
    error = exc.response.get("Error", {})
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return key_error(error.get("Code", ""), error.get("Message", ""), status=status)
