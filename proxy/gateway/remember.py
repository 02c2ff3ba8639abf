"""Turns what was noted of an operation into its audit event, under CloudTrail's names."""

from functools import lru_cache

from proxy.audit.event import S3, Details, Event, Phases, Resource, UserIdentity, s3_event_name
from proxy.gateway.exchange import Exchange
from proxy.gateway.trace import Phase, Trace
from proxy.s3.copying import source_header


def event_of(trace: Trace, exchange: Exchange, *, event_id: str, region: str) -> Event:
    """The event of an operation that has ended, however it did."""
    return Event(
        event_id=event_id,
        event_time=trace.started,
        event_source=S3,
        event_name=s3_event_name(trace.operation),
        aws_region=region,
        source_ip_address=exchange.source_ip,
        user_agent=exchange.headers.get("user-agent", ""),
        user_identity=_who(trace),
        request_id=trace.request_id,
        request_parameters=_parameters(trace, exchange),
        resources=_resources(trace),
        error_code=trace.error_code,
        error_message=trace.error_message,
        details=Details(
            bytes_transferred_in=exchange.plain_bytes_in,
            bytes_transferred_out=exchange.plain_bytes_out,
            key_arn=trace.key_arn,
            kms_region=trace.kms_region,
            data_key_scope=trace.data_key_scope,
            cache_hit=trace.key_cached,
            encryption_mode=trace.encryption,
            phases=_phases(trace),
            store_request_id=trace.store_request_id,
            http_status=trace.status or None,
            outcome=trace.outcome,
            integrity_violation=trace.integrity_violation,
            damaged_upload=trace.damaged_upload,
            plaintext_read=trace.plaintext_read,
        ),
    )


def uuid_of(random: bytes) -> str:
    """RFC 9562's version 4 of 16 random bytes, as uuid.UUID writes it at three times the cost."""
    number = int.from_bytes(random, "big") & ~(0xF << 76 | 0x3 << 62) | 4 << 76 | 2 << 62
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _who(trace: Trace) -> UserIdentity:
    who = trace.identity
    if who is None:
        return UserIdentity(access_key_id=trace.access_key)
    return _proven(who.arn, who.account, who.name, trace.access_key)


@lru_cache(maxsize=1024)
def _proven(arn: str, account: str, name: str, access_key: str) -> UserIdentity:
    """Kept, as few callers send many requests."""
    return UserIdentity(type="IAMUser", arn=arn, account_id=account, access_key_id=access_key, user_name=name)


def _parameters(trace: Trace, exchange: Exchange) -> dict[str, str]:
    named = {
        "Host": exchange.headers.get("host", ""),
        "bucketName": trace.bucket,
        "key": trace.key,
        "versionId": trace.version_id,
        "uploadId": trace.upload_id,
        "partNumber": trace.part_number,
        "range": trace.range,
        "x-amz-copy-source": source_header(*trace.source) if trace.source else "",
    }
    return {name: value for name, value in named.items() if value}


def _resources(trace: Trace) -> tuple[Resource, ...]:
    if not trace.bucket:
        return ()
    read = _named(*trace.source[:2]) if trace.source else ()
    return (*_named(trace.bucket, trace.key), *read)


def _named(bucket: str, key: str) -> tuple[Resource, ...]:
    holder = Resource(arn=f"arn:aws:s3:::{bucket}", type="AWS::S3::Bucket")
    return (holder, Resource(arn=f"{holder.arn}/{key}", type="AWS::S3::Object")) if key else (holder,)


def _phases(trace: Trace) -> Phases:
    spent_us = {phase: nanoseconds // 1000 for phase, nanoseconds in trace.spent_ns.items()}
    return Phases(
        auth_us=spent_us.get(Phase.AUTH),
        kms_us=spent_us.get(Phase.KMS),
        store_us=spent_us.get(Phase.STORE),
        crypto_us=spent_us.get(Phase.CRYPTO),
        client_us=spent_us.get(Phase.CLIENT),
        total_us=trace.elapsed_ns() // 1000,
    )
