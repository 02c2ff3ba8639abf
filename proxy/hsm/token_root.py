"""A root key that a PKCS#11 token opens: 32 bytes that lie sealed in a file, under a key of the token's own.

The file is HEADER, a nonce of 12 bytes, and what AES-256-GCM made of the root key with the header as
associated data, the tag of 16 bytes last. `sealgate hsm init` writes it; each opening of the store has the
token open it. The root key itself comes here: this is where KMS keys are used.
"""

import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from proxy.hsm.core.material import MATERIAL_SIZE, KeyMaterial
from proxy.hsm.root import RootKeyBarred, RootKeyError
from proxy.hsm.token import AesKey, NotSealedHere, PinRefused, TokenKey, TokenRefused, opened
from proxy.hsm.wrapped_file import REMEDY, check_absent, read_wrapped, write_wrapped

HEADER = b"sealgate hsm-root-key pkcs11 1\n"
NONCE_SIZE, TAG_SIZE = 12, 16
_SIZE = len(HEADER) + NONCE_SIZE + MATERIAL_SIZE + TAG_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRoot:
    """A RootSource."""

    place: TokenKey
    sealed_file: Path

    def root_key(self, salt: bytes, cost_log2: int) -> KeyMaterial:  # noqa: ARG002 -- the protocol's; a key needs no stretching
        """Waits for the token as long as its module does."""
        held = read_wrapped(self.sealed_file)
        if len(held) != _SIZE or not held.startswith(HEADER):
            raise RootKeyError(f"file {self.sealed_file} holds no root key that a token sealed: {REMEDY}")
        after = len(HEADER) + NONCE_SIZE
        with self._key() as key:
            try:
                return KeyMaterial(bytearray(key.open(held[after:], held[len(HEADER) : after], HEADER)))
            except NotSealedHere:
                raise RootKeyError(
                    f"{self}: the file was altered, or sealed under another key: {REMEDY}"
                ) from None

    def make(self, random: Callable[[int], bytes]) -> None:
        """A new root key, sealed, 0600 and on the disk before this returns; its key too, where the token has
        none of that label yet.

        It is opened once before: a token that chose a nonce of its own is found out now. Raises RootKeyError,
        also where a file is there.
        """
        check_absent(self.sealed_file)
        plain, nonce = random(MATERIAL_SIZE), random(NONCE_SIZE)
        with self._key(make=True) as key:
            sealed = key.seal(plain, nonce, HEADER)
            try:
                proven = hmac.compare_digest(key.open(sealed, nonce, HEADER), plain)
            except NotSealedHere:
                proven = False
        if not proven or len(sealed) != MATERIAL_SIZE + TAG_SIZE:
            raise RootKeyError(
                f"{self}: the token does not open what it sealed: take one that uses the nonce it is given"
            )
        write_wrapped(self.sealed_file, HEADER + nonce + sealed)

    def __str__(self) -> str:
        return f"PKCS#11 token {self.place.token} (key {self.place.key}, file {self.sealed_file})"

    @contextmanager
    def _key(self, *, make: bool = False) -> Iterator[AesKey]:
        try:
            with opened(self.place, make=make) as key:
                yield key
        except PinRefused as exc:
            raise RootKeyBarred(f"{self}: {exc}") from None
        except TokenRefused as exc:
            raise RootKeyError(f"{self}: {exc}") from None
