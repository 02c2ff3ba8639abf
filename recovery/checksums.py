"""Checksums of the plaintext, as header and index keep them (docs/FORMAT.md, "The header").

They are handed back as they are: the segments' tags prove the plaintext, so nothing here depends on them.
"""

from recovery.errors import RecoveryError
from recovery.reader import Reader

COMPOSITE = 0x80
"""Added to a code where the checksum is S3's COMPOSITE kind, made from the parts' checksums."""

ALGORITHMS = {
    1: ("MD5", 16),
    2: ("CRC32", 4),
    3: ("CRC32C", 4),
    4: ("CRC64NVME", 8),
    5: ("SHA-1", 20),
    6: ("SHA-256", 32),
    7: ("SHA-512", 64),
    8: ("XXHASH64", 8),
    9: ("XXHASH3", 8),
    10: ("XXHASH128", 16),
}
"""Code -> name and bytes."""


def checksum_size(code: int, what: str, error: type[RecoveryError]) -> int:
    """How many bytes a checksum of this code has. An unknown code is a reason to refuse."""
    known = ALGORITHMS.get(code & ~COMPOSITE)
    if known is None:
        raise error(f"{what}: no checksum has the code {code:02X}")
    return known[1]


def read_checksums(data: bytes, what: str, error: type[RecoveryError]) -> dict[int, bytes]:
    """Checksum by code. Codes rise strictly."""
    reader = Reader(data, what, error)
    found: dict[int, bytes] = {}
    before = -1
    while reader:
        code = reader.number(1)
        if code <= before:
            raise error(f"{what}: code {code:02X} follows code {before:02X}, and codes rise strictly")
        found[code] = reader.take(checksum_size(code, what, error))
        before = code
    return found
