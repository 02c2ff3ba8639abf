"""DeleteBucket: what the proxy itself keeps in a bucket does not stand in the way of its deletion.

Only where the store says that the bucket is not empty, and nothing else is in it: as long as a client's
object is there, uploads in progress keep their state.
"""

from proxy.gateway.call import Call
from proxy.gateway.forward import forward
from proxy.s3.errors import S3Error

MOST_ROUNDS = 4
"""A store that keeps directories lists each of them only when what was in it is gone."""


async def delete_bucket(call: Call) -> None:
    """Raises S3Error, UpstreamError."""
    try:
        await forward(call)
    except S3Error as refused:
        if refused.code != "BucketNotEmpty" or not await _removed_state(call):
            raise
        await forward(call)


async def _removed_state(call: Call) -> bool:
    """Whether there was nothing but state, which is gone then."""
    state, bucket = call.store.state, call.request.bucket
    if not state.in_bucket or not await state.is_alone(bucket):
        return False
    for _ in range(MOST_ROUNDS):
        names = await state.names(bucket, "")
        if not names:
            return True
        await state.delete(bucket, names)
    return True
