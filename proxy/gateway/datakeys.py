"""Which key opens a body, and with which one is sealed as `sealing_plan` says.

The rule has the last word on both ways: a key that it does not accept neither seals nor opens here, so that
neither a client nor the store can bring a key of its own. A client's own key (SSE-C) takes the data key's
place, and no KMS is asked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.gateway.authorization.key_use import DECRYPT, GENERATE, check_key_use
from proxy.gateway.call import Call
from proxy.gateway.customer_keys import customer_key_of
from proxy.gateway.sealing_plan import SealingPlan, check_allowed
from proxy.gateway.trace import Phase
from proxy.keys.provider import DataKey, KeyContext, KeyRefused, KeyUnusable
from proxy.s3.customer_key import NOT_APPLICABLE, WANTED, CustomerKey
from proxy.s3.encryption import ALGORITHM, BUCKET_KEY, KEY_ID, Algorithm
from proxy.s3.errors import S3Error
from proxy.seal.envelope import Mode, OpenEnvelope, SealedEnvelope, kms_context, open_envelope

ENCRYPTION_NAMES = {Mode.OWNED: "SSE_S3", Mode.KMS: "SSE_KMS", Mode.DOUBLE: "DSSE_KMS", Mode.CLIENT: "SSE_C"}
"""As the audit event names them."""
NO_SUCH_KEY = frozenset({"InvalidArnException", "NotFoundException", "ValidationException"})
"""How a KMS says that a key ARN names nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingKey:
    """What content keys are wrapped under: made to seal with, in one plan."""

    plan: SealingPlan
    plain: bytes = field(repr=False)
    key_arn: str | None = None
    """None for a client's own key."""
    wrapped: bytes | None = field(default=None, repr=False)
    outer: DataKey | None = None
    """Of the second layer, where there is one: under the service-owned key."""

    def told(self) -> dict[str, str]:
        """What an answer says was done."""
        plan = self.plan
        return encryption_headers(
            plan.mode, self.key_arn, per_object=plan.per_object, customer_key=plan.customer_key
        )


async def sealing_key(call: Call, plan: SealingPlan) -> SealingKey:
    """A key to seal this request's body with. Raises KeyServiceError, RefusedContext."""
    _refuse_unanswered(call)
    if plan.customer_key is not None:
        _note(call, plan.mode)
        return SealingKey(plan=plan, plain=plan.customer_key.plain)
    context = kms_context(
        bucket=call.request.bucket,
        key=call.request.key.encode(),
        data_key_per_object=plan.per_object,
        client_context=plan.client_context,
    )
    data_key = await _generated_as_asked(call, context, plan)
    _note(call, plan.mode, per_object=plan.per_object, data_key=data_key)
    _check_accepted(call, data_key.key_arn)
    check_allowed(call, data_key.key_arn)
    outer = None
    if plan.mode is Mode.DOUBLE:
        outer = await _generated(call, call.rooms.owned_key_id, context, plan)
    return SealingKey(
        plan=plan, plain=data_key.plain, key_arn=data_key.key_arn, wrapped=data_key.wrapped, outer=outer
    )


async def opened_envelope(call: Call, sealed: SealedEnvelope) -> OpenEnvelope:
    """The envelope, proven to be this name's. Raises KeyServiceError, FormatError.

    S3Error InvalidRequest where it is under a client's own key and the request brings none, or the contrary.
    """
    _refuse_unanswered(call)
    name, key = call.request.bucket, call.request.key.encode()
    bucket = sealed.bucket if call.rule.accepts_name(sealed.bucket, name) else name
    customer_key = customer_key_of(call)
    if (customer_key is not None) != (sealed.mode is Mode.CLIENT):
        raise S3Error("InvalidRequest", WANTED if customer_key is None else NOT_APPLICABLE)
    if customer_key is not None:
        _note(call, sealed.mode)
        with call.trace.during(Phase.CRYPTO):
            return open_envelope(sealed, bucket=bucket, key=key, data_key=customer_key.plain)
    context = kms_context(
        bucket=bucket,
        key=key,
        data_key_per_object=sealed.data_key_per_object,
        client_context=sealed.client_context,
    )
    data_key = await _unwrapped(call, sealed, context)
    _note(call, sealed.mode, per_object=sealed.data_key_per_object, data_key=data_key)
    outer = await _unwrapped_outer(call, sealed, context) if sealed.mode is Mode.DOUBLE else None
    with call.trace.during(Phase.CRYPTO):
        return open_envelope(
            sealed,
            bucket=bucket,
            key=key,
            data_key=data_key.plain,
            outer_data_key=None if outer is None else outer.plain,
        )


async def check_right_key(call: Call, sealed: SealedEnvelope) -> None:
    """For an answer that needs no key: as on S3, a client's own object is told of to whoever has its key.

    Raises as opened_envelope does; asks no KMS.
    """
    if sealed.mode is Mode.CLIENT or customer_key_of(call) is not None:
        await opened_envelope(call, sealed)


