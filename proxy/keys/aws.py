"""AWS KMS, or whatever else speaks its protocol, through aiobotocore.

The caller that AWS sees is the proxy's own identity, from botocore's whole credential chain where the
settings name none; for whom the proxy works is decided before the call. An identity that is somebody to AWS
itself makes its calls in its own session, and what AWS gave it is nobody else's. Short timeouts, botocore's
standard retries, a circuit breaker around both. Foreign errors become ours at the one line that raises them.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioCredentials
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from proxy.keys.aws_sessions import AwsIdentity, Sessions
from proxy.keys.breaker import Breaker
from proxy.keys.kms import KmsDocument, KmsKeys
from proxy.keys.kms_errors import key_error
from proxy.keys.provider import Caller, KeyUnavailable, KeyUnusable, Standing

_TAKES_GRANT_TOKENS: Final = {"GenerateDataKey", "Decrypt", "ReEncrypt", "DescribeKey"}

_speaking_as: ContextVar[AioCredentials | None] = ContextVar("_speaking_as", default=None)
"""Whose session signs the call that this task makes; None: the proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKmsSettings:
    """Where the KMS is and how long it may take. None leaves the choice to botocore."""

    region: str
    endpoint_url: str | None = None
    sts_endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    grant_tokens: tuple[str, ...] = ()
    """Of grants so new that not all of AWS knows them; sent with every call that takes them."""
    ca_file: str | None = None
    connect_timeout_seconds: float = 2.0
    read_timeout_seconds: float = 5.0
    attempts: int = 3
    """In all, the first one included."""
    connections: int = 50
    breaker_failures: int = 5
    breaker_pause_seconds: float = 1.0


class AwsKeys(KmsKeys):
    """A KmsKeys, some of whose keys the proxy itself uses for every caller."""

    def __init__(self, transport: "AwsTransport") -> None:
        super().__init__(transport)
        self._aws = transport

    def use_as_proxy(self, key_id: str) -> None:
        """From now on this key (id, ARN, alias or alias ARN) is used in no identity's session."""
        self._aws.used_as_proxy.add(key_id)


async def open_aws_keys(settings: AwsKmsSettings, identities: Collection[AwsIdentity] = ()) -> AwsKeys:
    """A provider that is ready to call; no call is made yet. KeyUnavailable where botocore cannot start."""
    async with AsyncExitStack() as opened:
        try:
            client = await opened.enter_async_context(aws_client("kms", settings, settings.endpoint_url))
            sts = None
            if any(who.role_arn for who in identities):
                sts = await opened.enter_async_context(aws_client("sts", settings, settings.sts_endpoint_url))
        except BotoCoreError as exc:
            raise KeyUnavailable(f"no client for AWS KMS: {exc}") from exc
        client.meta.events.register("before-sign.kms", _sign_as_session)
        sessions = Sessions(identities, _Sts(sts) if sts else None, partial(datetime.now, UTC))
        breaker = Breaker(
            failures=settings.breaker_failures,
            pause_seconds=settings.breaker_pause_seconds,
            clock=time.monotonic,
        )
        transport = AwsTransport(
            client, sessions, grant_tokens=settings.grant_tokens, breaker=breaker, opened=opened.pop_all()
        )
        return AwsKeys(transport)
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
    """One aiobotocore client for all sessions; owns it through `opened`."""

    def __init__(
        self,
        client: Any,
        sessions: Sessions,
        *,
        grant_tokens: Sequence[str],
        breaker: Breaker,
        opened: AsyncExitStack,
    ) -> None:
        self.used_as_proxy: set[str] = set()
        self._client = client
        self._sessions = sessions
        self._grant_tokens = list(grant_tokens)
        self._breaker = breaker
        self._opened = opened

    async def call(self, action: str, request: KmsDocument, caller: Caller) -> KmsDocument:
        """In the caller's session; who has none was judged before."""
        if self._grant_tokens and action in _TAKES_GRANT_TOKENS:
            request = {**request, "GrantTokens": self._grant_tokens}
        with self._breaker.guard():
            if not self._has_session(str(request.get("KeyId")), caller):
                return await _made(self._client, action, request)
            credentials = await self._sessions.credentials(caller.principal)
            token = _speaking_as.set(credentials)
            try:
                return await _made(self._client, action, request)
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
    """Signs as the proxy."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def assume_role(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return await _made(self._client, "AssumeRole", request)


async def _made(client: Any, action: str, request: Mapping[str, Any]) -> KmsDocument:
    try:
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
