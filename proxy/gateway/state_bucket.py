"""The bucket of the proxy's own state is no client's: to them there is none, nor can they make one."""

from proxy.gateway.call import Call, Rooms
from proxy.gateway.rules import BucketRule
from proxy.gateway.store import answer_to, refuse_unless_ok, request_for
from proxy.s3.errors import S3Error
from proxy.s3.multipart import parse_versioning
from proxy.s3.operation_rows import Operation
from proxy.s3.operations import copy_source
from proxy.s3.request import S3Request

ANSWER_BYTES = 65_536


def refuse_state_bucket(rooms: Rooms, operation: Operation, request: S3Request, rule: BucketRule) -> None:
    """Raise NoSuchBucket, or BucketAlreadyExists, where the request or its copy source names it."""
    if holds_state(rooms, rule, request.bucket):
        code = "BucketAlreadyExists" if operation.name == "CreateBucket" else "NoSuchBucket"
        raise S3Error(code, BucketName=request.bucket)
    if not operation.copies:
        return
    bucket, key, _ = copy_source(request)
    if holds_state(rooms, rooms.as_stored(bucket, key)[1], bucket):
        raise S3Error("NoSuchBucket", BucketName=bucket)


def holds_state(rooms: Rooms, rule: BucketRule, bucket: str) -> bool:
    return rooms.stores.named(rule.upstream).state.is_state_bucket(bucket)


async def refuse_versioned(call: Call, what: str) -> None:
    """Raise InvalidRequest where state would lie in a versioned bucket: deleted there, it stays for ever."""
    bucket, now = call.request.bucket, call.rooms.now().timestamp()
    if not call.store.state.in_bucket or call.rooms.uploads.is_unversioned(bucket, now=now):
        return
    request = request_for(call, {}, method="GET", query="versioning=", path=f"/{bucket}")
    async with answer_to(call, request) as response:
        if response.status == 404:
            await refuse_unless_ok(call, response)
        # A store that does not know the question has no versions.
        answer = await response.read(limit=ANSWER_BYTES) if response.status == 200 else b""
    if parse_versioning(answer):
        raise S3Error(
            "InvalidRequest",
            f"{what} in a bucket with versioning or Object Lock needs a state bucket: the operator of this"
            " service has to name one (upstreams.state).",
        )
    call.rooms.uploads.note_unversioned(bucket, now=now)
