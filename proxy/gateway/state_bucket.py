"""The bucket of the proxy's own state is no client's: to them there is none, nor can they make one."""

from proxy.gateway.call import Rooms
from proxy.gateway.rules import BucketRule
from proxy.s3.errors import S3Error
from proxy.s3.operation_rows import Operation
from proxy.s3.operations import copy_source
from proxy.s3.request import S3Request


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
