"""What seals the body of a write: its headers, else the bucket's setting, else the rule; never below a floor.

The rule's floor holds for headers and setting alike. Where the setting would decide, and the store does not
have what was kept there, nothing is sealed: a weaker key is nobody's choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.gateway.call import Call
from proxy.gateway.customer_keys import customer_key_of
from proxy.gateway.trace import Phase
from proxy.keys.provider import KeyRefused
from proxy.s3.bucket_encryption import BucketEncryption
from proxy.s3.customer_key import CustomerKey
from proxy.s3.encryption import Algorithm, Encryption, wished_bucket_key
from proxy.s3.errors import S3Error
from proxy.seal.envelope import Mode
from proxy.seal.errors import DamagedSettings

MODES = {Algorithm.SSE_S3: Mode.OWNED, Algorithm.SSE_KMS: Mode.KMS, Algorithm.DSSE_KMS: Mode.DOUBLE}
RANKS = {Algorithm.SSE_S3: 0, Algorithm.SSE_KMS: 1, Algorithm.DSSE_KMS: 2}
BELOW = "The rule of this bucket asks for encryption with"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingPlan:
    mode: Mode
    key_id: str = ""
    """Empty for a client's own key, which has no name."""
    per_object: bool = False
    """The data key is this object's own; else one that a bucket's objects share for a while."""
    client_context: Mapping[str, str] = field(default_factory=dict)
    customer_key: CustomerKey | None = None
    """There in Mode.CLIENT alone."""


def plan_for(call: Call, wish: Encryption | None) -> SealingPlan:
    """What seals this request's body: its own headers, else the bucket's setting, else the rule.

    Raises S3Error for a client's own key that is not well-formed or not taken here, and for what lies below
    the rule's floor; DamagedSettings where the setting would decide, and it is not what was kept.
    """
    rule = call.rule
    customer_key = customer_key_of(call)
    if customer_key is not None:
        refuse_customer_key(call)
        return SealingPlan(mode=Mode.CLIENT, customer_key=customer_key)
    if wish is None:
        wish = _default(call)
    if RANKS[wish.algorithm] < RANKS[rule.minimum]:
        raise S3Error("AccessDenied", f"{BELOW} {rule.minimum.value} at least.")
    per_object = rule.data_key_per_object
    if wish.bucket_key_enabled is not None:
        per_object = not wish.bucket_key_enabled
    mode = MODES[wish.algorithm]
    if mode is Mode.OWNED:
        return SealingPlan(mode=Mode.OWNED, key_id=call.rooms.owned_key_id, per_object=per_object)
    return SealingPlan(
        mode=mode,
        key_id=wish.key_id or rule.key_id or call.rooms.managed_key_id,
        per_object=per_object or mode is Mode.DOUBLE,  # as on S3, which has no bucket keys for two layers
        client_context=wish.context,
    )


def refuse_customer_key(call: Call) -> None:
    """Raise AccessDenied where the bucket's setting or its rule takes no client's own key for writes."""
    setting = call.settings.encryption
    if call.settings.fault or (setting is not None and setting.blocks_customer_keys):
        raise S3Error("AccessDenied", "This bucket's setting blocks encryption with customer-provided keys.")
    if call.rule.has_floor:
        raise S3Error("AccessDenied", f"{BELOW} keys of the key service.")


async def refuse_below_floor(call: Call, setting: BucketEncryption) -> None:
    """Raise AccessDenied for a bucket's setting that its rule would refuse each write for."""
    if setting.algorithm is None:
        return
    if RANKS[setting.algorithm] < RANKS[call.rule.minimum]:
        raise S3Error("AccessDenied", f"{BELOW} {call.rule.minimum.value} at least.")
    if call.rule.allows_key is None:
        return
    plan = plan_for(call, Encryption(algorithm=setting.algorithm, key_id=setting.key_id))
    with call.trace.during(Phase.KMS):
        described = await call.rooms.keys.describe(plan.key_id, call.caller)
    check_allowed(call, described.key_arn)


def _default(call: Call) -> Encryption:
    """What is asked for by a request that asks for nothing."""
    if call.settings.fault:
        raise DamagedSettings(call.settings.fault)
    bucket_key = wished_bucket_key(call.request.headers)
    setting = call.settings.encryption
    if setting is not None and setting.algorithm is not None:
        return Encryption(
            algorithm=setting.algorithm,
            key_id=setting.key_id,
            bucket_key_enabled=setting.bucket_key_enabled if bucket_key is None else bucket_key,
        )
    algorithm = call.rule.minimum
    if call.rule.key_id is not None and algorithm is Algorithm.SSE_S3:
        algorithm = Algorithm.SSE_KMS
    return Encryption(algorithm=algorithm, bucket_key_enabled=bucket_key)


def check_allowed(call: Call, key_arn: str) -> None:
    """For what is written; older objects may be under other keys."""
    if call.rule.allows_key is not None and not call.rule.allows_key(key_arn):
        raise KeyRefused(f"The rule of this bucket does not allow writes under the key {key_arn}.")
