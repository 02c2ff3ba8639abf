"""What makes a file's existence, and not only its contents, survive a loss of power."""

import os
from pathlib import Path


def write_new(path: Path, content: bytes) -> None:
    """Its owner's alone, and on the disk before this returns. Raises OSError, also where a file is there."""
    held = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(held, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """A file's name is on the disk only once its directory is. Raises OSError."""
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(held)
    finally:
        os.close(held)
