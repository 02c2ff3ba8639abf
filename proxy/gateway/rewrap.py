"""Rewrapping: the same content keys under the current data key of a name, in a new envelope.

One step, for whoever changes a name or a key and leaves the body where it is. The old data key opens, a newly
made one wraps: what came from Decrypt never seals anything.
"""

from proxy.gateway.call import Call
from proxy.gateway.datakeys import SealingKey, sealing_key
from proxy.gateway.new_envelope import outer_key
from proxy.gateway.sealing_plan import SealingPlan
from proxy.gateway.trace import Phase
from proxy.seal.envelope import OpenEnvelope
from proxy.seal.rewrap import rewrap_envelope


async def rewrapped(call: Call, opened: OpenEnvelope, plan: SealingPlan) -> tuple[str, SealingKey]:
    """The envelope for the name of `call`, and what it is under: as many layers as the body has.

    `opened` is what `opened_envelope` gave for the name that the body had. Raises KeyServiceError,
    FormatError.
    """
    sealing = await sealing_key(call, plan)
    with call.trace.during(Phase.CRYPTO):
        envelope = rewrap_envelope(
            opened,
            bucket=call.request.bucket,
            key=call.request.key.encode(),
            mode=plan.mode,
            data_key=sealing.plain,
            key_arn=sealing.key_arn,
            wrapped_data_key=sealing.wrapped,
            data_key_per_object=plan.per_object,
            client_context=plan.client_context,
            salt=call.rooms.random(16),
            checksum_nonce=call.rooms.random(12),
            outer=outer_key(call, sealing, opened.outer_content_key),
        )
    return envelope, sealing
