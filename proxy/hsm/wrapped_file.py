"""A file that holds a root key as somebody else wrapped it, in base64. Alone it opens nothing."""

import base64
import binascii
from pathlib import Path

from proxy.hsm.durable import is_there, write_new
from proxy.hsm.root import RootKeyError

REMEDY = "put the sealed_file back that `sealgate hsm init` made with this key"
_LARGEST_FILE = 8192
"""AWS's longest blob is 6144 bytes, in base64 a third more; a token's is 91."""


def read_wrapped(path: Path) -> bytes:
    """What the file holds, at least one byte. It need not be its owner's alone. Raises RootKeyError."""
    try:
        with path.open("rb") as file:
            wrapped = base64.b64decode(file.read(_LARGEST_FILE).strip(), validate=True)
    except OSError as exc:
        raise RootKeyError(f"file {path} cannot be read: {exc.strerror}") from exc
    except binascii.Error:
        wrapped = b""
    if not wrapped:
        raise RootKeyError(f"file {path} holds nothing in base64: {REMEDY}")
    return wrapped


def check_absent(path: Path) -> None:
    """Before somebody is asked to wrap what could not be written. Raises RootKeyError."""
    if is_there(path):
        raise RootKeyError(f"file {path} cannot be made: File exists")


def write_wrapped(path: Path, wrapped: bytes) -> None:
    """0600 and on the disk before this returns. Raises RootKeyError, also where a file is there."""
    try:
        write_new(path, base64.b64encode(wrapped) + b"\n")
    except OSError as exc:
        raise RootKeyError(f"file {path} cannot be made: {exc.strerror}") from exc
