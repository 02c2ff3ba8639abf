"""JSON lines to a file or to standard output.

Several processes may write to the same place: a file is opened for appending and gets a batch in one call; a
pipe gets whole lines of at most PIPE_BUF bytes together, which POSIX keeps in one piece. A pipe that nobody
reads is left after a bounded wait, so that no thread hangs in it. A file that was moved away or removed (log
rotation) is opened anew.
"""

import os
import select
import stat
import sys
from pathlib import Path

PIPE_BUF = select.PIPE_BUF
STALL_MILLISECONDS = 1000
FILE_MODE = 0o640
"""Its group may read it: log collectors do."""


class FileSink:
    """Appends to the file at path, made where it is missing. Opening raises OSError."""

    def __init__(self, path: str) -> None:
        self.name = path
        self._descriptor = _opened(path)

    def write(self, lines: bytes) -> int:
        self._follow()
        return _write(self._descriptor, lines)

    def close(self) -> None:
        """Synced to the disk, as far as it is on one."""
        try:
            if stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)

    def _follow(self) -> None:
        """Open the path again where it names another file than the one that is open."""
        try:
            there = Path(self.name).stat()
        except FileNotFoundError:
            there = None
        if there is None or not os.path.samestat(there, os.fstat(self._descriptor)):
            opened = _opened(self.name)
            os.close(self._descriptor)
            self._descriptor = opened


class StdoutSink:
    """Standard output, as it was when the sink was made."""

    name = "stdout"

    def __init__(self) -> None:
        sys.stdout.flush()
        self._descriptor = os.dup(sys.__stdout__.fileno() if sys.__stdout__ else 1)

    def write(self, lines: bytes) -> int:
        return _write(self._descriptor, lines)

    def close(self) -> None:
        os.close(self._descriptor)


def _opened(path: str) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    if not _ends_whole(path, descriptor):
        os.write(descriptor, b"\n")
    return descriptor


def _ends_whole(path: str, descriptor: int) -> bool:
    """False where a crash left half a line, which the next record must not be glued to."""
    size = os.fstat(descriptor).st_size
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) or size == 0:
        return True
    with Path(path).open("rb") as file:
        file.seek(size - 1)
        return file.read(1) == b"\n"


def _write(descriptor: int, lines: bytes) -> int:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.write(descriptor, lines)
    waiting = select.poll()
    waiting.register(descriptor, select.POLLOUT)
    if not waiting.poll(STALL_MILLISECONDS):
        raise TimeoutError("nobody reads it")
    return os.write(descriptor, lines[: _piece(lines)])


def _piece(lines: bytes) -> int:
    """As many whole lines as a pipe takes in one piece; of a longer line, its first PIPE_BUF bytes."""
    return len(lines) if len(lines) <= PIPE_BUF else lines.rfind(b"\n", 0, PIPE_BUF) + 1 or PIPE_BUF
