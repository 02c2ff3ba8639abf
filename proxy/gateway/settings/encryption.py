"""Put-, Get- and DeleteBucketEncryption, answered here: the store's own setting is neither read nor changed.

Where bodies go through as they are, the store's setting is the one that counts, and the request is its own.
"""

from dataclasses import replace

from proxy.gateway.call import Call
from proxy.gateway.forward import XML, document, forward
from proxy.gateway.rules import Mode
from proxy.gateway.sealing_plan import refuse_below_floor
from proxy.gateway.settings.kept import change_settings, read_settings
from proxy.gateway.state_bucket import refuse_versioned
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.s3.bucket_encryption import build_bucket_encryption, parse_bucket_encryption
from proxy.s3.errors import S3Error


async def bucket_encryption(call: Call) -> None:
    if call.rule.mode is Mode.PASSTHROUGH:
        await _by_the_store(call)
        return
    await _HANDLERS[call.request.method](call)


async def _put(call: Call) -> None:
    setting = parse_bucket_encryption(bytes(await document(call)))
    await find_bucket(call)
    await refuse_versioned(call, "A bucket's default encryption")
    await refuse_below_floor(call, setting)
    await change_settings(call, lambda settings: replace(settings, encryption=setting))
    await call.reply(200, {})


async def _get(call: Call) -> None:
    await find_bucket(call)
    setting = (await read_settings(call)).settings.encryption
    if setting is None:
        raise S3Error("ServerSideEncryptionConfigurationNotFoundError", BucketName=call.request.bucket)
    await call.reply(200, dict(XML), build_bucket_encryption(setting))


async def _delete(call: Call) -> None:
    """A record that says "none" stays, above the one that it replaces: so the older one cannot come back."""
    await find_bucket(call)
    await change_settings(call, lambda settings: replace(settings, encryption=None))
    await call.reply(204, {})


async def _by_the_store(call: Call) -> None:
    name = call.operation.name
    if call.request.method != "GET" and name not in call.store.capabilities.knows:
        raise S3Error("NotImplemented", f"This bucket's store is not known to have {name}.")
    await forward(call)


async def find_bucket(call: Call) -> None:
    """Raise what the store says of a bucket that is not there, or not this client's to look into.

    Where the client acts with credentials of its own, its right to the bucket's ACL tells its owner.
    """
    own = call.store.upstream is call.store.own
    request = request_for(call, {}, method="HEAD" if own else "GET", query="" if own else "acl=")
    async with answer_to(call, request) as response:
        if response.status in {403, 404}:
            await refuse_unless_ok(call, response)


_HANDLERS = {"PUT": _put, "GET": _get, "DELETE": _delete}
