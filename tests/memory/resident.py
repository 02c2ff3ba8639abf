"""How much memory a service's processes have, as the kernel counts it."""

import os
from pathlib import Path

from tests.stores.sealgate import Sealgate


def resident_mib(service: Sealgate) -> float:
    """Of the supervisor and all its children."""
    return sum(_resident_kib(pid) for pid in _family(service.process.pid)) / 1024


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _resident_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
