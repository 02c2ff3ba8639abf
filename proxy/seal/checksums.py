"""Checksums as the format keeps them: a code, then the bytes. docs/FORMAT.md has the table of codes.

Only carried here, never computed: the code says how long each is, so that a list needs no lengths.
"""

from collections.abc import Mapping

MD5, CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, XXHASH64, XXHASH3, XXHASH128 = range(1, 11)
COMPOSITE = 0x80
"""Added to a code where the checksum is S3's COMPOSITE kind, made of the parts' checksums."""

SIZES: Mapping[int, int] = {
    MD5: 16,
    CRC32: 4,
    CRC32C: 4,
    CRC64NVME: 8,
    SHA1: 20,
    SHA256: 32,
    SHA512: 64,
    XXHASH64: 8,
    XXHASH3: 8,
    XXHASH128: 16,
}
"""Code -> bytes of the checksum."""


def checksum_size(code: int) -> int | None:
    """Bytes of a checksum with this code, COMPOSITE or not; None where the code is unknown."""
    return SIZES.get(code & ~COMPOSITE)


def pack_checksums(checksums: Mapping[int, bytes]) -> bytes:
    """By rising code. A wrong length or code is the caller's mistake: ValueError."""
    for code, checksum in checksums.items():
        if checksum_size(code) != len(checksum):
            raise ValueError(f"checksum {code} has {len(checksum)} bytes")
    return b"".join(bytes((code,)) + checksums[code] for code in sorted(checksums))


def unpack_checksums(packed: bytes) -> dict[int, bytes] | None:
    """The inverse. None where a code is unknown, out of order, or its checksum is cut."""
    found: dict[int, bytes] = {}
    place, before = 0, 0
    while place < len(packed):
        code = packed[place]
        size = checksum_size(code)
        end = place + 1 + (size or 0)
        if size is None or code <= before or end > len(packed):
            return None
        found[code] = packed[place + 1 : end]
        place, before = end, code
    return found
