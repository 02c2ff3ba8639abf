"""Every key of the format and how it follows from another: docs/FORMAT.md, section "The keys".

Each purpose has its own text, so no key serves two. Nothing is cached here, and nothing is random.
"""

from hmac import digest

_NAME = b"sealgate/1 name\x00"
WRAP = b"sealgate/1 wrap"
WRAP_OUTER = b"sealgate/1 wrap outer"


def expand(key: bytes, info: bytes) -> bytes:
    """HKDF-Expand (RFC 5869) for one block: the key is uniform, so there is nothing to extract."""
    return digest(key, info + b"\x01", "sha256")


def hkdf(*, salt: bytes, key: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) with 32 bytes of output."""
    return expand(digest(salt, key, "sha256"), info)


def name(bucket: str, key: bytes) -> bytes:
    """What binds a header to its object. `key` is percent-decoded, at most 65,535 bytes (S3: 1,024)."""
    bucket_bytes = bucket.encode()
    return b"".join(
        (_NAME, len(bucket_bytes).to_bytes(2, "big"), bucket_bytes, len(key).to_bytes(2, "big"), key)
    )


def envelope_key(content_key: bytes) -> bytes:
    return expand(content_key, b"sealgate/1 envelope")


def private_key(content_key: bytes) -> bytes:
    return expand(content_key, b"sealgate/1 private")


def index_key(content_key: bytes) -> bytes:
    return expand(content_key, b"sealgate/1 index")


def run_key(content_key: bytes, part: int, run_id: bytes) -> bytes:
    """Part 0 is the only run of a single-part object."""
    return expand(content_key, b"sealgate/1 run\x00" + part.to_bytes(4, "big") + run_id)


def outer_run_key(outer_content_key: bytes, part: int, run_id: bytes) -> bytes:
    return expand(outer_content_key, b"sealgate/1 outer\x00" + part.to_bytes(4, "big") + run_id)
