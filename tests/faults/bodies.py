"""Uploads with one thing wrong, by name: what is signed, what is sent, and what S3 answers.

Each is made for any plaintext, so that the same fault can strike a body that is held and one that streams.
Chunk signatures are those of tests/e2e/wire.py, after Amazon's pages.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.e2e.wire import (
    SIGNED_CHUNKS,
    SIGNED_CHUNKS_TRAILER,
    UNSIGNED,
    UNSIGNED_TRAILER,
    _Chain,
    _chunk,
    _trailer,
    sign,
)
from tests.stores.sealgate import ALICE

CHUNK = 65_536
CRC32 = "x-amz-checksum-crc32"
DIGEST_BYTES = {"crc32": 4, "crc32c": 4, "crc64nvme": 8, "sha1": 20, "sha256": 32}
INCOMPLETE = (400, "IncompleteBody")
BAD_DIGEST = (400, "BadDigest")
MISMATCH = (403, "SignatureDoesNotMatch")
NO_LENGTH = (411, "MissingContentLength")
MISCODED = (400, "InvalidRequest")
BAD_TRAILER = (400, "MalformedTrailerError")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What goes on the wire; the client stops sending where it ends."""

    headers: Mapping[str, str]
    body: bytes


Wrong = Callable[[str, bytes], Upload]
"""Given URL and plaintext."""


def crc32(plain: bytes) -> str:
    return base64.b64encode(zlib.crc32(plain).to_bytes(4, "big")).decode()


def whole(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    payload: str = UNSIGNED,
    length: int | None = None,
) -> Upload:
    """A body without coding. `length` is what it claims to have; by default what it has."""
    signed = sign("PUT", url, headers or {}, payload_hash=payload)
    declared = len(body) if length is None else length
    return Upload(headers={"Content-Length": str(declared), **signed}, body=body)


def with_header(name: str, value: str) -> Wrong:
    return lambda url, plain: whole(url, plain, headers={name: value})


def coded(
    coding: str,
    *,
    claimed: Callable[[bytes], str] = crc32,
    decoded: Callable[[int], int | None] = lambda length: length,
    change: Callable[[bytes], bytes] = lambda body: body,
    announced: str = CRC32,
    length: Callable[[int], int] = lambda sent: sent,
) -> Wrong:
    """aws-chunked, right but for what is given.

    The trailer's value is claimed(plain), its announced name `announced`; `decoded` gives the declared length
    of the plaintext, None none at all; `change` happens to the coded bytes; `length` to Content-Length.
    """

    def upload(url: str, plain: bytes) -> Upload:
        trailer = None if coding == SIGNED_CHUNKS else (CRC32, claimed(plain))
        told = decoded(len(plain))
        head = {"content-encoding": "aws-chunked"}
        head |= {"x-amz-trailer": announced} if trailer and announced else {}
        head |= {} if told is None else {"x-amz-decoded-content-length": str(told)}
        signed = sign("PUT", url, head, payload_hash=coding)
        chain = None if coding == UNSIGNED_TRAILER else _Chain(signed, ALICE)
        chunks = [*(plain[at : at + CHUNK] for at in range(0, len(plain), CHUNK)), b""]
        body = change(b"".join(_chunk(each, chain) for each in chunks) + _trailer(trailer, chain) + b"\r\n")
        return Upload(headers={"Content-Length": str(length(len(body))), **signed}, body=body)

    return upload


def signature(which: int) -> Callable[[bytes], bytes]:
    """The chunk's signature, by its place from either end, with its last digit changed."""

    def change(body: bytes) -> bytes:
        at = [found.end() - 1 for found in re.finditer(rb"chunk-signature=[0-9a-f]{64}", body)][which]
        return body[:at] + (b"1" if body[at : at + 1] == b"0" else b"0") + body[at + 1 :]

    return change


def flipped(at: float) -> Callable[[bytes], bytes]:
    """A byte of the data, at this part of the body, changed."""

    def change(body: bytes) -> bytes:
        place = int(len(body) * at)
        return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]

    return change


def replaced(pattern: bytes, by: bytes) -> Callable[[bytes], bytes]:
    """The last place where pattern stands."""

    def change(body: bytes) -> bytes:
        found = list(re.finditer(pattern, body))[-1]
        return body[: found.start()] + by + body[found.end() :]

    return change


def _cut(keep: Callable[[int], int]) -> Callable[[bytes], bytes]:
    return lambda body: body[: keep(len(body))]


def _other_sha256(_: bytes) -> str:
    return hashlib.sha256(b"other").hexdigest()


def _right_sha256(plain: bytes) -> str:
    return hashlib.sha256(plain).hexdigest()


