"""Rewrapping: the same content key under the current data key of a name, in a new envelope.

One step, for whoever changes a name or a key and leaves the body where it is. The old data key opens, a newly
made one wraps: what came from Decrypt never seals anything.
"""

from proxy.gateway.call import Call
from proxy.gateway.datakeys import SealingPlan, sealing_key
from proxy.gateway.trace import Phase
from proxy.seal.envelope import OpenEnvelope
from proxy.seal.rewrap import rewrap_envelope


async def rewrapped(call: Call, opened: OpenEnvelope, plan: SealingPlan) -> tuple[str, str]:
    """The envelope for the name of `call`, and the ARN of the key that it is under.

    `opened` is what `opened_envelope` gave for the name that the body had. Raises KeyServiceError,
    FormatError.
    """
    data_key = await sealing_key(call, plan)
    with call.trace.during(Phase.CRYPTO):
        envelope = rewrap_envelope(
            opened,
            bucket=call.request.bucket,
            key=call.request.key.encode(),
            mode=plan.mode,
            data_key=data_key.plain,
            key_arn=data_key.key_arn,
            wrapped_data_key=data_key.wrapped,
            data_key_per_object=plan.per_object,
            client_context=plan.client_context,
            salt=call.rooms.random(16),
            checksum_nonce=call.rooms.random(12),
        )
    return envelope, data_key.key_arn
