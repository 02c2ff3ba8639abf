"""A body signed chunk by chunk: every chunk, in its order, and the trailer at its end."""

from hashlib import sha256

import pytest

from proxy.auth.errors import WrongSignature
from proxy.auth.sigv4 import Signer
from proxy.auth.verify import ChunkSignatures
from tests.auth.forge import PERMANENT, REGION, Wire, authenticate

HASHES = [sha256(data).hexdigest() for data in (b"one", b"two", b"")]
TRAILER = sha256(b"x-amz-checksum-crc32:AAAAAA==\n").hexdigest()


REQUEST = Wire().signed(payload_hash="STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")


def chain() -> ChunkSignatures:
    """Both ends start alike: from the request's own signature."""
    proof = authenticate(REQUEST)
    assert proof.chunks is not None
    return proof.chunks


def signatures() -> tuple[list[str], str]:
    signing = Signer(PERMANENT, region=REGION, service="s3").chain(REQUEST.headers)
    return [signing.sign(chunk) for chunk in HASHES], signing.sign_trailer(TRAILER)


def test_what_one_end_signs_the_other_accepts() -> None:
    made, trailer = signatures()
    checking = chain()

    for chunk, signature in zip(HASHES, made, strict=True):
        checking.check(chunk, signature)
    checking.check_trailer(TRAILER, trailer)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "0" * 64,
        "é" * 64,
        "\udcff",
        signatures()[0][0].upper(),
        signatures()[0][1],
        signatures()[0][0][:-1],
    ],
)
def test_a_wrong_chunk_signature_is_refused(wrong: str) -> None:
    with pytest.raises(WrongSignature) as refused:
        chain().check(HASHES[0], wrong)

    assert refused.value.access_key == PERMANENT.access_key
    assert refused.value.string_to_sign.startswith("AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n")


def test_a_changed_chunk_is_refused() -> None:
    with pytest.raises(WrongSignature):
        chain().check(HASHES[1], signatures()[0][0])


@pytest.mark.parametrize("skipped", [0, 1])
def test_a_chunk_left_out_is_refused(skipped: int) -> None:
    """Each signature covers the one before, so neither order nor number can change."""
    made, _ = signatures()
    checking = chain()
    for at in range(skipped):
        checking.check(HASHES[at], made[at])

    with pytest.raises(WrongSignature):
        checking.check(HASHES[skipped + 1], made[skipped + 1])


def test_a_chunk_twice_is_refused() -> None:
    made, _ = signatures()
    checking = chain()
    checking.check(HASHES[0], made[0])

    with pytest.raises(WrongSignature):
        checking.check(HASHES[0], made[0])


@pytest.mark.parametrize("chunks_before", [0, 2])
def test_a_trailer_before_the_last_chunk_is_refused(chunks_before: int) -> None:
    made, trailer = signatures()
    checking = chain()
    for at in range(chunks_before):
        checking.check(HASHES[at], made[at])

    with pytest.raises(WrongSignature) as refused:
        checking.check_trailer(TRAILER, trailer)

    assert refused.value.string_to_sign.startswith("AWS4-HMAC-SHA256-TRAILER\n")


def test_a_chunks_signature_is_none_for_a_trailer() -> None:
    made, _ = signatures()

    with pytest.raises(WrongSignature):
        chain().check_trailer(HASHES[0], made[0])
