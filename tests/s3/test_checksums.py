"""Claims: known vectors of every algorithm, each lie found, and nothing hashed that nobody claimed."""

import base64
import hashlib
import zlib
from typing import Any

import pytest
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from proxy.s3.checksums import ALGORITHMS, Algorithm, Claims, response_header
from proxy.s3.errors import S3Error

# Of "123456789": the check values of the CRC catalogue, RFC 1321, FIPS 180's algorithms by hashlib's twin.
CHECK = b"123456789"
VECTORS = {
    "md5": "25f9e794323b453885f5181f1b624d0b",
    "crc32": "cbf43926",
    "crc32c": "e3069283",
    "crc64nvme": "ae8b14860a799888",
    "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "sha256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "sha512": "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
    "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
    "xxhash64": "8cb841db40e6ae83",
}
# Of no bytes: xxHash's published values.
EMPTY = {
    "xxhash64": "ef46db3751d8e999",
    "xxhash3": "2d06800538d394c2",
    "xxhash128": "99aa06d3014798d86001c324468d497f",
}


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def digest_of(algorithm: Algorithm, data: bytes) -> bytes:
    running = algorithm.start()
    running.update(data)
    return running.digest()


def code_of(headers: dict[str, str], body: bytes = b"", trailers: dict[str, str] | None = None) -> str:
    with pytest.raises(S3Error) as caught:
        checked(headers, body, trailers)
    return caught.value.code


def checked(headers: dict[str, str], body: bytes, trailers: dict[str, str] | None = None) -> Claims:
    claims = Claims(headers)
    claims.update(body)
    claims.claim_trailers(trailers or {})
    claims.verify()
    return claims


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_known_vectors(algorithm: Algorithm) -> None:
    if algorithm.name in VECTORS:
        assert digest_of(algorithm, CHECK).hex() == VECTORS[algorithm.name]
    if algorithm.name in EMPTY:
        assert digest_of(algorithm, b"").hex() == EMPTY[algorithm.name]
    assert len(digest_of(algorithm, CHECK)) == algorithm.size


def test_the_codes_are_the_format_s() -> None:
    """docs/FORMAT.md numbers them for ever."""
    assert {algorithm.code: algorithm.name for algorithm in ALGORITHMS} == {
        1: "md5",
        2: "crc32",
        3: "crc32c",
        4: "crc64nvme",
        5: "sha1",
        6: "sha256",
        7: "sha512",
        8: "xxhash64",
        9: "xxhash3",
        10: "xxhash128",
    }


def test_every_algorithm_of_the_pinned_botocore_is_known() -> None:
    """A new one there is one that clients will send: it needs a code in docs/FORMAT.md, and a row here."""
    session: Any = get_session()  # type: ignore[no-untyped-call]  # botocore has no annotations
    model = session.get_service_model("s3")

    named = {name.lower() for name in model.shape_for("ChecksumAlgorithm").enum}

    assert {algorithm.name for algorithm in ALGORITHMS} == named


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
@given(pieces=st.lists(st.binary(max_size=50), max_size=6))
def test_pieces_of_any_kind_make_the_same_checksum(algorithm: Algorithm, pieces: list[bytes]) -> None:
    running = algorithm.start()
    for piece in pieces:
        running.update(memoryview(bytearray(piece)))

    assert running.digest() == digest_of(algorithm, b"".join(pieces))


@given(st.binary(max_size=300))
def test_crc32_is_zlib_s(data: bytes) -> None:
    crc32 = next(algorithm for algorithm in ALGORITHMS if algorithm.name == "crc32")

    assert digest_of(crc32, data) == zlib.crc32(data).to_bytes(4, "big")


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.name)
def test_a_checksum_is_proven_by_header_and_by_trailer(algorithm: Algorithm) -> None:
    right, wrong = b64(digest_of(algorithm, CHECK)), b64(digest_of(algorithm, b"other"))
    name, note = algorithm.header, {"x-amz-sdk-checksum-algorithm": algorithm.name.upper()}
    announced = {"x-amz-trailer": name, **note}

    assert checked({name: right, **note}, CHECK).verified == {algorithm.code: base64.b64decode(right)}
    assert checked(announced, CHECK, {name: right}).verified == {algorithm.code: base64.b64decode(right)}
    assert code_of({name: wrong}, CHECK) == "BadDigest"
    assert code_of(announced, CHECK, {name: wrong}) == "BadDigest"
    assert response_header(algorithm.code, base64.b64decode(right)) == (name, right)


def test_content_md5() -> None:
    claims = checked({"content-md5": b64(hashlib.md5(CHECK).digest())}, CHECK)  # noqa: S324 - what clients send

    assert claims.verified == {}
    assert code_of({"content-md5": b64(bytes(16))}, CHECK) == "BadDigest"


