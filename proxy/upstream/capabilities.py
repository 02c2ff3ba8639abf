"""What stores that speak S3 do differently, as a table. A fact, never a decision: who reads it decides.

A preset departs from plain S3, or claims one of its later additions, only where the source beside it says so;
what nobody has looked up or tried stays at the default. A configuration may replace any single field.
"""

import re
from dataclasses import dataclass

from proxy.upstream.known import AWS, CEPH, GARAGE, JUICEFS, MINIO, SEAWEEDFS


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """One store. The defaults are S3 as every store has it, without what came later."""

    equal_parts: bool = False
    """Every part of a multipart upload but the last must have the same size."""
    consecutive_parts: bool = False
    """Part numbers must run from 1 without a gap."""
    checksum_trailers: bool = False
    """Takes aws-chunked uploads with an x-amz-checksum-* trailer, and refuses one that is wrong."""
    checksum_headers: bool = False
    """Refuses a body that is not what its x-amz-checksum-* header says."""
    checksum_parts: bool = False
    """Does both with parts, in an upload that was created for a checksum of the whole (FULL_OBJECT), and
    completes it without a list of them."""
    md5_etags: bool = False
    """The ETag of an object that was put in one piece, and of a part, is the MD5 of its bytes."""
    unsigned_payload: bool = True
    """Takes UNSIGNED-PAYLOAD as payload hash; where not, the body is signed, a streamed one by its chunks."""
    conditional_writes: bool = False
    """Obeys If-None-Match and If-Match on a PUT."""
    conditional_copies: bool = False
    """Obeys x-amz-copy-source-if-*."""
    largest_copy_bytes: int = 5 * 1024**3
    """What one request copies on the store at most; above it, parts are copied."""
    collapses_slashes: bool = False
    """Keeps `a//b` as `a/b` and `/a` as `a`."""
    turns_backslashes: bool = False
    """Takes a backslash in a name for a slash."""
    drops_folder_bodies: bool = False
    """Forgets the body of an object whose key ends in a slash."""
    conditional_deletes: bool = False
    """Obeys If-Match on DeleteObject, and an ETag in the body of DeleteObjects."""
    knows: frozenset[str] = frozenset()
    """Operations that change a sub-resource and that the store carries out, by S3's names. None is taken for
    granted: one that does not know the word in the query may overwrite the object or delete the bucket."""

    def stored_key(self, key: str) -> str:
        """The name under which this store keeps what is written as `key`; empty where it keeps nothing.

        A sealed object is bound to this name, since it is the one that a listing shows and that everybody
        else reads it by.
        """
        if self.turns_backslashes and "\\" in key:
            key = key.replace("\\", "/")
        if self.collapses_slashes and ("//" in key or key.startswith("/")):
            key = _SLASHES.sub("/", key).removeprefix("/")
        return key


_SLASHES = re.compile(r"//+")


# `knows` stands in proxy/upstream/known.py, with where it comes from.
# aws: its S3 user guide (conditional writes, copies and deletes; checking object integrity) and API reference
#   (trailing checksums). Its ETags are no MD5s under SSE-KMS, which a bucket may have as its default.
# minio: by its source: checkPreconditionsPUT and checkCopyObjectPreconditions in
#   cmd/object-handlers-common.go, trailers in cmd/streaming-v4-unsigned.go, checksums in internal/hash. Its
#   Complete (cmd/erasure-multipart.go) wants each part's checksum listed. ETags are MD5s, but where it
#   encrypts.
# ceph: not tried, so no claim. By its source (RGWCopyObj_ObjStore_S3::get_params in rgw_rest_s3.cc) the
#   conditions of a copy are x-amz-copy-if-*, which are not S3's names: sealed copies go through the proxy.
# seaweedfs: `sealgate check` on 4.48: a second PUT with If-None-Match and a copy with the wrong source ETag
#   got 412, a wrong checksum in a header or trailer 400, of parts too; ETags were MD5s; `a//b`, `/a` and
#   `a\b` were listed as `a/b`, `a` and `a/b`, and `a/` came back empty; a DELETE with the wrong If-Match
#   got 412.
# juicefs: its S3 gateway, the same on 1.4.2: a second PUT with If-None-Match got 200, a copy with the wrong
#   source ETag 412, `a//b` and `/a` were listed as `a/b` and `a`, `a\b` as itself; `a/` with a body got 409,
#   and an empty folder was left behind; a DELETE with the wrong If-Match went through; a wrong checksum in a
#   header went unnoticed, and ETags were MD5s.
# garage: x-amz-copy-source-if-* by its source (src/api/s3/copy.rs).
# r2: parts of one size by its page on multipart objects, conditional PutObject by its page on S3 extensions.
# b2: conditional PutObject is NotImplemented, and x-amz-checksum-* refused, by its users' reports. Its native
#   large files want part numbers from 1 without gaps; whether its S3 side does too is not known, so the
#   stricter one stands here.
# gcs: conditions only by generation number, so none of S3's.
PRESETS: dict[str, Capabilities] = {
    "aws": Capabilities(
        checksum_trailers=True,
        checksum_headers=True,
        checksum_parts=True,
        conditional_writes=True,
        conditional_copies=True,
        conditional_deletes=True,
        knows=AWS,
    ),
    "minio": Capabilities(
        checksum_trailers=True,
        checksum_headers=True,
        md5_etags=True,
        conditional_writes=True,
        conditional_copies=True,
        knows=MINIO,
    ),
    "ceph": Capabilities(knows=CEPH),
    "seaweedfs": Capabilities(
        checksum_trailers=True,
        checksum_headers=True,
        checksum_parts=True,
        md5_etags=True,
        conditional_writes=True,
        conditional_copies=True,
        collapses_slashes=True,
        turns_backslashes=True,
        drops_folder_bodies=True,
        conditional_deletes=True,
        knows=SEAWEEDFS,
    ),
    "juicefs": Capabilities(
        md5_etags=True,
        conditional_copies=True,
        collapses_slashes=True,
        drops_folder_bodies=True,
        knows=JUICEFS,
    ),
    "garage": Capabilities(conditional_copies=True, knows=GARAGE),
    "r2": Capabilities(equal_parts=True, conditional_writes=True),
    "b2": Capabilities(consecutive_parts=True),
    "gcs": Capabilities(),
    "generic": Capabilities(),
}
