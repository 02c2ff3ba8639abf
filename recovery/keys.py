"""The steps from a data key to every other key (docs/FORMAT.md, "Notation" and "The keys").

Pure functions of bytes; each stands for one line of the page.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY = 32
SALT = 16
ONLY_NONCE = bytes(12)
"""For a key that encrypts one thing in its life: a content key, an index."""

WRAP = b"sealgate/1 wrap"
WRAP_OUTER = b"sealgate/1 wrap outer"
RUN = b"sealgate/1 run"
OUTER_RUN = b"sealgate/1 outer"
PRIVATE = b"sealgate/1 private"


def mac(key: bytes, text: bytes) -> bytes:
    """HMAC-SHA256: the page's HMAC(key, text)."""
    return hmac.digest(key, text, hashlib.sha256)


def expand(key: bytes, info: bytes) -> bytes:
    """HKDF-Expand alone, one block: what the page calls expand."""
    return mac(key, info + b"\x01")


def name_of(bucket: str, key: bytes) -> bytes:
    """name(bucket, key): both with their lengths, so that no other two names give the same bytes."""
    parts = (bucket.encode(), key)
    return b"sealgate/1 name\x00" + b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def open_gcm(key: bytes, nonce: bytes, sealed: bytes, aad: bytes = b"") -> bytes:
    """The plaintext of GCM(key, nonce, plaintext, aad). Raises cryptography's InvalidTag."""
    return AESGCM(key).decrypt(nonce, sealed, aad)


def unwrap_content_key(data_key: bytes, wrapped: bytes, name: bytes, info: bytes) -> bytes:
    """A content key from its 64 wrapped bytes; `info` tells the layers apart. Raises InvalidTag."""
    salt, sealed = wrapped[:SALT], wrapped[SALT:]
    wrap_key = HKDF(algorithm=hashes.SHA256(), length=KEY, salt=salt, info=info).derive(data_key)
    return open_gcm(wrap_key, ONLY_NONCE, sealed, name)


def envelope_key(content_key: bytes) -> bytes:
    """The key of the header's seal."""
    return expand(content_key, b"sealgate/1 envelope")


def private_key(content_key: bytes) -> bytes:
    """The key of field 0B."""
    return expand(content_key, PRIVATE)


def index_key(content_key: bytes) -> bytes:
    """The key of the index: of its id, and of the key that encrypts it."""
    return expand(content_key, b"sealgate/1 index")


def run_key(content_key: bytes, label: bytes, part: int, run_id: bytes) -> bytes:
    """The key of one run: of its segments with RUN, of the outer layer with OUTER_RUN and its own key."""
    return expand(content_key, label + b"\x00" + part.to_bytes(4, "big") + run_id)
