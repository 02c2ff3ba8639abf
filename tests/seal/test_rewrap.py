"""A new header for the same body: it opens under the new name and key, and keeps what tells of the body."""

from dataclasses import replace
from typing import Any

import pytest

from proxy.seal.envelope import Mode, OpenEnvelope, open_envelope, read_envelope
from proxy.seal.errors import DamagedEnvelope, RefusedContext
from proxy.seal.rewrap import rewrap_envelope
from tests.seal.material import MULTIPART, SINGLE, Vector, header_of, named, present

NEW: dict[str, Any] = {
    "bucket": "elsewhere",
    "key": b"another/name",
    "mode": Mode.KMS,
    "data_key": b"d" * 32,
    "key_arn": "arn:aws:kms:us-east-1:111122223333:key/new",
    "wrapped_data_key": b"wrapped",
    "data_key_per_object": True,
    "client_context": {"who": "me"},
    "salt": b"s" * 16,
    "checksum_nonce": b"n" * 12,
}
ONE_LAYER = [vector for vector in (*SINGLE, *MULTIPART) if "outer_key_arn" not in vector]


@pytest.mark.parametrize("vector", ONE_LAYER, ids=named(ONE_LAYER))
def test_the_new_header_opens_to_the_same_body(vector: Vector) -> None:
    """The same content key, length or upload, and checksums; the name and key are the new ones."""
    old = opened(vector)

    sealed = read_envelope(rewrap_envelope(old, **NEW))
    new = open_envelope(sealed, bucket="elsewhere", key=b"another/name", data_key=NEW["data_key"])

    assert new.content_key == old.content_key
    assert (new.plain_length, sealed.upload_tag) == (old.plain_length, old.sealed.upload_tag)
    assert new.checksums == old.checksums
    assert (sealed.key_arn, sealed.wrapped_data_key) == (NEW["key_arn"], b"wrapped")
    assert (sealed.mode, sealed.data_key_per_object) == (Mode.KMS, True)
    assert sealed.client_context == {"who": "me"}


def test_the_new_header_opens_under_no_other_name_and_no_other_key() -> None:
    sealed = read_envelope(rewrap_envelope(opened(ONE_LAYER[0]), **NEW))

    for key, data_key in ((b"another/nam", NEW["data_key"]), (b"another/name", b"e" * 32)):
        with pytest.raises(DamagedEnvelope):
            open_envelope(sealed, bucket="elsewhere", key=key, data_key=data_key)


def test_what_cannot_be_kept_is_a_mistake() -> None:
    """A second layer would be lost, and a client's key is not the key service's to wrap under."""
    old = opened(ONE_LAYER[0])

    with pytest.raises(ValueError, match="not this function's"):
        rewrap_envelope(replace(old, outer_content_key=bytes(32)), **NEW)
    with pytest.raises(ValueError, match="not this function's"):
        rewrap_envelope(old, **NEW | {"mode": Mode.CLIENT})
    with pytest.raises(RefusedContext):
        rewrap_envelope(old, **NEW | {"client_context": {"aws:s3:arn": "mine"}})


def opened(vector: Vector) -> OpenEnvelope:
    return open_envelope(
        read_envelope(header_of(vector)),
        bucket=vector["bucket"],
        key=present(vector, "key"),
        data_key=present(vector, "data_key"),
    )
