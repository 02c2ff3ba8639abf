"""Everything a client claims about a body's bytes, and the proof of it.

Fed the plaintext, in order. Hashes only what was claimed, each algorithm once, however many claims rest on
it. A claim is a Content-MD5, one x-amz-checksum-* header or announced trailer, or a signed payload's SHA-256
(Amazon's "Checking object integrity"). Codes are those of docs/FORMAT.md.
"""

import base64
import hashlib
import hmac
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from awscrt import checksums as crt

from proxy.s3.errors import S3Error

PREFIX = "x-amz-checksum-"
ALGORITHM_HEADER, TYPE_HEADER = "x-amz-checksum-algorithm", "x-amz-checksum-type"
MD5, SHA256 = 1, 6
_UNHASHED = re.compile(r"UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]+", re.ASCII)
_SHA256_HEX = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
# Named like checksums, but they say something about them.
_NO_VALUES = {ALGORITHM_HEADER, TYPE_HEADER, "x-amz-checksum-mode"}

Data = bytes | bytearray | memoryview


class Running(Protocol):
    """A checksum under way."""

    def update(self, data: Data, /) -> object: ...

    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    code: int
    name: str
    size: int
    """Bytes of the digest."""
    start: Callable[[], Running]

    @property
    def header(self) -> str:
        return PREFIX + self.name


class _Crc:
    """A CRC from a function (data, so far) -> value; its digest is big-endian."""

    def __init__(self, step: Callable[[Data, int], int], size: int) -> None:
        self._step, self._size, self._value = step, size, 0

    def update(self, data: Data) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XxHash:
    def __init__(self, running: crt.XXHash) -> None:
        self._running = running

    def update(self, data: Data) -> None:
        # awscrt takes no buffer that is not bytes here, views of bytes included.
        self._running.update(data if isinstance(data, bytes) else bytes(data))

    def digest(self) -> bytes:
        return bytes(self._running.finalize())


# awscrt takes every buffer, though its annotations say bytes.
_crc32c: Callable[[Data, int], int] = crt.crc32c  # type: ignore[assignment]  # annotated too narrowly
_crc64nvme: Callable[[Data, int], int] = crt.crc64nvme  # type: ignore[assignment]  # the same


def _plain_md5() -> Running:
    return hashlib.md5(usedforsecurity=False)


def _plain_sha1() -> Running:
    return hashlib.sha1(usedforsecurity=False)


# zlib's CRC32 measured twice as fast as awscrt's.
ALGORITHMS = (
    Algorithm(code=MD5, name="md5", size=16, start=_plain_md5),
    Algorithm(code=2, name="crc32", size=4, start=lambda: _Crc(zlib.crc32, 4)),
    Algorithm(code=3, name="crc32c", size=4, start=lambda: _Crc(_crc32c, 4)),
    Algorithm(code=4, name="crc64nvme", size=8, start=lambda: _Crc(_crc64nvme, 8)),
    Algorithm(code=5, name="sha1", size=20, start=_plain_sha1),
    Algorithm(code=SHA256, name="sha256", size=32, start=hashlib.sha256),
    Algorithm(code=7, name="sha512", size=64, start=hashlib.sha512),
    Algorithm(code=8, name="xxhash64", size=8, start=lambda: _XxHash(crt.XXHash.new_xxhash64())),
    Algorithm(code=9, name="xxhash3", size=8, start=lambda: _XxHash(crt.XXHash.new_xxhash3_64())),
    Algorithm(code=10, name="xxhash128", size=16, start=lambda: _XxHash(crt.XXHash.new_xxhash3_128())),
)
_BY_CODE = {algorithm.code: algorithm for algorithm in ALGORITHMS}
_BY_NAME = {algorithm.name: algorithm for algorithm in ALGORITHMS}
_BY_HEADER = {algorithm.header: algorithm for algorithm in ALGORITHMS}


def response_header(code: int, digest: bytes) -> tuple[str, str]:
    """Name and value of the header that tells a client this checksum."""
    return _BY_CODE[code].header, base64_digest(digest)


