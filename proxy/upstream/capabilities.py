"""What stores that speak S3 do differently, as a table. A fact, never a decision: who reads it decides.

A preset departs from plain S3, or claims one of its later additions, only where the source beside it says so;
what nobody has looked up or tried stays at the default. A configuration may replace any single field.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One store. The defaults are S3 as every store has it, without what came later."""

    equal_parts: bool = False
    """Every part of a multipart upload but the last must have the same size."""
    consecutive_parts: bool = False
    """Part numbers must run from 1 without a gap."""
    checksum_trailers: bool = False
    """Takes aws-chunked uploads with an x-amz-checksum-* trailer."""
    unsigned_payload: bool = True
    """Takes UNSIGNED-PAYLOAD as payload hash; where not, the body's SHA-256 has to be signed."""
    conditional_writes: bool = False
    """Obeys If-None-Match and If-Match on a PUT."""
    conditional_copies: bool = False
    """Obeys x-amz-copy-source-if-*."""
    rewrites_keys: bool = False
    """Keeps an object under another name than the one given: `a//b` and `/a` lose a slash, `a\\b` turns."""
    drops_folder_bodies: bool = False
    """Forgets the body of an object whose key ends in a slash."""


# aws: its S3 user guide (conditional writes, conditional copies) and API reference (trailing checksums).
# minio, ceph: nothing looked up or tried yet, so no claim.
# seaweedfs: all tried on 4.48: a second PUT with If-None-Match and a copy with the wrong source ETag got 412,
#   `a//b`, `/a` and `a\b` were listed as `a/b`, `a` and `a/b`, and `a/` came back empty.
# garage: x-amz-copy-source-if-* by its source (src/api/s3/copy.rs).
# r2: parts of one size by its page on multipart objects, conditional PutObject by its page on S3 extensions.
# b2: no conditional PutObject and no x-amz-checksum-* by its users' reports. Its native large files want part
#   numbers from 1 without gaps; whether its S3 side does too is not known, so the stricter one stands here.
# gcs: conditions only by generation number, so none of S3's.
PRESETS: dict[str, Capabilities] = {
    "aws": Capabilities(checksum_trailers=True, conditional_writes=True, conditional_copies=True),
    "minio": Capabilities(),
    "ceph": Capabilities(),
    "seaweedfs": Capabilities(
        conditional_writes=True, conditional_copies=True, rewrites_keys=True, drops_folder_bodies=True
    ),
    "garage": Capabilities(conditional_copies=True),
    "r2": Capabilities(equal_parts=True, conditional_writes=True),
    "b2": Capabilities(consecutive_parts=True),
    "gcs": Capabilities(),
    "generic": Capabilities(),
}
