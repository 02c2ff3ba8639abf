"""How many cores this process may use: what the scheduler gives it, and what its control group lets it take.

A container's share of a large machine is a quota of time, which the scheduler's mask does not show.
"""

import math
import os
import sys
from pathlib import Path

# Documentation/admin-guide/cgroup-v2.rst, "cpu.max": quota and period in microseconds, or `max`.
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(cpu_max: Path = CPU_MAX) -> int:
    """At least 1."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quota = _maybe_quota(cpu_max)
    return max(1, cores if quota is None else min(cores, math.ceil(quota)))


def _maybe_quota(cpu_max: Path) -> float | None:
    try:
        quota, period = cpu_max.read_text("ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such group, or `max`
        return None
