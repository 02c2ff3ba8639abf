"""The checksums that the pinned botocore names, computed by others' code: a new one there is noticed."""

import base64
import hashlib
import zlib
from typing import Any

from awscrt import checksums as crt
from botocore.session import get_session

MODEL: Any = get_session().get_service_model("s3")  # type: ignore[no-untyped-call]  # botocore has no annotations
KINDS: tuple[str, ...] = tuple(MODEL.shape_for("ChecksumAlgorithm").enum)
CODES = {
    "MD5": 1,
    "CRC32": 2,
    "CRC32C": 3,
    "CRC64NVME": 4,
    "SHA1": 5,
    "SHA256": 6,
    "SHA512": 7,
    "XXHASH64": 8,
    "XXHASH3": 9,
    "XXHASH128": 10,
}
"""docs/FORMAT.md's."""
OF_WHOLES = ("CRC32", "CRC32C", "CRC64NVME")
"""What can be FULL_OBJECT in an upload."""
COMPOSITES = tuple(kind for kind in KINDS if kind != "CRC64NVME")


def digest_of(kind: str, plain: bytes) -> bytes:
    """AssertionError for a kind that is new to these tests."""
    match kind:
        case "CRC32":
            return zlib.crc32(plain).to_bytes(4, "big")
        case "CRC32C":
            return crt.crc32c(plain).to_bytes(4, "big")
        case "CRC64NVME":
            return crt.crc64nvme(plain).to_bytes(8, "big")
        case "XXHASH64":
            return crt.XXHash.compute_xxhash64(plain)
        case "XXHASH3":
            return crt.XXHash.compute_xxhash3_64(plain)
        case "XXHASH128":
            return crt.XXHash.compute_xxhash3_128(plain)
        case "MD5" | "SHA1" | "SHA256" | "SHA512":
            return hashlib.new(kind.lower(), plain, usedforsecurity=False).digest()
    raise AssertionError(kind)


def told(digest: bytes) -> str:
    """As headers and elements have it."""
    return base64.b64encode(digest).decode()


def header_of(kind: str) -> str:
    return f"x-amz-checksum-{kind.lower()}"


def sums_in(answer: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in answer.items() if name.startswith("Checksum")}


def asking_for(kind: str, plain: bytes) -> dict[str, str]:
    """What has boto3 send such a checksum: it computes every kind but MD5."""
    if kind == "MD5":
        return {"ChecksumMD5": told(digest_of(kind, plain))}
    return {"ChecksumAlgorithm": kind}