PLAIN_FAULTS: dict[str, tuple[Wrong, tuple[int, str]]] = {
    "longer than declared": (
        lambda url, plain: whole(url, plain, payload=_right_sha256(plain), length=len(plain) - 1),
        (400, "XAmzContentSHA256Mismatch"),
    ),
    "hash": (
        lambda url, plain: whole(url, plain, payload=_other_sha256(plain)),
        (400, "XAmzContentSHA256Mismatch"),
    ),
    "no hash": (lambda url, plain: whole(url, plain, payload="hash"), (400, "InvalidArgument")),
    "Content-MD5": (with_header("content-md5", base64.b64encode(bytes(16)).decode()), BAD_DIGEST),
    "no Content-MD5": (with_header("content-md5", "AAAA"), (400, "InvalidDigest")),
    **{
        name: (with_header(f"x-amz-checksum-{name}", base64.b64encode(bytes(size)).decode()), BAD_DIGEST)
        for name, size in DIGEST_BYTES.items()
    },
    "no checksum": (with_header(CRC32, "AAAA"), (400, "BadDigest")),
    "no length": (
        lambda url, _: Upload(headers=sign("PUT", url, {}, payload_hash=UNSIGNED), body=b""),
        NO_LENGTH,
    ),
}

CODED_FAULTS: dict[str, tuple[Wrong, tuple[int, str]]] = {
    "first chunk's signature": (coded(SIGNED_CHUNKS, change=signature(0)), MISMATCH),
    "second chunk's signature": (coded(SIGNED_CHUNKS, change=signature(1)), MISMATCH),
    "last chunk's signature": (coded(SIGNED_CHUNKS, change=signature(-2)), MISMATCH),
    "end's signature": (coded(SIGNED_CHUNKS, change=signature(-1)), MISMATCH),
    "first chunk's data": (coded(SIGNED_CHUNKS, change=flipped(0.02)), MISMATCH),
    "last chunk's data": (coded(SIGNED_CHUNKS, change=flipped(0.99)), MISMATCH),
    "unsigned chunk": (
        coded(SIGNED_CHUNKS, change=replaced(rb";chunk-signature=[0-9a-f]{64}", b"")),
        MISCODED,
    ),
    "end's signature before trailers": (coded(SIGNED_CHUNKS_TRAILER, change=signature(-1)), MISMATCH),
    "trailers' signature": (
        coded(
            SIGNED_CHUNKS_TRAILER,
            change=replaced(rb"trailer-signature:.{64}", b"trailer-signature:" + b"0" * 64),
        ),
        MISMATCH,
    ),
    "trailers unsigned": (
        coded(SIGNED_CHUNKS_TRAILER, change=replaced(rb"x-amz-trailer-signature:.*\r\n", b"")),
        BAD_TRAILER,
    ),
    "signed trailer's checksum": (
        coded(SIGNED_CHUNKS_TRAILER, claimed=lambda _: crc32(b"other")),
        BAD_DIGEST,
    ),
    "trailer's checksum": (coded(UNSIGNED_TRAILER, claimed=lambda _: crc32(b"other")), BAD_DIGEST),
    "data under a trailer": (coded(UNSIGNED_TRAILER, change=flipped(0.5)), BAD_DIGEST),
    "trailer missing": (
        coded(UNSIGNED_TRAILER, change=replaced(rb"x-amz-checksum-crc32:.*\r\n", b"")),
        BAD_TRAILER,
    ),
    "trailer of another name": (coded(UNSIGNED_TRAILER, announced="x-amz-checksum-sha256"), BAD_TRAILER),
    "trailer not announced": (coded(UNSIGNED_TRAILER, announced=""), BAD_TRAILER),
    "no end, as declared": (coded(UNSIGNED_TRAILER, change=_cut(lambda size: size - 44)), INCOMPLETE),
    "cut in a chunk, as declared": (coded(SIGNED_CHUNKS, change=_cut(lambda size: size // 2)), INCOMPLETE),
    "cut in the last line, as declared": (
        coded(SIGNED_CHUNKS, change=_cut(lambda size: size - 1)),
        INCOMPLETE,
    ),
    "cut at a chunk's border": (
        coded(SIGNED_CHUNKS, change=lambda body: body[: body.rindex(b"0;chunk-signature=")]),
        INCOMPLETE,
    ),
    "more than the decoded length": (coded(SIGNED_CHUNKS, decoded=lambda size: size - 1), INCOMPLETE),
    "less than the decoded length": (coded(SIGNED_CHUNKS, decoded=lambda size: size + 1), INCOMPLETE),
    "less than the decoded length, unsigned": (
        coded(UNSIGNED_TRAILER, decoded=lambda size: size + CHUNK),
        INCOMPLETE,
    ),
    "no decoded length": (coded(SIGNED_CHUNKS, decoded=lambda _: None), NO_LENGTH),
    "decoded length below zero": (coded(SIGNED_CHUNKS, decoded=lambda size: -size), (400, "InvalidArgument")),
    "size of a chunk": (coded(UNSIGNED_TRAILER, change=lambda body: b"zz" + body[2:]), MISCODED),
    "size beyond 64 bits": (coded(UNSIGNED_TRAILER, change=lambda body: b"f" * 20 + body), MISCODED),
    "not in chunks at all": (coded(UNSIGNED_TRAILER, change=lambda body: b"x" * len(body)), MISCODED),
    "more behind the end": (coded(SIGNED_CHUNKS, change=lambda body: body + b"more"), INCOMPLETE),
}
FAULTS = {**PLAIN_FAULTS, **{f"aws-chunked: {name}": fault for name, fault in CODED_FAULTS.items()}}