def base64_digest(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def parsed_digest(code: int, value: str) -> bytes | None:
    """The digest in a header's or element's value; None where it is none of that algorithm's."""
    digest = _base64(value.strip())
    return digest if digest is not None and len(digest) == _BY_CODE[code].size else None


def named_algorithm(headers: Mapping[str, str]) -> Algorithm | None:
    """What x-amz-checksum-algorithm names. Raises S3Error InvalidRequest where nobody here can compute it."""
    name = headers.get(ALGORITHM_HEADER)
    if name is None:
        return None
    algorithm = _BY_NAME.get(name.lower())
    if algorithm is None:
        raise S3Error(
            "InvalidRequest",
            "Checksum algorithm provided is unsupported. Please try again with any of the"
            f" valid types: [{', '.join(sorted(_BY_NAME)).upper()}]",
        )
    return algorithm


def running_checksum(code: int) -> Running:
    """A checksum of that code, of nothing yet."""
    return _BY_CODE[code].start()


class Claims:
    """The claims of one body: `update` with every plaintext byte in order, then `verify` once."""

    def __init__(self, headers: Mapping[str, str], *, compute: int | None = None) -> None:
        """`compute` is the code of a checksum that is wanted where nobody claims one.

        Raises S3Error InvalidDigest, BadDigest, InvalidRequest or InvalidArgument for what is malformed.
        """
        self._md5 = _content_md5(headers)
        self._sha256 = _payload_sha256(headers)
        self._checksums = _checksum_headers(headers)
        self.announced = _announced(headers)
        """The code of the checksum that the trailer will bring."""
        if len(self._checksums) + (self.announced is not None) > 1:
            raise _multiple()
        _check_sdk_algorithm(headers, {*self._checksums, self.announced}, other=self._md5 is not None)
        self.verified: dict[int, bytes] = {}
        """Code to digest of the x-amz-checksum-* claims, once `verify` has proven them, and of `compute`."""
        self._compute = None if self._checksums or self.announced is not None else compute
        claimed = {*self._checksums, self.announced, self._compute} - {None}
        claimed |= {MD5} if self._md5 is not None else set()
        claimed |= {SHA256} if self._sha256 is not None else set()
        self._running = {code: _BY_CODE[code].start() for code in claimed if code is not None}
        self._updates = [running.update for running in self._running.values()]

    @property
    def claimed(self) -> dict[int, bytes]:
        """Code to digest of the x-amz-checksum-* claims that came so far, proven or not."""
        return dict(self._checksums)

    @property
    def late(self) -> int | None:
        """The code of the checksum that will be known only when the whole body is."""
        return self.announced if self._compute is None else self._compute

    def update(self, plain: Data) -> None:
        for update in self._updates:
            update(plain)

    def claim_trailers(self, trailers: Mapping[str, str]) -> None:
        """The trailers that came after the body; names in lower case. They must be those announced."""
        for name, value in trailers.items():
            algorithm = _BY_HEADER.get(name)
            if algorithm is None or algorithm.code != self.announced:
                raise S3Error("MalformedTrailerError")
            self._checksums[algorithm.code] = _digest(algorithm, value)

    def verify(self) -> None:
        """Raises S3Error BadDigest, XAmzContentSHA256Mismatch, or MalformedTrailerError for a missing one."""
        if self.announced is not None and self.announced not in self._checksums:
            raise S3Error("MalformedTrailerError", "An announced trailer did not come.")
        digests = {code: running.digest() for code, running in self._running.items()}
        if self._sha256 is not None and not hmac.compare_digest(self._sha256, digests[SHA256]):
            raise S3Error(
                "XAmzContentSHA256Mismatch",
                ClientComputedContentSHA256=self._sha256.hex(),
                S3ComputedContentSHA256=digests[SHA256].hex(),
            )
        if self._md5 is not None and not hmac.compare_digest(self._md5, digests[MD5]):
            raise S3Error("BadDigest", "The Content-MD5 that you specified did not match what was received.")
        for code, claimed in self._checksums.items():
            if not hmac.compare_digest(claimed, digests[code]):
                name = _BY_CODE[code].name.upper()
                raise S3Error("BadDigest", f"The {name} that you specified did not match what we calculated.")
        self.verified = dict(self._checksums)
        if self._compute is not None:
            self.verified[self._compute] = digests[self._compute]


def _content_md5(headers: Mapping[str, str]) -> bytes | None:
    value = headers.get("content-md5")
    if value is None:
        return None
    digest = _base64(value)
    if digest is None or len(digest) != _BY_CODE[MD5].size:
        raise S3Error("InvalidDigest")
    return digest


def _payload_sha256(headers: Mapping[str, str]) -> bytes | None:
    value = headers.get("x-amz-content-sha256")
    if value is None or _UNHASHED.fullmatch(value):
        return None
    if not _SHA256_HEX.fullmatch(value):
        raise S3Error(
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- value or a SHA-256 in hexadecimal.",
            ArgumentName="x-amz-content-sha256",
        )
    return bytes.fromhex(value)


def _checksum_headers(headers: Mapping[str, str]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for name, value in headers.items():
        if name.startswith(PREFIX) and name not in _NO_VALUES:
            algorithm = _BY_HEADER.get(name)
            if algorithm is None:
                raise _unsupported(name)
            found[algorithm.code] = _digest(algorithm, value)
    return found


def _announced(headers: Mapping[str, str]) -> int | None:
    names = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",") if name.strip()]
    for name in names:
        if name not in _BY_HEADER:
            raise S3Error(
                "InvalidRequest", "The value specified in the x-amz-trailer header is not supported"
            )
    if len(names) > 1:
        raise _multiple()
    return _BY_HEADER[names[0]].code if names else None


def _check_sdk_algorithm(headers: Mapping[str, str], claimed: set[int | None], *, other: bool) -> None:
    """The SDK's note must agree with what came; a Content-MD5 may stand in for it, as in older SDKs."""
    named = headers.get("x-amz-sdk-checksum-algorithm")
    if named is None:
        return
    algorithm = _BY_NAME.get(named.lower())
    claimed = claimed - {None}
    if algorithm is None or (claimed and algorithm.code not in claimed):
        raise S3Error("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if claimed or other:
        return
    raise S3Error(
        "InvalidRequest",
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
        "headers were found.",
    )


def _digest(algorithm: Algorithm, value: str) -> bytes:
    digest = _base64(value.strip())
    if digest is None or len(digest) != algorithm.size:
        # Amazon says InvalidRequest here; Ceph, its suite and other stores say what a wrong digest gets.
        raise S3Error("BadDigest", f"Value for {algorithm.header} header is invalid.")
    return digest


def _base64(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return None


def _multiple() -> S3Error:
    return S3Error(
        "InvalidRequest",
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )


def _unsupported(name: str) -> S3Error:
    return S3Error("InvalidRequest", f"The algorithm type that you specified in {name} is not valid.")
