"""Makes the two keys at AWS KMS that stand for the service's own: `sealgate kms prepare`.

They are ordinary customer keys of the proxy's account, found by alias, rotated each year. With other regions
to fail over to they are multi-Region keys, with a replica and the same alias in each. What is there already
stays as it is, so that it may be run again; what is there and cannot serve is told.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from proxy.keys.aws import AwsKmsSettings, aws_client
from proxy.keys.multi_region import in_region, is_multi_region

READY_SECONDS: Final = 60
"""How long a new replica may take: AWS speaks of seconds."""


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


@dataclass(frozen=True, slots=True)
class _Region:
    name: str
    kms: Any


async def prepare(settings: AwsKmsSettings, wanted: Sequence[Wanted]) -> AsyncIterator[Prepared]:
    """One by one; those told of are there whatever happens to the next. Raises NotPrepared."""
    async with AsyncExitStack() as opened:
        try:
            first, *others = [
                _Region(
                    each.region,
                    await opened.enter_async_context(aws_client("kms", each, each.endpoint_url)),
                )
                for each in settings.regions()
            ]
        except BotoCoreError as exc:
            raise NotPrepared(f"no client for AWS KMS: {exc}") from exc
        for each in wanted:
            try:
                found = await _maybe_there(first.kms, each.key_id)
                if found and others and not is_multi_region(found.key_arn):
                    raise NotPrepared(
                        f"{each.key_id}: {found.key_arn} is a single-Region key, which failover_regions are"
                        " nothing for: name another alias"
                    )
                prepared = found or await _made(first.kms, each, multi_region=bool(others))
                yield prepared
                for other in others:
                    yield await _replicated(first, other, each, prepared.key_arn)
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


async def _made(kms: Any, wanted: Wanted, *, multi_region: bool) -> Prepared:
    if not wanted.key_id.startswith("alias/"):
        raise NotPrepared(
            f"{wanted.key_id}: there is no such key, and only an alias can be chosen for a new one"
        )
    asked = {"Description": wanted.description} | ({"MultiRegion": True} if multi_region else {})
    key_arn = (await kms.create_key(**asked))["KeyMetadata"]["Arn"]
    try:
        await kms.create_alias(AliasName=wanted.key_id, TargetKeyId=key_arn)
        await kms.enable_key_rotation(KeyId=key_arn)
    except ClientError as exc:
        message = exc.response.get("Error", {}).get("Message")
        raise NotPrepared(f"{wanted.key_id}: {key_arn} was made, but is not ready: {message}") from exc
    return Prepared(key_id=wanted.key_id, key_arn=key_arn, is_new=True)


async def _replicated(first: _Region, other: _Region, wanted: Wanted, key_arn: str) -> Prepared:
    """The related key in another region, under the same alias. Only the primary can be replicated."""
    there = in_region(key_arn, other.name)
    is_new = await _maybe_there(other.kms, there) is None
    if is_new:
        await first.kms.replicate_key(KeyId=key_arn, ReplicaRegion=other.name, Description=wanted.description)
        await _ready(other.kms, there)
    if wanted.key_id.startswith("alias/"):
        named = await _maybe_there(other.kms, wanted.key_id)
        if named is None:
            await other.kms.create_alias(AliasName=wanted.key_id, TargetKeyId=there)
        elif named.key_arn != there:
            raise NotPrepared(
                f"{wanted.key_id}: in {other.name} it stands for {named.key_arn}, and must for {there}"
            )
    return Prepared(key_id=wanted.key_id, key_arn=there, is_new=is_new)


async def _ready(kms: Any, key_arn: str) -> None:
    async def state() -> str:
        try:
            return str((await kms.describe_key(KeyId=key_arn))["KeyMetadata"]["KeyState"])
        except kms.exceptions.NotFoundException:  # the answer of ReplicateKey may come sooner
            return "Creating"

    for _ in range(READY_SECONDS):
        if (found := await state()) != "Creating":
            break
        await asyncio.sleep(1)
    if found != "Enabled":
        raise NotPrepared(f"{key_arn} was made, and is {found}: run this again when it is Enabled")
