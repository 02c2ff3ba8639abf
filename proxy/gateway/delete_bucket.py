"""DeleteBucket: what the proxy itself keeps of a bucket does not stand in the way of its deletion, and ends.

State in the bucket goes only where the store says that the bucket is not empty, and nothing else is in it: as
long as a client's object is there, uploads in progress keep their state, and the bucket its settings. In a
state bucket a record stays that says "none": so a bucket made anew by that name begins without, and every
worker can see that it does.
"""

from proxy.gateway.call import Call
from proxy.gateway.forward import forward
from proxy.gateway.rules import Mode
from proxy.gateway.settings.kept import change_settings, forget_settings
from proxy.gateway.settings.values import NO_SETTINGS
from proxy.s3.errors import S3Error
from proxy.seal.bucket_record import record_name

MOST_ROUNDS = 4
"""A store that keeps directories lists each of them only when what was in it is gone."""


async def delete_bucket(call: Call) -> None:
    """Raises S3Error, UpstreamError."""
    try:
        await _deleted(call)
    except S3Error as refused:
        if refused.code == "NoSuchBucket":
            await _end_settings(call)
        raise
    await _end_settings(call)
    await call.reply(204, {})


async def _deleted(call: Call) -> None:
    try:
        await forward(call, answered=False)
    except S3Error as refused:
        if refused.code != "BucketNotEmpty" or not call.store.state.in_bucket:
            raise
        settings = await call.store.state.get(call.request.bucket, record_name(call.request.bucket))
        if not await _removed_state(call):
            raise
        try:
            await forward(call, answered=False)
        except S3Error:
            # An object came in between: the bucket stays, and so does what it says.
            if settings is not None:
                await call.store.state.put(call.request.bucket, record_name(call.request.bucket), settings)
            raise


async def _end_settings(call: Call) -> None:
    if call.store.state.in_bucket:
        forget_settings(call)
    elif call.rule.mode is not Mode.PASSTHROUGH:
        await change_settings(call, lambda _: NO_SETTINGS)


async def _removed_state(call: Call) -> bool:
    """Whether there was nothing but state, which is gone then."""
    state, bucket = call.store.state, call.request.bucket
    if not await state.is_alone(bucket):
        return False
    for _ in range(MOST_ROUNDS):
        names = await state.names(bucket, "")
        if not names:
            return True
        await state.delete(bucket, names)
    return True
