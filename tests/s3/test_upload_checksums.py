"""Checksums of whole uploads from those of their parts."""

import base64
import hashlib
import zlib
from collections.abc import Callable
from hashlib import shake_256

import pytest
from awscrt import checksums as crt
from hypothesis import given
from hypothesis import strategies as st

from proxy.s3.errors import S3Error
from proxy.s3.upload_checksums import (
    UploadChecksum,
    combined,
    object_claims,
    part_claims,
    upload_checksum,
    whole_claims,
    wished_checksum,
)

WHOLE: dict[int, Callable[[bytes], int]] = {2: zlib.crc32, 3: crt.crc32c, 4: crt.crc64nvme}


def crc(code: int, data: bytes) -> bytes:
    return WHOLE[code](data).to_bytes(8 if code == 4 else 4, "big")


@pytest.mark.parametrize("code", WHOLE)
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_crcs_of_parts_combine_to_that_of_the_whole(code: int, parts: list[bytes]) -> None:
    """However the whole was cut, empty parts among them."""
    assert combined(code, [(crc(code, part), len(part)) for part in parts]) == crc(code, b"".join(parts))


@pytest.mark.parametrize("code", WHOLE)
def test_crcs_of_large_odd_parts_combine(code: int) -> None:
    parts = [shake_256(bytes([n])).digest(size) for n, size in enumerate([5_242_881, 5_242_880, 1])]

    assert combined(code, [(crc(code, part), len(part)) for part in parts]) == crc(code, b"".join(parts))


@pytest.mark.parametrize(
    ("code", "combine"), [(2, crt.combine_crc32), (3, crt.combine_crc32c), (4, crt.combine_crc64nvme)]
)
def test_lengths_that_nobody_holds_combine_as_in_another_library(
    code: int, combine: Callable[[int, int, int], int]
) -> None:
    first, second, length = crc(code, b"first"), crc(code, b"second"), 5 * 2**40 + 3

    wanted = combine(int.from_bytes(first, "big"), int.from_bytes(second, "big"), length)
    assert int.from_bytes(combined(code, [(first, 5), (second, length)]), "big") == wanted


def test_a_composite_is_the_hash_of_the_parts_digests() -> None:
    """Amazon's tutorial: base64 of it, a dash, and how many parts there are."""
    digests = [hashlib.sha256(part).digest() for part in (b"a", b"b", b"c")]
    wish = UploadChecksum(code=6, composite=True)

    whole = wish.of_whole([(digest, 1) for digest in digests])

    wanted = hashlib.sha256(b"".join(digests)).digest()
    assert whole == wanted
    assert wish.told(whole, parts=3) == f"{base64.b64encode(wanted).decode()}-3"


@pytest.mark.parametrize(
    ("algorithm", "kind", "code", "composite"),
    [
        ("CRC32", None, 2, True),
        ("crc32", "COMPOSITE", 2, True),
        ("CRC32C", "FULL_OBJECT", 3, False),
        ("CRC64NVME", None, 4, False),
        ("SHA256", None, 6, True),
        ("SHA1", "COMPOSITE", 5, True),
    ],
)
def test_what_an_upload_asks_for(algorithm: str, kind: str | None, code: int, *, composite: bool) -> None:
    headers = {"x-amz-checksum-algorithm": algorithm} | ({"x-amz-checksum-type": kind} if kind else {})

    wished = wished_checksum(headers)

    assert wished == UploadChecksum(code=code, composite=composite)
    assert upload_checksum(wished.format_code) == wished


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-type": "COMPOSITE"},
        {"x-amz-checksum-algorithm": "ADLER32"},
        {"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": "HALF"},
        {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-type": "FULL_OBJECT"},
        {"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "COMPOSITE"},
    ],
)
def test_what_no_upload_can_have_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(S3Error) as refused:
        wished_checksum(headers)
    assert refused.value.code == "InvalidRequest"


def test_claims_about_the_whole_are_read() -> None:
    claims = whole_claims({"x-amz-mp-object-size": "12", "x-amz-checksum-crc32": "AAAAAA==-2"})

    assert (claims.size, dict(claims.checksums), claims.type) == (12, {2: "AAAAAA==-2"}, None)
    assert wished_checksum({}) is None
    assert upload_checksum(None) is None


@pytest.mark.parametrize(
    "headers",
    [{"x-amz-mp-object-size": "-1"}, {"x-amz-mp-object-size": "1e3"}, {"x-amz-checksum-adler32": "x"}],
)
def test_malformed_claims_about_the_whole_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(S3Error) as refused:
        whole_claims(headers)
    assert refused.value.code == "InvalidRequest"


CRC32 = {"x-amz-checksum-crc32": "AAAAAA=="}
OF_SHA256 = UploadChecksum(code=6, composite=True)
OF_CRC32 = UploadChecksum(code=2, composite=False)


@pytest.mark.parametrize(
    ("headers", "computed"),
    [
        ({}, {}),
        ({"x-amz-checksum-type": "FULL_OBJECT"}, {}),
        ({"x-amz-checksum-algorithm": "sha1"}, {5: hashlib.sha1(b"", usedforsecurity=False).digest()}),
        (CRC32, {2: bytes(4)}),
        (CRC32 | {"x-amz-checksum-algorithm": "SHA1"}, {2: bytes(4)}),
    ],
)
def test_an_object_has_the_checksum_that_came_else_the_one_that_is_named(
    headers: dict[str, str], computed: dict[int, bytes]
) -> None:
    claims = object_claims(headers)
    claims.verify()

    assert claims.verified == computed


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-algorithm": "ADLER32"},
        {"x-amz-checksum-type": "COMPOSITE"},
        {"x-amz-checksum-type": "composite"},
        CRC32 | {"x-amz-checksum-algorithm": "ADLER32"},
    ],
)
def test_what_no_object_in_one_piece_can_have_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(S3Error) as refused:
        object_claims(headers)
    assert refused.value.code == "InvalidRequest"


@pytest.mark.parametrize(
    ("upload", "headers", "codes"),
    [
        (None, {}, set()),
        (None, CRC32, {2}),
        (None, {"x-amz-checksum-algorithm": "CRC32"}, {2}),
        (OF_SHA256, {}, {6}),
        (OF_SHA256, {"x-amz-checksum-type": "COMPOSITE"}, {6}),
        (OF_CRC32, CRC32, {2}),
        (OF_CRC32, CRC32 | {"x-amz-checksum-algorithm": "crc32"}, {2}),
    ],
)
def test_a_part_has_its_upload_s_algorithm(
    upload: UploadChecksum | None, headers: dict[str, str], codes: set[int]
) -> None:
    claims = part_claims(headers, upload)
    claims.verify()

    assert claims.verified.keys() == codes


@pytest.mark.parametrize(
    ("upload", "headers"),
    [
        (OF_SHA256, CRC32),
        (OF_SHA256, {"x-amz-trailer": "x-amz-checksum-crc32"}),
        (OF_SHA256, {"x-amz-checksum-algorithm": "CRC32"}),
        (OF_SHA256, {"x-amz-checksum-type": "FULL_OBJECT"}),
        (OF_CRC32, {"x-amz-checksum-type": "COMPOSITE"}),
        (None, {"x-amz-checksum-type": "COMPOSITE"}),
        (None, {"x-amz-checksum-algorithm": "ADLER32"}),
    ],
)
def test_a_part_of_another_algorithm_is_refused(
    upload: UploadChecksum | None, headers: dict[str, str]
) -> None:
    with pytest.raises(S3Error) as refused:
        part_claims(headers, upload)
    assert refused.value.code == "InvalidRequest"
