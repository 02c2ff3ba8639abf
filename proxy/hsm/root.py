"""Where the root key comes from: a key file, an environment variable, or a passphrase
(or AWS, or a token: aws_root.py, token_root.py).

A source gives 32 bytes, or says what is wrong with itself without showing any of them. Files must be their
owner's alone. A passphrase is stretched with scrypt (RFC 7914) over the store's own salt, at the cost the
store was made with.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from proxy.hsm.core.material import MATERIAL_SIZE, KeyMaterial
from proxy.hsm.durable import write_new

SCRYPT_COST_LOG2 = 17
"""N = 2^17, r = 8: 128 MiB and about half a second a guess (OWASP's first choice for scrypt)."""
_COSTS = range(10, 20)
"""Python bounds the memory at 2 GiB, of which 2^20 would need all."""
_SHORTEST_PASSPHRASE = 12
_LARGEST_FILE = 4096


class RootKeyError(Exception):
    """The root key could not be had. The message names the source and the remedy, never the contents."""


class RootKeyBarred(RootKeyError):
    """Asking again with the same would do harm: a token counts wrong PINs, and locks itself."""


class RootSource(Protocol):
    """str() of a source names it for the operator."""

    def root_key(self, salt: bytes, cost_log2: int) -> KeyMaterial:
        """The 32 bytes. Salt and cost are the store's, for passphrases alone. Raises RootKeyError."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """32 bytes in base64 or hexadecimal, in a file that only its owner may read."""

    path: Path

    def root_key(self, salt: bytes, cost_log2: int) -> KeyMaterial:  # noqa: ARG002 -- the protocol's; a key needs no stretching
        return _decoded(_private_text(self.path), str(self))

    def __str__(self) -> str:
        return f"file {self.path}"


@dataclass(frozen=True, slots=True)
class KeyVariable:
    """32 bytes in base64 or hexadecimal, in an environment variable."""

    name: str
    environment: Mapping[str, str] = field(repr=False)

    def root_key(self, salt: bytes, cost_log2: int) -> KeyMaterial:  # noqa: ARG002 -- the protocol's; a key needs no stretching
        return _decoded(_variable(self.name, self.environment), str(self))

    def __str__(self) -> str:
        return f"environment variable {self.name}"


@dataclass(frozen=True, slots=True)
class PassphraseFile:
    """A passphrase, in a file that only its owner may read; one line break at its end does not count."""

    path: Path

    def root_key(self, salt: bytes, cost_log2: int) -> KeyMaterial:
        return _stretched(_private_text(self.path), salt, cost_log2, str(self))

    def __str__(self) -> str:
        return f"passphrase file {self.path}"


@dataclass(frozen=True, slots=True)
class PassphraseVariable:
    """A passphrase, in an environment variable."""

    name: str
    environment: Mapping[str, str] = field(repr=False)

    def root_key(self, salt: bytes, cost_log2: int) -> KeyMaterial:
        return _stretched(_variable(self.name, self.environment), salt, cost_log2, str(self))

    def __str__(self) -> str:
        return f"passphrase in environment variable {self.name}"


_SOURCES: dict[str, Callable[[str, Mapping[str, str]], RootSource]] = {
    "file": lambda setting, _: KeyFile(Path(setting)),
    "env": KeyVariable,
    "passphrase_file": lambda setting, _: PassphraseFile(Path(setting)),
    "passphrase_env": PassphraseVariable,
}


def root_source(kind: str, setting: str, environment: Mapping[str, str]) -> RootSource:
    """The source that the configuration names: its field, that field's value. Raises RootKeyError for any
    other.
    """
    make = _SOURCES.get(kind)
    if make is None:
        raise RootKeyError(f"a root key from {kind} is not provided; choose one of {', '.join(_SOURCES)}")
    return make(setting, environment)


def write_key_file(path: Path, random: Callable[[int], bytes]) -> None:
    """A new root key, in base64, 0600 and on the disk before this returns. Raises RootKeyError where a file
    is there.
    """
    try:
        write_new(path, base64.b64encode(random(MATERIAL_SIZE)) + b"\n")
    except OSError as exc:
        raise RootKeyError(f"file {path} cannot be made: {exc.strerror}") from exc


def _private_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(_LARGEST_FILE)
    except OSError as exc:
        raise RootKeyError(f"file {path} cannot be read: {exc.strerror}") from exc
    if mode & 0o077:
        raise RootKeyError(f"file {path} is open to other users; chmod 600 it")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        # Not chained: the error would carry the file's contents.
        raise RootKeyError(f"file {path} is not text") from None


def _variable(name: str, environment: Mapping[str, str]) -> str:
    try:
        return environment[name]
    except KeyError:
        raise RootKeyError(f"environment variable {name} is not set") from None


def _decoded(text: str, source: str) -> KeyMaterial:
    digits = text.strip()
    try:
        plain = (
            bytes.fromhex(digits)
            if len(digits) == 2 * MATERIAL_SIZE
            else base64.b64decode(digits, validate=True)
        )
        return KeyMaterial(bytearray(plain))
    except (binascii.Error, ValueError):
        # Not chained: the error could quote the key.
        raise RootKeyError(f"{source}: expected {MATERIAL_SIZE} bytes in base64 or hexadecimal") from None


def _stretched(passphrase: str, salt: bytes, cost_log2: int, source: str) -> KeyMaterial:
    said = passphrase.removesuffix("\n").removesuffix("\r")
    if len(said) < _SHORTEST_PASSPHRASE:
        raise RootKeyError(f"{source}: a passphrase has at least {_SHORTEST_PASSPHRASE} characters")
    if cost_log2 not in _COSTS:
        raise RootKeyError(
            f"{source}: the store asks for an scrypt cost of 2^{cost_log2}, which is out of bounds"
        )
    try:
        raw = said.encode()
    except UnicodeEncodeError:
        # Not chained: the error would carry the passphrase.
        raise RootKeyError(f"{source}: is not text in UTF-8") from None
    cost = 1 << cost_log2
    plain = hashlib.scrypt(raw, salt=salt, n=cost, r=8, p=1, maxmem=cost * 8 * 128 * 2, dklen=MATERIAL_SIZE)
    return KeyMaterial(bytearray(plain))
