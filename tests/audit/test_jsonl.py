"""Files and pipes take whole lines, survive rotation, and never hang a thread."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.audit.sinks import jsonl
from proxy.audit.sinks.jsonl import PIPE_BUF, FileSink, StdoutSink


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    """A restart keeps what is there; strangers may not read it."""
    path = tmp_path / "audit.jsonl"
    for row in (b"one\n", b"two\n"):
        sink = FileSink(str(path))
        assert sink.write(row) == len(row)
        sink.close()

    assert path.read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


def test_half_a_line_of_a_crash_is_not_glued_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"half')
    sink = FileSink(str(path))
    sink.write(b"whole\n")
    sink.close()

    assert path.read_bytes() == b'{"half\nwhole\n'


@pytest.mark.parametrize("again", [True, False])
def test_a_rotated_file_is_opened_anew(*, again: bool, tmp_path: Path) -> None:
    """Log rotation moves the file away and may or may not make a new one."""
    path, moved = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"
    sink = FileSink(str(path))
    sink.write(b"one\n")
    path.rename(moved)
    if again:
        path.touch()
    sink.write(b"two\n")
    sink.close()

    assert (moved.read_bytes(), path.read_bytes()) == (b"one\n", b"two\n")


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileSink(str(tmp_path / "none" / "audit.jsonl"))


def test_a_full_disk_is_an_error() -> None:
    """The journal decides what then; nothing is taken for written."""
    sink = FileSink("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        sink.write(b"x\n")
    sink.close()


def pipe_sink(tmp_path: Path) -> tuple[FileSink, int]:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    return FileSink(str(path)), reader


LONG = b"z" * (PIPE_BUF + 10) + b"\n"


@pytest.mark.parametrize(
    ("lines", "taken"),
    [
        (b"a\n" * 10, 20),
        (b"a" * (PIPE_BUF - 1) + b"\n", PIPE_BUF),
        (b"a" * (PIPE_BUF - 2) + b"\n" + b"b\n", PIPE_BUF - 1),
        (b"ab\n" * PIPE_BUF, PIPE_BUF // 3 * 3),
        (LONG, PIPE_BUF),
    ],
)
def test_a_pipe_gets_whole_lines_in_one_piece(lines: bytes, taken: int, tmp_path: Path) -> None:
    """Up to PIPE_BUF bytes POSIX mixes with no other process's."""
    sink, reader = pipe_sink(tmp_path)

    assert sink.write(lines) == taken
    assert os.read(reader, 1 << 20) == lines[:taken]
    sink.close()
    os.close(reader)


def test_a_pipe_that_nobody_reads_is_left_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "STALL_MILLISECONDS", 20)
    sink, reader = pipe_sink(tmp_path)
    row = b"a" * (PIPE_BUF - 1) + b"\n"
    with pytest.raises(TimeoutError, match="nobody reads it"):
        write_for_ever(sink, row)
    sink.close()
    os.close(reader)


def write_for_ever(sink: FileSink, row: bytes) -> None:
    while True:
        sink.write(row)


def test_standard_output_gets_the_lines() -> None:
    """Beside whatever else the process prints."""
    code = """
from proxy.audit.sinks.jsonl import StdoutSink
print("hello")
sink = StdoutSink()
assert sink.write(b"one\\n") == 4
sink.close()
print("bye")
"""
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=20)

    assert made.stdout == b"hello\none\nbye\n"
    assert StdoutSink.name == "stdout"
