"""A bucket's settings at the store: read and proven, written over what was read.

A record that does not open, an older one than this worker saw, and none where one was, are damage: whoever
reads for a write gets the finding along with what was known, whoever asks for the setting itself is refused.
A new record takes its counter from the clock, so that it stands above every one written before, by whichever
worker, and whatever of those was lost.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from time import monotonic

from proxy.gateway.call import Call
from proxy.gateway.datakeys import NO_SUCH_KEY
from proxy.gateway.rules import Mode
from proxy.gateway.settings.memory import Place
from proxy.gateway.settings.statements import read_statements
from proxy.gateway.settings.values import NO_SETTINGS, BucketSettings
from proxy.gateway.trace import Phase
from proxy.keys.provider import KeyRefused, KeyUnusable, WrappedKeyDamaged
from proxy.s3.bucket_encryption import build_bucket_encryption, parse_bucket_encryption
from proxy.s3.bucket_policy import split_policy
from proxy.s3.errors import S3Error
from proxy.seal.bucket_record import (
    BucketRecord,
    Kind,
    open_bucket_record,
    read_bucket_record,
    record_name,
    seal_bucket_record,
)
from proxy.seal.envelope import kms_context
from proxy.seal.errors import DamagedSettings

TRIES = 4
Change = Callable[[BucketSettings], BucketSettings]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What lies at the store."""

    counter: int
    """0: no record."""
    settings: BucketSettings
    etag: str
    """The record's; empty where there is none."""


async def settings_of(call: Call) -> BucketSettings:
    """For a write to the bucket: at most some seconds old. Raises KeyServiceError, UpstreamError, S3Error."""
    memory, place = call.rooms.settings, _place(call)
    known = memory.fresh(place, now=monotonic())
    if known is not None:
        return known
    async with memory.reading(place):
        known = memory.fresh(place, now=monotonic())
        if known is not None:
            return known
        try:
            return (await read_settings(call)).settings
        except DamagedSettings as exc:
            return replace(memory.last(place).settings, fault=exc.fault)


async def with_settings(call: Call) -> Call:
    """The call, with what its bucket says; without, where nothing is sealed or nobody answers for it."""
    answered = call.authenticated is not None or call.rule.anonymous_as != ""
    if call.rule.mode is Mode.PASSTHROUGH or not answered:
        return call
    settings = await settings_of(call)
    if settings.fault:
        call.trace.integrity_violation = str(DamagedSettings(settings.fault))
    return replace(call, settings=settings)


async def read_settings(call: Call) -> Kept:
    """As they are now. Raises DamagedSettings, KeyServiceError, UpstreamError, S3Error."""
    memory, place = call.rooms.settings, _place(call)
    seen = memory.last(place).counter  # before: what another request writes meanwhile, this one may miss
    try:
        kept = await _read(call)
        _refuse_older(kept.counter, seen)
    except DamagedSettings:
        memory.doubt(place)
        raise
    memory.learn(place, kept.counter, kept.settings, now=monotonic())
    newest = memory.last(place)
    if newest.counter > kept.counter:
        return replace(kept, counter=newest.counter, settings=newest.settings)
    return kept


def forget_settings(call: Call) -> None:
    """The bucket is gone, and its record with it."""
    call.rooms.settings.forget(_place(call))


async def change_settings(call: Call, change: Change) -> None:
    """Write what `change` makes of the settings that are there; of those known last, where they are damaged.

    Raises S3Error OperationAborted where others write all the time, and what read_settings raises but damage.
    """
    memory, place = call.rooms.settings, _place(call)
    for _ in range(TRIES):
        kept = await _read_to_replace(call)
        settings = change(kept.settings)
        if settings == kept.settings and not call.trace.integrity_violation:
            return
        clock = int(call.rooms.now().timestamp() * 1000)
        counter = max(clock, kept.counter + 1, memory.last(place).counter + 1)
        sealed = await _sealed(call, BucketRecord(counter=counter, documents=_documents(settings)))
        if await _replaced(call, sealed, kept.etag):
            memory.learn(place, counter, settings, now=monotonic())
            return
    raise S3Error("OperationAborted")


