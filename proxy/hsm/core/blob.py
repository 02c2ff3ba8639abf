"""The ciphertext blob that Encrypt and GenerateDataKey answer with, and Decrypt takes.

    magic (4) ‖ format (1) ‖ kind of id (1) ‖ key id (16) ‖ key version (u32) ‖ KDF nonce (16) ‖ CRC-32 (4)
    ‖ AES-256-GCM ciphertext ‖ tag (16)

All numbers are big-endian. The length is OVERHEAD = 62 bytes more than the plaintext: a wrapped 32-byte key
is always 94 bytes. The associated data is everything before the ciphertext, then the canonical encryption
context. The checksum proves nothing: it tells a damaged blob from a whole one under a key that is gone, so
that each gets its right error.
"""

import zlib
from dataclasses import dataclass
from uuid import UUID

from proxy.hsm.core import box
from proxy.hsm.core.errors import KmsError
from proxy.hsm.core.material import KeyMaterial

MAGIC = b"\xf6SGK"
"""Not UTF-8, not base64, and not how AWS's own blobs begin."""
FORMAT = 1
PLAINTEXT_LIMIT = 4096
"""Of Encrypt: AWS's PlaintextType."""
HEAD_SIZE = 46
OVERHEAD = HEAD_SIZE + box.TAG_SIZE

_LABEL = b"sealgate kms blob 1"
_UUID_KIND, _MULTI_REGION_KIND = 0, 1
_MULTI_REGION_PREFIX = "mrk-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A blob taken apart; nothing in it is proven until it is opened."""

    key_id: str
    version: int
    nonce: bytes
    head: bytes
    sealed: bytes


def seal_blob(
    key_id: str, version: int, material: KeyMaterial, *, nonce: bytes, plain: bytes, context: bytes
) -> bytes:
    """A new blob. `context` is context_bytes; the nonce is 16 fresh random bytes."""
    head = _head(key_id, version, nonce)
    return head + box.seal(material, _LABEL, nonce, plain, head + context)


def parse_blob(blob: bytes) -> Blob:
    """Raises InvalidCiphertextException for what no HSM of ours made, or what was cut or damaged in its
    head.
    """
    head, sealed = blob[:HEAD_SIZE], blob[HEAD_SIZE:]
    if len(sealed) <= box.TAG_SIZE or head[:4] != MAGIC or head[4] != FORMAT:
        raise KmsError("InvalidCiphertextException")
    if zlib.crc32(head[:-4]).to_bytes(4) != head[-4:] or head[5] not in (_UUID_KIND, _MULTI_REGION_KIND):
        raise KmsError("InvalidCiphertextException")
    return Blob(
        key_id=_key_id(head[5], head[6:22]),
        version=int.from_bytes(head[22:26]),
        nonce=head[26:42],
        head=head,
        sealed=sealed,
    )


def open_blob(blob: Blob, material: KeyMaterial, context: bytes) -> bytes:
    """The plaintext. InvalidCiphertextException where blob, context or material is not what it was sealed
    with.
    """
    try:
        return box.open_box(material, _LABEL, blob.nonce, blob.sealed, blob.head + context)
    except box.BoxDamaged as exc:
        raise KmsError("InvalidCiphertextException") from exc


def _head(key_id: str, version: int, nonce: bytes) -> bytes:
    multi_region = key_id.startswith(_MULTI_REGION_PREFIX)
    raw_id = bytes.fromhex(key_id.removeprefix(_MULTI_REGION_PREFIX).replace("-", ""))
    kind = _MULTI_REGION_KIND if multi_region else _UUID_KIND
    head = MAGIC + bytes((FORMAT, kind)) + raw_id + version.to_bytes(4) + nonce
    return head + zlib.crc32(head).to_bytes(4)


def _key_id(kind: int, raw_id: bytes) -> str:
    return _MULTI_REGION_PREFIX + raw_id.hex() if kind == _MULTI_REGION_KIND else str(UUID(bytes=raw_id))
