"""Makes the two keys at AWS KMS that stand for the service's own: `sealgate kms prepare`.

They are ordinary customer keys of the proxy's account, found by alias, rotated each year. What is there
already stays as it is, so that it may be run again.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from proxy.keys.aws import AwsKmsSettings, aws_client


class NotPrepared(Exception):
    """The text says of which key, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    key_id: str
    """As the configuration names it."""
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    key_id: str
    key_arn: str
    is_new: bool


async def prepare(settings: AwsKmsSettings, wanted: Sequence[Wanted]) -> AsyncIterator[Prepared]:
    """One by one; those told of are there whatever happens to the next. Raises NotPrepared."""
    async with AsyncExitStack() as opened:
        try:
            kms = await opened.enter_async_context(aws_client("kms", settings, settings.endpoint_url))
        except BotoCoreError as exc:
            raise NotPrepared(f"no client for AWS KMS: {exc}") from exc
        for each in wanted:
            try:
                found = await _maybe_there(kms, each.key_id)
                yield found or await _made(kms, each)
            except ClientError as exc:
                error = exc.response.get("Error", {})
                raise NotPrepared(f"{each.key_id}: {error.get('Code')}: {error.get('Message')}") from exc
            except (BotoCoreError, aiohttp.ClientError, OSError) as exc:
                raise NotPrepared(f"{each.key_id}: AWS KMS does not answer: {exc}") from exc


async def _maybe_there(kms: Any, key_id: str) -> Prepared | None:
    try:
        described = (await kms.describe_key(KeyId=key_id))["KeyMetadata"]
    except kms.exceptions.NotFoundException:
        return None
    if described["KeyState"] != "Enabled":
        raise NotPrepared(f"{key_id}: {described['Arn']} is {described['KeyState']}, and must be Enabled")
    return Prepared(key_id=key_id, key_arn=described["Arn"], is_new=False)


async def _made(kms: Any, wanted: Wanted) -> Prepared:
    if not wanted.key_id.startswith("alias/"):
        raise NotPrepared(
            f"{wanted.key_id}: there is no such key, and only an alias can be chosen for a new one"
        )
    key_arn = (await kms.create_key(Description=wanted.description))["KeyMetadata"]["Arn"]
    try:
        await kms.create_alias(AliasName=wanted.key_id, TargetKeyId=key_arn)
        await kms.enable_key_rotation(KeyId=key_arn)
    except ClientError as exc:
        message = exc.response.get("Error", {}).get("Message")
        raise NotPrepared(f"{wanted.key_id}: {key_arn} was made, but is not ready: {message}") from exc
    return Prepared(key_id=wanted.key_id, key_arn=key_arn, is_new=True)
