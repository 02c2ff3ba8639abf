"""Put-, Get- and DeleteBucketPolicy: the store's, but for the statements that only the proxy can judge.

The store comes first: what it refuses changes nothing here. If the second half fails the client is told so,
and the same request again sets it right. A bucket under a passthrough rule has nothing that is judged here.
"""

from dataclasses import replace

from proxy.gateway.call import Call
from proxy.gateway.forward import content_md5, document, forward
from proxy.gateway.rules import Mode
from proxy.gateway.settings.encryption import find_bucket
from proxy.gateway.settings.kept import change_settings, read_settings
from proxy.gateway.settings.statements import read_statements
from proxy.gateway.state_bucket import refuse_versioned
from proxy.gateway.store import ERROR_BYTES, answer_to, refusal, refuse_unless_ok, request_for
from proxy.s3.bucket_policy import joined_policy, split_policy
from proxy.s3.errors import S3Error
from proxy.s3.headers import store_headers

NO_POLICY = "NoSuchBucketPolicy"
JSON = {"content-type": "application/json"}


async def bucket_policy(call: Call) -> None:
    if call.rule.mode is Mode.PASSTHROUGH:
        if call.request.method != "GET":
            _refuse_unknown(call)
        await forward(call)
        return
    await _HANDLERS[call.request.method](call)


async def _put(call: Call) -> None:
    put = bytes(await document(call))
    split = split_policy(put)
    statements = read_statements(split.kept) if split.kept else None
    if split.kept:
        await find_bucket(call)
        await refuse_versioned(call, "A policy about encryption headers")
    if split.passed:
        _refuse_unknown(call)
        await _send(call, split.passed)
    elif call.operation.name in call.store.capabilities.knows:
        await _remove(call)
    kept = put if split.kept else b""
    await change_settings(call, lambda settings: replace(settings, policy=kept, statements=statements))
    await call.reply(204, {})


async def _get(call: Call) -> None:
    kept = (await read_settings(call)).settings.policy
    if not kept:
        await forward(call)
        return
    await call.reply(200, JSON, joined_policy(kept, await _stores(call)))


async def _delete(call: Call) -> None:
    if call.operation.name in call.store.capabilities.knows:
        await _remove(call)
    elif (await read_settings(call)).settings.policy:
        await find_bucket(call)
    else:
        _refuse_unknown(call)
    await change_settings(call, lambda settings: replace(settings, policy=b"", statements=None))
    await call.reply(204, {})


async def _send(call: Call, passed: bytes) -> None:
    headers = store_headers("PutBucketPolicy", call.request.headers) | {"content-md5": content_md5(passed)}
    async with answer_to(call, request_for(call, headers), passed) as response:
        await refuse_unless_ok(call, response)


async def _remove(call: Call) -> None:
    """The store's own, if it has one."""
    headers = store_headers("DeleteBucketPolicy", call.request.headers)
    async with answer_to(call, request_for(call, headers, method="DELETE")) as response:
        if response.status >= 300 and (error := await refusal(call, response)).code != NO_POLICY:
            raise error


async def _stores(call: Call) -> bytes:
    headers = store_headers("GetBucketPolicy", call.request.headers)
    async with answer_to(call, request_for(call, headers)) as response:
        if response.status == 200:
            return await response.read(limit=ERROR_BYTES)
        error = await refusal(call, response)
    if error.code in {NO_POLICY, "NotImplemented"}:
        return b""
    raise error


def _refuse_unknown(call: Call) -> None:
    name = call.operation.name
    if name not in call.store.capabilities.knows:
        raise S3Error("NotImplemented", f"This bucket's store is not known to have {name}.")


_HANDLERS = {"PUT": _put, "GET": _get, "DELETE": _delete}