@pytest.mark.parametrize("value", ["", "x", b64(b"short"), b64(bytes(17)), "YWJj\n"])
def test_a_malformed_md5_is_an_invalid_digest(value: str) -> None:
    assert code_of({"content-md5": value}) == "InvalidDigest"


def test_a_signed_payload_s_hash() -> None:
    sha = hashlib.sha256(CHECK).hexdigest()
    checked({"x-amz-content-sha256": sha}, CHECK)
    checked({"x-amz-content-sha256": sha.upper()}, CHECK)
    with pytest.raises(S3Error) as caught:
        checked({"x-amz-content-sha256": sha}, b"other")

    assert caught.value.code == "XAmzContentSHA256Mismatch"
    assert caught.value.fields == {
        "ClientComputedContentSHA256": sha,
        "S3ComputedContentSHA256": hashlib.sha256(b"other").hexdigest(),
    }


@pytest.mark.parametrize(
    "value", ["", "abc", "g" * 64, "a" * 63, "a" * 65, "unsigned-payload", "STREAMING- "]
)
def test_a_payload_hash_is_a_hash_or_says_that_there_is_none(value: str) -> None:
    assert code_of({"x-amz-content-sha256": value}) == "InvalidArgument"


@pytest.mark.parametrize("value", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_nothing_is_hashed_that_was_not_claimed(value: str) -> None:
    """Hashes, not the cipher, are what a body costs."""
    claims = Claims({"x-amz-content-sha256": value, "x-amz-checksum-mode": "ENABLED"})

    assert claims._updates == []


def test_one_hash_serves_two_claims() -> None:
    sha = hashlib.sha256(CHECK)
    headers = {"x-amz-content-sha256": sha.hexdigest(), "x-amz-checksum-sha256": b64(sha.digest())}

    assert len(Claims(headers)._updates) == 1
    assert checked(headers, CHECK).verified == {6: sha.digest()}
    assert code_of(headers | {"x-amz-checksum-sha256": b64(bytes(32))}, CHECK) == "BadDigest"


CRC32 = b64(bytes.fromhex("cbf43926"))


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-crc33": CRC32},
        {"x-amz-checksum-": CRC32},
        {"x-amz-checksum-crc32": CRC32, "x-amz-checksum-sha1": b64(bytes(20))},
        {"x-amz-checksum-crc32": CRC32, "x-amz-trailer": "x-amz-checksum-crc32c"},
        {"x-amz-trailer": "x-amz-checksum-crc32,x-amz-checksum-crc32c"},
        {"x-amz-trailer": "expires"},
        {"x-amz-checksum-crc32": CRC32, "x-amz-sdk-checksum-algorithm": "SHA1"},
        {"x-amz-checksum-crc32": CRC32, "x-amz-sdk-checksum-algorithm": "CRC33"},
        {"x-amz-sdk-checksum-algorithm": "CRC32"},
    ],
)
def test_claims_that_s3_calls_invalid(headers: dict[str, str]) -> None:
    assert code_of(headers, CHECK) == "InvalidRequest"


@pytest.mark.parametrize("value", ["", "AAAA", "AAAAAAA=", "bad", f"{CRC32},{CRC32}"])
def test_a_checksum_that_is_none_is_wrong(value: str) -> None:
    """As the Ceph project's suite has it, whatever the bytes are."""
    assert code_of({"x-amz-checksum-crc32": value}, CHECK) == "BadDigest"


def test_an_md5_stands_in_for_the_sdk_s_note() -> None:
    """Some SDKs name an algorithm and send a Content-MD5 all the same."""
    checked({"x-amz-sdk-checksum-algorithm": "CRC32", "content-md5": b64(hashlib.md5(b"").digest())}, b"")  # noqa: S324 - what clients send


@pytest.mark.parametrize("trailers", [{}, {"x-amz-checksum-crc32c": "AAAAAA=="}, {"x": "y"}])
def test_the_trailers_are_those_announced(trailers: dict[str, str]) -> None:
    assert code_of({"x-amz-trailer": "x-amz-checksum-crc32"}, CHECK, trailers) == "MalformedTrailerError"


def test_a_trailer_that_nobody_announced_is_refused() -> None:
    assert code_of({}, CHECK, {"x-amz-checksum-crc32": CRC32}) == "MalformedTrailerError"


def test_nothing_is_verified_before_it_is_proven() -> None:
    claims = Claims({"x-amz-checksum-crc32": CRC32})

    assert claims.claimed == {2: base64.b64decode(CRC32)}
    assert claims.verified == {}
    with pytest.raises(S3Error):
        claims.verify()
    assert claims.verified == {}
