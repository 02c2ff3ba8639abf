"""The checksums of a whole upload, made from its parts': the COMPOSITE kind, and combined CRCs.

Amazon's "Checking object integrity", sections "Full object and composite checksum types". A composite is the
hash of the parts' digests, told with the number of parts; a CRC of the whole follows from the parts' CRCs and
lengths, by arithmetic in GF(2)[x] alone (Adler's crc_combine). Knows no part's bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from proxy.s3.checksums import (
    ALGORITHM_HEADER,
    ALGORITHMS,
    PREFIX,
    TYPE_HEADER,
    Algorithm,
    Claims,
    base64_digest,
    named_algorithm,
)
from proxy.s3.errors import S3Error

SIZE_HEADER = "x-amz-mp-object-size"
COMPOSITE, FULL_OBJECT = "COMPOSITE", "FULL_OBJECT"
COMPOSITE_BIT = 0x80
"""docs/FORMAT.md: added to a code where the checksum is COMPOSITE."""
_BY_CODE = {algorithm.code: algorithm for algorithm in ALGORITHMS}
_CRC32, _CRC32C, _CRC64NVME = 2, 3, 4
# Code -> bits, and the polynomial with its bits reversed.
_POLYNOMIALS = {
    _CRC32: (32, 0xEDB88320),
    _CRC32C: (32, 0x82F63B78),
    _CRC64NVME: (64, 0x9A6C9329AC4BC9B5),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadChecksum:
    """What a client wants its upload's checksum to be."""

    code: int
    composite: bool

    @property
    def format_code(self) -> int:
        """As the format keeps it."""
        return self.code | COMPOSITE_BIT * self.composite

    @property
    def type(self) -> str:
        return COMPOSITE if self.composite else FULL_OBJECT

    @property
    def algorithm(self) -> Algorithm:
        return _BY_CODE[self.code]

    def headers(self) -> dict[str, str]:
        """What Create answers."""
        return {ALGORITHM_HEADER: self.algorithm.name.upper(), TYPE_HEADER: self.type}

    def of_whole(self, parts: Sequence[tuple[bytes, int]]) -> bytes:
        """The checksum of the object, from each part's digest and length in bytes, in order."""
        if not self.composite:
            return combined(self.code, parts)
        running = self.algorithm.start()
        for digest, _ in parts:
            running.update(digest)
        return running.digest()

    def told(self, digest: bytes, *, parts: int) -> str:
        """As it stands in headers and XML: a composite carries the number of parts."""
        value = base64_digest(digest)
        return f"{value}-{parts}" if self.composite else value


def upload_checksum(format_code: int | None) -> UploadChecksum | None:
    """The inverse of format_code."""
    if format_code is None:
        return None
    return UploadChecksum(code=format_code & ~COMPOSITE_BIT, composite=bool(format_code & COMPOSITE_BIT))


def wished_checksum(headers: Mapping[str, str]) -> UploadChecksum | None:
    """What CreateMultipartUpload's headers ask for. Raises S3Error InvalidRequest."""
    algorithm, kind = named_algorithm(headers), _kind(headers)
    if algorithm is None:
        if kind is not None:
            raise S3Error(
                "InvalidRequest",
                f"The {TYPE_HEADER} header can only be used with the {ALGORITHM_HEADER} header.",
            )
        return None
    kind = kind or (FULL_OBJECT if algorithm.code == _CRC64NVME else COMPOSITE)
    fits = algorithm.code != _CRC64NVME if kind == COMPOSITE else algorithm.code in _POLYNOMIALS
    if not fits:
        raise S3Error(
            "InvalidRequest",
            f"The {kind} checksum type cannot be used with the {algorithm.name} checksum algorithm.",
        )
    return UploadChecksum(code=algorithm.code, composite=kind == COMPOSITE)


def object_claims(headers: Mapping[str, str]) -> Claims:
    """Of an object that comes in one piece. Amazon passes over a name without a value; here it is computed.

    Raises S3Error, as Claims does.
    """
    algorithm = named_algorithm(headers)
    if _kind(headers) == COMPOSITE:
        raise S3Error("InvalidRequest", f"The {COMPOSITE} checksum type is one of multipart uploads alone.")
    return Claims(headers, compute=algorithm.code if algorithm else None)