async def _read_to_replace(call: Call) -> Kept:
    """A damaged record is replaced all the same: the finding goes into the trail."""
    last = call.rooms.settings.last(_place(call))
    try:
        return await read_settings(call)
    except DamagedSettings as exc:
        call.trace.integrity_violation = str(exc)
    with _store(call):
        found = await call.store.state.tagged(call.request.bucket, record_name(call.request.bucket))
    return Kept(counter=last.counter, settings=last.settings, etag=found[1] if found else "")


def _refuse_older(counter: int, seen: int) -> None:
    if counter < seen:
        raise DamagedSettings("an older record" if counter else "the record is gone")


async def _read(call: Call) -> Kept:
    bucket = call.request.bucket
    with _store(call):
        found = await call.store.state.tagged(bucket, record_name(bucket))
    if found is None:
        return Kept(counter=0, settings=NO_SETTINGS, etag="")
    raw, etag = found
    record = await _opened(call, raw)
    return Kept(counter=record.counter, settings=_settings(record), etag=etag)


async def _opened(call: Call, raw: bytes) -> BucketRecord:
    sealed, bucket = read_bucket_record(raw), call.request.bucket
    if not call.rooms.accepts_owned(sealed.key_arn):
        # Under a key that others may use, whoever can write to the store could choose the bucket's key.
        raise DamagedSettings("it is under another key than the service's own")
    context = kms_context(bucket=bucket, key=b"", data_key_per_object=False)
    try:
        with call.trace.during(Phase.KMS):
            data_key = await call.rooms.keys.unwrap(
                sealed.key_arn, sealed.wrapped_data_key, context, call.caller
            )
    except (WrappedKeyDamaged, KeyRefused) as exc:  # the service's own key refuses no client
        raise DamagedSettings(exc.reason) from exc
    except KeyUnusable as exc:
        if exc.code in NO_SUCH_KEY:
            raise DamagedSettings(exc.reason) from exc
        raise
    return open_bucket_record(sealed, bucket=bucket, data_key=data_key.plain)


async def _sealed(call: Call, record: BucketRecord) -> bytes:
    bucket = call.request.bucket
    context = kms_context(bucket=bucket, key=b"", data_key_per_object=False)
    with call.trace.during(Phase.KMS):
        own = await call.rooms.keys.generate(call.rooms.owned_key_id, context, call.caller, fresh=False)
    return seal_bucket_record(
        record,
        bucket=bucket,
        data_key=own.plain,
        key_arn=own.key_arn,
        wrapped_data_key=own.wrapped,
        salt=call.rooms.random(16),
    )


async def _replaced(call: Call, sealed: bytes, etag: str) -> bool:
    """False where somebody else wrote meanwhile; a store without conditions cannot tell."""
    condition = {"if-match": etag} if etag else {"if-none-match": "*"}
    headers = condition if call.store.capabilities.conditional_writes else {}
    bucket = call.request.bucket
    with _store(call):
        return await call.store.state.put_if(bucket, record_name(bucket), sealed, headers)


def _settings(record: BucketRecord) -> BucketSettings:
    encryption, policy = record.documents.get(Kind.ENCRYPTION), record.documents.get(Kind.POLICY, b"")
    try:
        return BucketSettings(
            encryption=None if encryption is None else parse_bucket_encryption(encryption),
            policy=policy,
            statements=read_statements(split_policy(policy).kept) if policy else None,
        )
    except S3Error:
        # The seal is good: a later version wrote words that this one does not know.
        raise DamagedSettings("a setting that is not known here") from None


def _documents(settings: BucketSettings) -> dict[Kind, bytes]:
    found = {Kind.POLICY: settings.policy} if settings.policy else {}
    if settings.encryption is not None:
        found[Kind.ENCRYPTION] = build_bucket_encryption(settings.encryption)
    return found


def _place(call: Call) -> Place:
    return call.rule.upstream, call.request.bucket


def _store(call: Call) -> AbstractContextManager[None]:
    return call.trace.during(Phase.STORE)
