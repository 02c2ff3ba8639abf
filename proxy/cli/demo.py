"""`sealgate dev --demo`: one file on its way there and back, with what the store and the trail hold of it.

Speaks to the running service as any client does, over S3 and KMS; only the look behind the proxy uses the
store's own credentials. Key and bucket stay for the next time. Shows no secret.
"""

import asyncio
import hashlib
import json
import shlex
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import click
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError, ClientError

from proxy.cli.devdata import ACCESS_KEY, REGION, STORE_ACCESS_KEY, Data
from proxy.cli.devports import LOOPBACK
from proxy.cli.envelopes import rows_of
from recovery.envelope import read_header
from recovery.errors import RecoveryError

BUCKET, KEY, ALIAS = "sealgate-demo", "letters/hello.txt", "alias/sealgate-demo"
LETTER = b"".join(b"%2d  Nobody but you and I can read this line.\n" % line for line in range(1, 41))
SHOWN_BYTES = 64
TRAIL_PATIENCE_SECONDS = 5.0
HEADER = "sealgate"

# As in any client: nothing from the user's own files and proxies comes in between.
NOTHING = (None, None, None, None)
ISOLATED = {"profile": NOTHING, "config_file": NOTHING, "credentials_file": NOTHING}


class DemoFailed(Exception):
    """A step did not go as it should; the text is one line that says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clients:
    s3: Any
    kms: Any
    store: Any


async def show(data: Data, ports: Mapping[str, int]) -> None:
    """Runs it and prints it. Raises DemoFailed."""
    before = data.audit.stat().st_size if data.audit.exists() else 0
    try:
        async with _clients(data, ports) as clients:
            await _round_trip(clients)
        await _trail(data.audit, before)
    except (BotoCoreError, ClientError, aiohttp.ClientError, RecoveryError, OSError) as exc:
        raise DemoFailed(f"the demo failed: {exc} (see {data.log('sealgate')})") from None
    click.echo(_pointers(data))


async def _round_trip(clients: _Clients) -> None:
    key_arn = await _key(clients.kms)
    _say("1. A key", f"{key_arn} ({ALIAS})")
    await _bucket(clients.s3)
    _say("2. A bucket", f"s3://{BUCKET}")
    await clients.s3.put_object(
        Bucket=BUCKET, Key=KEY, Body=LETTER, ServerSideEncryption="aws:kms", SSEKMSKeyId=key_arn
    )
    _say("3. A file, put through the proxy", f"s3://{BUCKET}/{KEY}, {len(LETTER)} bytes, which begin", "")
    _dump(LETTER)
    await _behind(clients.store)
    got = await clients.s3.get_object(Bucket=BUCKET, Key=KEY)
    back = await got["Body"].read()
    if back != LETTER:
        raise DemoFailed(
            f"the demo failed: {len(back)} bytes came back, and they are not those that were put"
        )
    digest = hashlib.sha256(back).hexdigest()
    _say("5. The file, got back through the proxy", f"{len(back)} bytes, the same (SHA-256 {digest[:16]}…)")


async def _key(kms: Any) -> str:
    """The one of an earlier run, or a new one."""
    async for page in kms.get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if alias["AliasName"] == ALIAS:
                described = await kms.describe_key(KeyId=alias["TargetKeyId"])
                return str(described["KeyMetadata"]["Arn"])
    created = await kms.create_key(Description="sealgate dev --demo")
    await kms.create_alias(AliasName=ALIAS, TargetKeyId=created["KeyMetadata"]["KeyId"])
    return str(created["KeyMetadata"]["Arn"])


async def _bucket(s3: Any) -> None:
    if BUCKET not in {each["Name"] for each in (await s3.list_buckets())["Buckets"]}:
        await s3.create_bucket(Bucket=BUCKET)


async def _behind(store: Any) -> None:
    kept = await store.get_object(Bucket=BUCKET, Key=KEY)
    sealed = await kept["Body"].read()
    if any(line in sealed for line in LETTER.splitlines()):
        raise DemoFailed("the demo failed: the store holds plaintext")
    _say("4. The same object on the store, read behind the proxy", f"{len(sealed)} bytes, which begin", "")
    _dump(sealed)
    click.echo(f"\n   and its envelope, x-amz-meta-{HEADER}, says\n")
    for name, value in rows_of(read_header(kept["Metadata"][HEADER]), sealed_size=len(sealed)):
        click.echo(f"   {name:<14} {value}")


async def _trail(path: Path, before: int) -> None:
    """What was recorded since `before`, once the last step is among it."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + TRAIL_PATIENCE_SECONDS
    while "GetObject" not in {event["eventName"] for event in _events(path, before)}:
        if loop.time() > deadline:
            raise DemoFailed(f"the demo failed: the audit trail {path} does not tell of it")
        await asyncio.sleep(0.05)
    _say("6. The audit trail of that", f"{path}", "")
    for event in sorted(_events(path, before), key=lambda event: str(event["eventTime"])):
        click.echo(f"   {_line(event)}".rstrip())


