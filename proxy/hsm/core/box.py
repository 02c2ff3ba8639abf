"""AES-256-GCM under a key of its own for each message.

The key of a message is derived from the long-lived one and a fresh 128-bit nonce, so no count of messages
wears the long-lived key out, and the GCM nonce can be zero: no key is used twice. Both what callers encrypt
and what the store keeps go through here; the label tells the purposes apart.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.hsm.core.material import KeyMaterial

NONCE_SIZE = 16
TAG_SIZE = 16
_ZERO = bytes(12)


class BoxDamaged(Exception):
    """Not what was sealed under this key, nonce and associated data: which of them, nobody can tell."""


def seal(key: KeyMaterial, label: bytes, nonce: bytes, plain: bytes | bytearray, associated: bytes) -> bytes:
    """TAG_SIZE longer than plain. The nonce is NONCE_SIZE random bytes, never used before under this key
    and label.
    """
    return AESGCM(key.derive(label + nonce)).encrypt(_ZERO, plain, associated)


def open_box(key: KeyMaterial, label: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    """The inverse of seal. Raises BoxDamaged."""
    try:
        return AESGCM(key.derive(label + nonce)).decrypt(_ZERO, sealed, associated)
    except InvalidTag as exc:
        raise BoxDamaged from exc
