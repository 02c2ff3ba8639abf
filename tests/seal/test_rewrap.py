"""A new header for the same body: it opens under the new name and key, and keeps what tells of the body."""

from dataclasses import replace
from typing import Any

import pytest

from proxy.seal.envelope import Mode, OpenEnvelope, OuterKey, open_envelope, read_envelope
from proxy.seal.errors import DamagedEnvelope, RefusedContext
from proxy.seal.rewrap import rewrap_envelope
from tests.seal.material import MULTIPART, SINGLE, Vector, binary, header_of, named, present

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
TWO_LAYERS = [vector for vector in (*SINGLE, *MULTIPART) if "outer_key_arn" in vector]


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


@pytest.mark.parametrize("vector", ONE_LAYER, ids=named(ONE_LAYER))
def test_a_client_s_own_key_may_be_the_new_one(vector: Vector) -> None:
    """Then nothing of a key service stands in the header."""
    old = opened(vector)
    nothing: dict[str, Any] = {
        "key_arn": None,
        "wrapped_data_key": None,
        "data_key_per_object": False,
        "client_context": {},
    }

    sealed = read_envelope(rewrap_envelope(old, **NEW | nothing | {"mode": Mode.CLIENT}))
    new = open_envelope(sealed, bucket="elsewhere", key=b"another/name", data_key=NEW["data_key"])

    assert new.content_key == old.content_key
    assert (sealed.mode, sealed.key_arn, sealed.wrapped_data_key) == (Mode.CLIENT, None, None)


@pytest.mark.parametrize("vector", TWO_LAYERS, ids=named(TWO_LAYERS))
def test_both_layers_are_wrapped_anew(vector: Vector) -> None:
    """Each under its own data key, and the body's keys stay."""
    old = opened(vector)
    assert old.outer_content_key is not None

    sealed = read_envelope(rewrap_envelope(old, **NEW | {"mode": Mode.DOUBLE, "outer": outer(old)}))
    new = open_envelope(
        sealed,
        bucket="elsewhere",
        key=b"another/name",
        data_key=NEW["data_key"],
        outer_data_key=b"o" * 32,
    )

    assert (new.content_key, new.outer_content_key) == (old.content_key, old.outer_content_key)
    assert (sealed.outer_key_arn, sealed.outer_wrapped_data_key) == ("arn:outer", b"outer wrapped")
    assert new.checksums == old.checksums


def test_what_cannot_be_kept_is_a_mistake() -> None:
    """A layer of the body cannot be left out, or added, by a header."""
    old = opened(ONE_LAYER[0])
    double = replace(old, outer_content_key=bytes(32))

    with pytest.raises(ValueError, match="keeps the layers"):
        rewrap_envelope(double, **NEW)
    with pytest.raises(ValueError, match="keeps the layers"):
        rewrap_envelope(old, **NEW | {"mode": Mode.DOUBLE, "outer": outer(double)})
    with pytest.raises(ValueError, match="keeps the layers"):
        rewrap_envelope(
            double, **NEW | {"mode": Mode.DOUBLE, "outer": replace(outer(double), content_key=b"c" * 32)}
        )
    with pytest.raises(RefusedContext):
        rewrap_envelope(old, **NEW | {"client_context": {"aws:s3:arn": "mine"}})


def outer(old: OpenEnvelope) -> OuterKey:
    assert old.outer_content_key is not None
    return OuterKey(
        key_arn="arn:outer",
        wrapped_data_key=b"outer wrapped",
        data_key=b"o" * 32,
        content_key=old.outer_content_key,
        salt=b"t" * 16,
    )


def opened(vector: Vector) -> OpenEnvelope:
    return open_envelope(
        read_envelope(header_of(vector)),
        bucket=vector["bucket"],
        key=present(vector, "key"),
        data_key=present(vector, "data_key"),
        outer_data_key=binary(vector, "outer_data_key"),
    )