def _events(path: Path, before: int) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        file.seek(before)
        whole = file.read().rpartition(b"\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def _line(event: Mapping[str, Any]) -> str:
    asked, who = event.get("requestParameters") or {}, event.get("userIdentity") or {}
    service = str(event["eventSource"]).partition(".")[0]
    about = "/".join(str(asked[name]) for name in ("bucketName", "key") if asked.get(name))
    keys = [each["ARN"] for each in event.get("resources") or () if ":kms:" in each.get("ARN", "")]
    about = about or str(asked.get("aliasName") or next(iter(keys), ""))
    name = str(who.get("userName") or "?") + (", by proxy" if who.get("invokedBy") else "")
    moment = str(event["eventTime"]).partition("T")[2][:8]
    return (
        f"{moment}  {service:<4}{event['eventName']:<17}{name:<15}{event.get('errorCode') or 'ok'}  {about}"
    )


def _say(title: str, *lines: str) -> None:
    click.echo(f"\n{title}")
    for line in lines:
        click.echo(f"   {line}".rstrip())


def _dump(data: bytes) -> None:
    for at in range(0, min(len(data), SHOWN_BYTES), 16):
        row = data[at : at + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        click.echo(f"   {at:08x}  {row.hex(' '):<48} |{text}|")


def _pointers(data: Data) -> str:
    return f"""
All of it goes on running; Ctrl-C stops it, and the data stay. In another shell:

   source {shlex.quote(str(data.env))}

   aws s3 cp s3://{BUCKET}/{KEY} -

   python -c 'import boto3; print(boto3.client("s3").list_objects_v2(Bucket="{BUCKET}")["Contents"])'

   rclone lsl :s3:{BUCKET} --s3-provider Other --s3-env-auth --s3-endpoint "$AWS_ENDPOINT_URL_S3"
"""


@asynccontextmanager
async def _clients(data: Data, ports: Mapping[str, int]) -> AsyncIterator[_Clients]:
    user, store = (ACCESS_KEY, data.secret("user")), (STORE_ACCESS_KEY, data.secret("store"))
    async with (
        _client("s3", ports["s3"], user) as s3,
        _client("kms", ports["kms"], user) as kms,
        _client("s3", ports["store"], store) as behind,
    ):
        yield _Clients(s3=s3, kms=kms, store=behind)


def _client(service: str, port: int, credentials: tuple[str, str]) -> Any:
    session = AioSession(session_vars=ISOLATED)  # type: ignore[no-untyped-call] # aiobotocore has no types
    return session.create_client(  # type: ignore[no-untyped-call] # the same
        service,
        region_name=REGION,
        endpoint_url=f"http://{LOOPBACK}:{port}",
        aws_access_key_id=credentials[0],
        aws_secret_access_key=credentials[1],
        config=AioConfig(proxies={}, s3={"addressing_style": "path"}),
    )
