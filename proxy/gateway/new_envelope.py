"""The keys of a body that is about to be sealed, and its envelope.

One step for whoever writes a body: the content keys are drawn here, one for each layer, and wrapped for the
name that the request is about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from proxy.gateway.call import Call
from proxy.gateway.datakeys import SealingKey
from proxy.seal.envelope import OuterKey, seal_envelope

NONE: Mapping[int, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentKeys:
    """What seals a body: random, and of no other body."""

    inner: bytes = field(repr=False)
    outer: bytes | None = field(repr=False)
    """Has nothing to do with the inner one."""


def content_keys(call: Call, key: SealingKey) -> ContentKeys:
    """New ones, in as many layers as the plan has."""
    return ContentKeys(
        inner=call.rooms.random(32), outer=None if key.outer is None else call.rooms.random(32)
    )


def new_envelope(
    call: Call,
    key: SealingKey,
    content: ContentKeys,
    *,
    plain_length: int | None = None,
    upload_tag: bytes | None = None,
    checksums: Mapping[int, bytes] = NONE,
) -> str:
    """The header's value: of a body of that length, or of an upload in parts."""
    return seal_envelope(
        bucket=call.request.bucket,
        key=call.request.key.encode(),
        mode=key.plan.mode,
        data_key=key.plain,
        content_key=content.inner,
        salt=call.rooms.random(16),
        plain_length=plain_length,
        upload_tag=upload_tag,
        key_arn=key.key_arn,
        wrapped_data_key=key.wrapped,
        data_key_per_object=key.plan.per_object,
        client_context=key.plan.client_context,
        checksums=checksums,
        checksum_nonce=call.rooms.random(12) if checksums else None,
        outer=outer_key(call, key, content.outer),
    )


def outer_key(call: Call, key: SealingKey, content_key: bytes | None) -> OuterKey | None:
    """What wraps the second layer's content key; None where there is but one layer."""
    if key.outer is None or content_key is None:
        return None
    return OuterKey(
        key_arn=key.outer.key_arn,
        wrapped_data_key=key.outer.wrapped,
        data_key=key.outer.plain,
        content_key=content_key,
        salt=call.rooms.random(16),
    )
