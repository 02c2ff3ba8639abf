"""What a target's processes cost, as the kernel counts it, and the pinning of both sides to a core each.

A target is a process with all its children.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

TARGET_CORE, TOOL_CORE = 0, 1
STOP_SECONDS = 10


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started inside runs on this core alone; children inherit it from us."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, *, core: int, environ: Mapping[str, str] | None = None
) -> Iterator[int]:
    """A program's process id, for as long as it is needed."""
    with log.open("ab") as output, pinned(core):
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environ
        )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time since each began, to the nanosecond; /proc/PID/stat has but ticks of 10 ms.

    clock_getcpuclockid(3): the clock of a process is named by its id's complement.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def resident_bytes(pids: Sequence[int], field: str = "VmRSS") -> int:
    """`VmHWM` is the most that it ever was since `forget_peak`."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                total += int(line.split()[1]) * 1024
    return total


def forget_peak(pids: Sequence[int]) -> None:
    """proc(5), clear_refs: 5 sets the peak back to what is resident now."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