def part_claims(headers: Mapping[str, str], upload: UploadChecksum | None) -> Claims:
    """Of a part: all parts have the checksum of the algorithm that the upload was created with.

    Where it was created with none, each part may bring what it likes, as on S3.
    Raises S3Error InvalidRequest for another algorithm or kind, and as Claims does.
    """
    algorithm, kind = named_algorithm(headers), _kind(headers)
    if kind is not None and (upload is None or kind != upload.type):
        raise other_kind(upload, kind)
    if upload is None:
        return Claims(headers, compute=algorithm.code if algorithm else None)
    claims = Claims(headers, compute=upload.code)
    brought = {*claims.claimed, claims.announced, algorithm.code if algorithm else None}
    for other in (_BY_CODE[code] for code in brought if code not in {None, upload.code}):
        raise S3Error(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.name},"
            f" actual checksum Type: {other.name}",
        )
    return claims


def other_kind(upload: UploadChecksum | None, kind: str) -> S3Error:
    began_with = upload.type if upload else "none"
    return S3Error(
        "InvalidRequest", f"The upload was created with the checksum type {began_with}, not {kind}."
    )


def _kind(headers: Mapping[str, str]) -> str | None:
    kind = headers.get(TYPE_HEADER)
    if kind not in {None, COMPOSITE, FULL_OBJECT}:
        raise S3Error("InvalidRequest", f"Value for {TYPE_HEADER} header is invalid.")
    return kind


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeClaims:
    """What CompleteMultipartUpload's headers claim of the whole object."""

    checksums: Mapping[int, str]
    """By code, as they were sent."""
    type: str | None
    size: int | None


def whole_claims(headers: Mapping[str, str]) -> WholeClaims:
    """Raises S3Error InvalidRequest for what is malformed."""
    size = headers.get(SIZE_HEADER)
    if size is not None and not (size.isascii() and size.isdecimal() and len(size) <= 18):
        raise S3Error("InvalidRequest", f"Value for {SIZE_HEADER} header is invalid.")
    checksums = {
        algorithm.code: headers[algorithm.header] for algorithm in ALGORITHMS if algorithm.header in headers
    }
    known = {ALGORITHM_HEADER, TYPE_HEADER, "x-amz-checksum-mode", *(each.header for each in ALGORITHMS)}
    for name in headers:
        if name.startswith(PREFIX) and name not in known:
            raise S3Error("InvalidRequest", f"The algorithm type that you specified in {name} is not valid.")
    return WholeClaims(
        checksums=checksums, type=headers.get(TYPE_HEADER), size=None if size is None else int(size)
    )


def combined(code: int, parts: Iterable[tuple[bytes, int]]) -> bytes:
    """The CRC of parts one behind the other, from the CRC and the length in bytes of each."""
    bits, polynomial = _POLYNOMIALS[code]
    crc = 0
    for digest, length in parts:
        crc = _product(_shift(code, length), crc, bits, polynomial) ^ int.from_bytes(digest, "big")
    return crc.to_bytes(bits // 8, "big")


@lru_cache(maxsize=256)
def _shift(code: int, length: int) -> int:
    """The power 8 · length of x, modulo the polynomial: what so many bytes behind a CRC do to it.

    Kept, as an upload's parts are nearly all of one length.
    """
    bits, polynomial = _POLYNOMIALS[code]
    power, result, exponent = 1 << (bits - 2), 1 << (bits - 1), 8 * length  # x, and 1
    while exponent:
        if exponent & 1:
            result = _product(power, result, bits, polynomial)
        power = _product(power, power, bits, polynomial)
        exponent >>= 1
    return result


def _product(left: int, right: int, bits: int, polynomial: int) -> int:
    """Left times right modulo the polynomial; the highest bit is the coefficient of 1."""
    total, place = 0, 1 << (bits - 1)
    while place and left:
        if left & place:
            total ^= right
            left ^= place
        right = right >> 1 ^ polynomial if right & 1 else right >> 1
        place >>= 1
    return total
