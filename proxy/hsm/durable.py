"""What makes a file's existence, and not only its contents, survive a loss of power."""

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """A file's name is on the disk only once its directory is. Raises OSError."""
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(held)
    finally:
        os.close(held)
