"""A new header for a body that stays as it is: another name, another key, or both.

The content keys are wrapped anew, and what the old header said of the body is carried over: its length or its
upload, and its checksums. Fed an envelope whose seal was verified and a data key that was made to seal with;
one that was opened from another header never wraps (docs/FORMAT.md, "Copies").
"""

from collections.abc import Mapping

from proxy.seal.envelope import Mode, OpenEnvelope, OuterKey, seal_envelope


def rewrap_envelope(
    opened: OpenEnvelope,
    *,
    bucket: str,
    key: bytes,
    mode: Mode,
    data_key: bytes,
    key_arn: str | None,
    wrapped_data_key: bytes | None,
    data_key_per_object: bool,
    client_context: Mapping[str, str],
    salt: bytes,
    checksum_nonce: bytes,
    outer: OuterKey | None = None,
) -> str:
    """The header's value for that name. `salt` (16) and `checksum_nonce` (12) are random, new for each call.

    `outer` holds the second layer's content key, as it was opened. Raises RefusedContext, DamagedEnvelope
    (the old private field), ValueError where body and mode differ in their layers: those are the body's.
    """
    if opened.outer_content_key != (outer.content_key if outer else None):
        raise ValueError("a body keeps the layers that it has, under the content keys that it has")
    checksums = opened.checksums
    return seal_envelope(
        bucket=bucket,
        key=key,
        mode=mode,
        data_key=data_key,
        content_key=opened.content_key,
        salt=salt,
        plain_length=opened.plain_length,
        upload_tag=opened.sealed.upload_tag,
        key_arn=key_arn,
        wrapped_data_key=wrapped_data_key,
        data_key_per_object=data_key_per_object,
        client_context=client_context,
        checksums=checksums,
        checksum_nonce=checksum_nonce if checksums else None,
        outer=outer,
    )
