"""AWS KMS, or whatever else speaks its protocol, through aiobotocore.

The caller that AWS sees is the proxy's own identity, from botocore's whole credential chain where the
settings name none; for whom the proxy works is decided before the call. Short timeouts, botocore's standard
retries, a circuit breaker around both. Foreign errors become ours at the one line that raises them.
"""

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from proxy.keys.breaker import Breaker
from proxy.keys.kms import KmsDocument, KmsKeys
from proxy.keys.kms_errors import key_error
from proxy.keys.provider import Caller, KeyUnavailable, KeyUnusable, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsKmsSettings:
    """Where the KMS is and how long it may take. None leaves the choice to botocore."""

    region: str
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    connect_timeout_seconds: float = 2.0
    read_timeout_seconds: float = 5.0
    attempts: int = 3
    """In all, the first one included."""
    connections: int = 50
    breaker_failures: int = 5
    breaker_pause_seconds: float = 1.0


async def open_aws_keys(settings: AwsKmsSettings) -> KmsKeys:
    """A provider that is ready to call; no call is made yet. KeyUnavailable where botocore cannot start."""
    async with AsyncExitStack() as opened:
        try:
            client = await opened.enter_async_context(_client(settings))
        except BotoCoreError as exc:
            raise KeyUnavailable(f"no client for AWS KMS: {exc}") from exc
        breaker = Breaker(
            failures=settings.breaker_failures,
            pause_seconds=settings.breaker_pause_seconds,
            clock=time.monotonic,
        )
        return KmsKeys(AwsTransport(client, breaker=breaker, opened=opened.pop_all()))
    raise AssertionError("the stack swallows nothing")


def _client(settings: AwsKmsSettings) -> Any:
    config = AioConfig(
        connect_timeout=settings.connect_timeout_seconds,
        read_timeout=settings.read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        max_pool_connections=settings.connections,
    )
    session = get_session()  # type: ignore[no-untyped-call]  # aiobotocore is not annotated
    return session.create_client(
        "kms",
        region_name=settings.region,
        endpoint_url=settings.endpoint_url,
        verify=settings.ca_file,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key,
        aws_session_token=settings.session_token,
        config=config,
    )


class AwsTransport:
    """One aiobotocore client; owns it through `opened`."""

    def __init__(self, client: Any, *, breaker: Breaker, opened: AsyncExitStack) -> None:
        self._client = client
        self._breaker = breaker
        self._opened = opened

    async def call(self, action: str, request: KmsDocument, caller: Caller) -> KmsDocument:
        """`caller` was judged before: AWS sees the proxy."""
        del caller
        with self._breaker.guard():
            try:
                answer = await self._client._make_api_call(action, dict(request))  # noqa: SLF001 - the one entry by AWS's name
            except ClientError as exc:
                raise _translated(exc) from exc
            except ParamValidationError as exc:
                raise KeyUnusable(f"botocore does not take these parameters for {action}") from exc
            except (BotoCoreError, aiohttp.ClientError, OSError) as exc:
                raise KeyUnavailable(f"{action} got no answer: {type(exc).__name__}") from exc
        return dict(answer)

    def standing(self, key_id: str, caller: Caller) -> Standing:
        """All are one: AWS sees the proxy."""
        del key_id, caller
        return Standing()

    async def aclose(self) -> None:
        await self._opened.aclose()


def _translated(exc: ClientError) -> Exception:
    error = exc.response.get("Error", {})
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return key_error(error.get("Code", ""), error.get("Message", ""), status=status)
