"""The ciphertext blob: whole it opens, in any other way it does not."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.hsm.core.blob import OVERHEAD, PLAINTEXT_LIMIT, open_blob, parse_blob, seal_blob
from proxy.hsm.core.context import context_bytes
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.material import KeyMaterial

UUID = "0f1e2d3c-4b5a-4697-8877-665544332211"
MULTI_REGION = "mrk-0f1e2d3c4b5a46978877665544332211"
MATERIAL = KeyMaterial(bytes(range(32)))
NONCE = bytes(range(100, 116))
CONTEXT = context_bytes({"aws:s3:arn": "arn:aws:s3:::bucket/key"})


def sealed(
    plain: bytes = b"data key", *, key_id: str = UUID, version: int = 1, nonce: bytes = NONCE
) -> bytes:
    return seal_blob(key_id, version, MATERIAL, nonce=nonce, plain=plain, context=CONTEXT)


@pytest.mark.parametrize("size", [1, 16, 32, 33, PLAINTEXT_LIMIT - 1, PLAINTEXT_LIMIT])
@pytest.mark.parametrize("key_id", [UUID, MULTI_REGION])
@pytest.mark.parametrize("version", [1, 2, 2**32 - 1])
def test_a_blob_says_its_key_and_gives_its_plaintext_back(size: int, key_id: str, version: int) -> None:
    plain = os.urandom(size)
    blob = parse_blob(sealed(plain, key_id=key_id, version=version))

    assert (blob.key_id, blob.version, blob.nonce) == (key_id, version, NONCE)
    assert open_blob(blob, MATERIAL, CONTEXT) == plain


def test_a_wrapped_data_key_is_always_94_bytes() -> None:
    """The envelope of an object counts on it."""
    assert len(sealed(bytes(32))) == 32 + OVERHEAD == 94


def test_the_layout_does_not_move() -> None:
    """Blobs made by this version must open for ever."""
    assert sealed().hex() == (
        "f653474b01000f1e2d3c4b5a4697887766554433221100000001"
        "6465666768696a6b6c6d6e6f70717273bd762442"
        "cb4c60a0450aa3e76a7ae57fca8a21f18589df4f34adf654"
    )


@pytest.mark.parametrize("position", range(len(sealed())))
def test_a_blob_with_any_byte_altered_is_refused(position: int) -> None:
    """Also in the parts that say which key: they never send the caller to another one."""
    for flip in (1, 0x80, 0xFF):
        altered = bytearray(sealed())
        altered[position] ^= flip

        with pytest.raises(KmsError) as caught:
            open_blob(parse_blob(bytes(altered)), MATERIAL, CONTEXT)

        assert caught.value.code == "InvalidCiphertextException"


@pytest.mark.parametrize("length", range(len(sealed())))
def test_a_blob_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(KmsError) as caught:
        open_blob(parse_blob(sealed()[:length]), MATERIAL, CONTEXT)

    assert caught.value.code == "InvalidCiphertextException"


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_foreign_bytes_are_refused_by_the_one_error(foreign: bytes) -> None:
    """AWS's own blobs come here too, and anything else."""
    with pytest.raises(KmsError) as caught:
        parse_blob(foreign)

    assert caught.value.code == "InvalidCiphertextException"


@pytest.mark.parametrize("context", [None, {}, {"aws:s3:arn": "other"}, {"aws:s3:arn": ""}])
def test_another_context_does_not_open(context: dict[str, str] | None) -> None:
    with pytest.raises(KmsError) as caught:
        open_blob(parse_blob(sealed()), MATERIAL, context_bytes(context))

    assert caught.value.code == "InvalidCiphertextException"


def test_other_material_does_not_open() -> None:
    with pytest.raises(KmsError) as caught:
        open_blob(parse_blob(sealed()), KeyMaterial(bytes(32)), CONTEXT)

    assert caught.value.code == "InvalidCiphertextException"


def test_each_nonce_gives_an_unrelated_ciphertext() -> None:
    """The nonce feeds the key, so the same plaintext twice is not seen to be the same."""
    one, two = sealed(bytes(64)), sealed(bytes(64), nonce=bytes(16))

    assert parse_blob(one).sealed[:64] != parse_blob(two).sealed[:64]
