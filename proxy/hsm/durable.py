"""What makes a file's existence, and not only its contents, survive a loss of power."""

import os
import stat
from pathlib import Path


def is_there(path: Path) -> bool:
    """An empty file is not: a kill or a loss of power in the midst of write_new leaves one. A link is, also
    one that leads nowhere: a disk may be away. Raises OSError.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return found.st_size > 0 or not stat.S_ISREG(found.st_mode)


def write_new(path: Path, content: bytes) -> None:
    """Its owner's alone, and on the disk before this returns. Raises OSError, also where a file is there;
    then nothing of this one is.
    """
    if not is_there(path):
        path.unlink(missing_ok=True)
    held = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(held, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """A file's name is on the disk only once its directory is. Raises OSError."""
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(held)
    finally:
        os.close(held)
