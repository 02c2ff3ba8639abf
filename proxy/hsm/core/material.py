"""Key bytes, held so that they are hard to show by accident.

They live in a bytearray that is overwritten when dropped. That is best effort: Python and the ciphers make
copies of their own. There is no repr of them, no pickle, no copy and no equality.
"""

import hashlib
import hmac
from typing import NoReturn

MATERIAL_SIZE = 32


class KeyMaterial:
    """32 secret bytes. Takes the bytes over: a bytearray given here is emptied, and then wiped."""

    __slots__ = ("_plain",)

    def __init__(self, plain: bytes | bytearray) -> None:
        if len(plain) != MATERIAL_SIZE:
            raise ValueError(f"key material is {MATERIAL_SIZE} bytes")
        self._plain = bytearray(plain)
        if isinstance(plain, bytearray):
            wipe(plain)

    def reveal(self) -> bytearray:
        """The bytes themselves, not a copy: for ciphers, key derivation and sealing."""
        if not self._plain:
            raise ValueError("this key material was wiped")
        return self._plain

    def derive(self, label: bytes) -> bytes:
        """A key for one purpose: HMAC-SHA256 under the material, which is HKDF's expand step (RFC 5869) for
        one block.
        """
        return hmac.digest(self.reveal(), label + b"\x01", hashlib.sha256)

    def wipe(self) -> None:
        """Overwrites the bytes; every later use is a ValueError. Idempotent."""
        wipe(self._plain)
        self._plain = bytearray()

    def __del__(self) -> None:
        wipe(getattr(self, "_plain", bytearray()))

    def __repr__(self) -> str:
        return "KeyMaterial(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("key material is not pickled")

    def __copy__(self) -> NoReturn:
        raise TypeError("key material is not copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("key material is not copied")


def wipe(plain: bytearray) -> None:
    """Overwrites in place; the length stays."""
    plain[:] = bytes(len(plain))
