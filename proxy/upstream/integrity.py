"""How the store is made to check what it receives: which checksum goes along, or is compared.

Decides only. Every body is sealed, so what is checked here is the way between the proxy and the store's disk:
a byte that is lost there would be found when the object is read, which is too late.
"""

import base64
import hashlib
from collections.abc import Mapping
from enum import StrEnum

from awscrt import checksums

from proxy.upstream.capabilities import Capabilities
from proxy.upstream.messages import Request

CHECKSUM_HEADER = "x-amz-checksum-crc32c"
ALGORITHM = {"x-amz-sdk-checksum-algorithm": "CRC32C"}
"""S3 asks for it where a body that is held by a lock has no Content-MD5."""
# What an object's bytes are sent with; a PUT with another word in its query is about a setting.
_OF_DATA = frozenset({"", "partNumber", "uploadId", "x-id"})
_BROUGHT = frozenset({"content-md5", CHECKSUM_HEADER, "x-amz-trailer"})

Body = bytes | bytearray | memoryview


class Integrity(StrEnum):
    NONE = "none"
    CHECKSUM = "checksum"
    """A CRC32C goes along: in a header where the body is held, else behind it. The store compares."""
    MD5 = "md5"
    """Content-MD5 goes along where the body is held; else its MD5 is compared with the answer's ETag."""


NEEDS: Mapping[Integrity, tuple[str, ...]] = {
    Integrity.NONE: (),
    Integrity.CHECKSUM: ("checksum_headers", "checksum_trailers", "unsigned_payload"),
    Integrity.MD5: ("md5_etags",),
}
"""What the store must be capable of."""


def lacking(integrity: Integrity, capabilities: Capabilities) -> tuple[str, ...]:
    """The capabilities that it needs and that the store has not."""
    return tuple(name for name in NEEDS[integrity] if not getattr(capabilities, name))


def usual_integrity(capabilities: Capabilities) -> Integrity:
    """Where the configuration says nothing: what costs next to nothing, else nothing."""
    return Integrity.NONE if lacking(Integrity.CHECKSUM, capabilities) else Integrity.CHECKSUM


def upload_headers(integrity: Integrity, capabilities: Capabilities) -> dict[str, str]:
    """What CreateMultipartUpload has to say, so that the store takes checksums of parts."""
    if integrity is not Integrity.CHECKSUM or not capabilities.checksum_parts:
        return {}
    return {"x-amz-checksum-algorithm": "CRC32C", "x-amz-checksum-type": "FULL_OBJECT"}


def is_checked(request: Request, integrity: Integrity, capabilities: Capabilities) -> bool:
    """Whether this request's body is an object's or a part's, and nothing is sent along with it already."""
    if request.method != "PUT" or not _BROUGHT.isdisjoint(request.headers):
        return False
    words = {pair.partition("=")[0] for pair in request.query.split("&")}
    if not words <= _OF_DATA:
        return False
    return "partNumber" not in words or integrity is Integrity.MD5 or capabilities.checksum_parts


def is_part(request: Request) -> bool:
    return "partNumber=" in request.query


def checked_headers(integrity: Integrity, body: Body) -> dict[str, str]:
    """What goes along with a body that is held."""
    if integrity is Integrity.CHECKSUM:
        return {CHECKSUM_HEADER: told(crc32c(body)), **ALGORITHM}
    return {"content-md5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()}


def crc32c(data: Body, before: int = 0) -> int:
    # awscrt takes every buffer, though its annotations say bytes.
    return checksums.crc32c(data, before)  # type: ignore[arg-type]  # annotated too narrowly


def told(crc: int) -> str:
    """As headers and trailers have it."""
    return base64.b64encode(crc.to_bytes(4, "big")).decode()
