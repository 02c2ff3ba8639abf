"""Which key seals a body, and which opens one: the headers' wish, the bucket's rule, then the KMS.

The rule has the last word on both ways: a key that it does not accept neither seals nor opens here, so that
neither a client nor the store can bring a key of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.gateway.call import Call
from proxy.gateway.trace import Phase
from proxy.keys.provider import DataKey, KeyContext, KeyRefused, KeyUnusable
from proxy.s3.encryption import Algorithm, Encryption
from proxy.s3.errors import S3Error
from proxy.seal.envelope import Mode, OpenEnvelope, SealedEnvelope, kms_context, open_envelope

ENCRYPTION_NAMES = {Mode.OWNED: "SSE_S3", Mode.KMS: "SSE_KMS", Mode.DOUBLE: "DSSE_KMS", Mode.CLIENT: "SSE_C"}
"""As the audit event names them."""
NO_SUCH_KEY = frozenset({"InvalidArnException", "NotFoundException", "ValidationException"})
"""How a KMS says that a key ARN names nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingPlan:
    mode: Mode
    key_id: str
    per_object: bool
    """The data key is this object's own; else one that a bucket's objects share for a while."""
    client_context: Mapping[str, str]


def plan_for(call: Call, wish: Encryption | None) -> SealingPlan:
    """What seals this request's body: its own headers, else the rule's key, else the service-owned key."""
    rule = call.rule
    per_object = rule.data_key_per_object
    if wish is not None and wish.bucket_key_enabled is not None:
        per_object = not wish.bucket_key_enabled
    if wish is None and rule.key_id is not None:
        return SealingPlan(mode=Mode.KMS, key_id=rule.key_id, per_object=per_object, client_context={})
    if wish is None or wish.algorithm is Algorithm.SSE_S3:
        return SealingPlan(
            mode=Mode.OWNED, key_id=call.rooms.owned_key_id, per_object=per_object, client_context={}
        )
    key_id = wish.key_id or rule.key_id or call.rooms.managed_key_id
    return SealingPlan(mode=Mode.KMS, key_id=key_id, per_object=per_object, client_context=wish.context)


async def sealing_key(call: Call, plan: SealingPlan) -> DataKey:
    """A data key to seal this request's body with. Raises KeyServiceError, RefusedContext."""
    _refuse_unanswered(call)
    context = kms_context(
        bucket=call.request.bucket,
        key=call.request.key.encode(),
        data_key_per_object=plan.per_object,
        client_context=plan.client_context,
    )
    with call.trace.during(Phase.KMS):
        data_key = await call.rooms.keys.generate(plan.key_id, context, call.caller, fresh=plan.per_object)
    _note(call, plan.mode, per_object=plan.per_object, data_key=data_key)
    _check_accepted(call, data_key.key_arn)
    return data_key


async def opened_envelope(call: Call, sealed: SealedEnvelope) -> OpenEnvelope:
    """The envelope, proven to be this name's. Raises KeyServiceError, FormatError."""
    _refuse_unanswered(call)
    name, key = call.request.bucket, call.request.key.encode()
    bucket = sealed.bucket if call.rule.accepts_name(sealed.bucket, name) else name
    key_arn, wrapped = sealed.key_arn, sealed.wrapped_data_key
    if key_arn is None or wrapped is None or sealed.mode is Mode.DOUBLE:
        raise S3Error("NotImplemented", "Objects under a client's key or in two layers are not opened yet.")
    context = kms_context(
        bucket=bucket,
        key=key,
        data_key_per_object=sealed.data_key_per_object,
        client_context=sealed.client_context,
    )
    data_key = await _unwrapped(call, sealed.mode, key_arn, wrapped, context)
    _note(call, sealed.mode, per_object=sealed.data_key_per_object, data_key=data_key)
    with call.trace.during(Phase.CRYPTO):
        return open_envelope(sealed, bucket=bucket, key=key, data_key=data_key.plain)


async def _unwrapped(call: Call, mode: Mode, key_arn: str, wrapped: bytes, context: KeyContext) -> DataKey:
    """The data key that an envelope holds.

    Which KMS key that is under is the store's word, too. A key that is not accepted here, or that is nowhere,
    may be damage or a key of the store's own: so the event says it, though the client gets the plain refusal.
    """
    try:
        _check_accepted(call, key_arn)
        with call.trace.during(Phase.KMS):
            return await call.rooms.keys.unwrap(key_arn, wrapped, context, call.caller)
    except KeyRefused as exc:
        # Not the KMS's word about this caller: our own rule's, or about a key that no client is refused.
        if not exc.code or mode is Mode.OWNED:
            call.trace.integrity_violation = exc.reason
        raise
    except KeyUnusable as exc:
        if exc.code in NO_SUCH_KEY:
            call.trace.integrity_violation = f"The envelope names a key that does not exist: {exc.reason}"
        raise


def encryption_headers(mode: Mode, key_arn: str | None, *, per_object: bool) -> dict[str, str]:
    """What an answer says was done, as S3 words it. The service-owned key has no name."""
    if mode is Mode.OWNED:
        return {"x-amz-server-side-encryption": "AES256"}
    headers = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": key_arn or "",
    }
    return headers if per_object else headers | {"x-amz-server-side-encryption-bucket-key-enabled": "true"}


def _refuse_unanswered(call: Call) -> None:
    """The store may let anybody in; a key is asked for only where the rule says who answers for it."""
    if call.authenticated is None and not call.rule.anonymous_as:
        raise S3Error("AccessDenied")


def _check_accepted(call: Call, key_arn: str) -> None:
    call.trace.key_arn = key_arn
    if not call.rule.accepts_key(key_arn):
        raise KeyRefused(f"The rule of this bucket does not accept the key {key_arn}.")


def _note(call: Call, mode: Mode, *, per_object: bool, data_key: DataKey) -> None:
    call.trace.key_cached = data_key.cached
    call.trace.encryption = ENCRYPTION_NAMES[mode]
    call.trace.data_key_scope = "object" if per_object else "bucket"