async def _generated_as_asked(call: Call, context: KeyContext, plan: SealingPlan) -> DataKey:
    """Under the key of the plan, which the client may use."""
    if plan.mode is Mode.OWNED:
        return await _generated(call, plan.key_id, context, plan)
    with call.trace.during(Phase.KMS):
        key_arn = await check_key_use(call, GENERATE, plan.key_id, context)
    data_key = await _generated(call, plan.key_id, context, plan)
    if key_arn not in {"", data_key.key_arn}:  # the alias was not known before, or has moved meanwhile
        await check_key_use(call, GENERATE, data_key.key_arn, context)
    return data_key


async def _generated(call: Call, key_id: str, context: KeyContext, plan: SealingPlan) -> DataKey:
    with call.trace.during(Phase.KMS):
        return await call.rooms.keys.generate(key_id, context, call.caller, fresh=plan.per_object)


async def _unwrapped(call: Call, sealed: SealedEnvelope, context: KeyContext) -> DataKey:
    assert sealed.key_arn is not None
    assert sealed.wrapped_data_key is not None, "all modes but a client's key have both"
    owned = sealed.mode is Mode.OWNED
    return await _unwrap(
        call, sealed.key_arn, sealed.wrapped_data_key, context, check=_check_accepted, owned=owned
    )


async def _unwrapped_outer(call: Call, sealed: SealedEnvelope, context: KeyContext) -> DataKey:
    """The second layer's."""
    assert sealed.outer_key_arn is not None
    assert sealed.outer_wrapped_data_key is not None, "two layers have both"
    return await _unwrap(
        call, sealed.outer_key_arn, sealed.outer_wrapped_data_key, context, check=_check_owned, owned=True
    )


async def _unwrap(
    call: Call,
    key_arn: str,
    wrapped: bytes,
    context: KeyContext,
    *,
    check: Callable[[Call, str], None],
    owned: bool,
) -> DataKey:
    """A data key that an envelope holds.

    Which KMS key that is under is the store's word, too. A key that is not accepted here, or that is nowhere,
    may be damage or a key of the store's own: so the event says it, though the client gets the plain refusal.
    """
    try:
        check(call, key_arn)
        with call.trace.during(Phase.KMS):
            if not (owned and call.rooms.accepts_owned(key_arn)):
                await check_key_use(call, DECRYPT, key_arn, context)
            return await call.rooms.keys.unwrap(key_arn, wrapped, context, call.caller)
    except KeyRefused as exc:
        # Not the KMS's word about this caller: our own rule's, or about a key that no client is refused.
        if not exc.code or owned:
            call.trace.integrity_violation = exc.reason
        raise
    except KeyUnusable as exc:
        if exc.code in NO_SUCH_KEY:
            call.trace.integrity_violation = f"The envelope names a key that does not exist: {exc.reason}"
        raise


def encryption_of(call: Call, envelope: SealedEnvelope) -> dict[str, str]:
    """What an answer says of a body that is sealed already.

    Of a client's own key it says what the request said: nothing, where it did not have to name it.
    """
    return encryption_headers(
        envelope.mode,
        envelope.key_arn,
        per_object=envelope.data_key_per_object,
        customer_key=customer_key_of(call),
    )


def encryption_headers(
    mode: Mode, key_arn: str | None, *, per_object: bool, customer_key: CustomerKey | None
) -> dict[str, str]:
    """As S3 words it. The service-owned key has no name."""
    if mode is Mode.CLIENT:
        return customer_key.told() if customer_key is not None else {}
    if mode is Mode.OWNED:
        return {ALGORITHM: Algorithm.SSE_S3.value}
    if mode is Mode.DOUBLE:
        return {ALGORITHM: Algorithm.DSSE_KMS.value, KEY_ID: key_arn or ""}
    headers = {ALGORITHM: Algorithm.SSE_KMS.value, KEY_ID: key_arn or ""}
    return headers if per_object else headers | {BUCKET_KEY: "true"}


def _refuse_unanswered(call: Call) -> None:
    """The store may let anybody in; a key is asked for only where the rule says who answers for it."""
    if call.authenticated is None and not call.rule.anonymous_as:
        raise S3Error("AccessDenied")


def _check_accepted(call: Call, key_arn: str) -> None:
    call.trace.key_arn = key_arn
    if not call.rule.accepts_key(key_arn):
        raise KeyRefused(f"The rule of this bucket does not accept the key {key_arn}.")


def _check_owned(call: Call, key_arn: str) -> None:
    if not call.rooms.accepts_owned(key_arn):
        raise KeyRefused("The second layer is not under the service's own key.")


def _note(call: Call, mode: Mode, *, per_object: bool = False, data_key: DataKey | None = None) -> None:
    call.trace.encryption = ENCRYPTION_NAMES[mode]
    if data_key is not None:
        call.trace.key_cached = data_key.cached
        call.trace.kms_region = data_key.region
        call.trace.data_key_scope = "object" if per_object else "bucket"
