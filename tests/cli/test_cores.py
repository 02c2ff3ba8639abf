"""As many workers as cores, also where a container has less than the machine."""

import os
from pathlib import Path

import pytest

from proxy.cli.cores import usable_cores

ALL = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("cpu_max", "cores"),
    [
        (None, ALL),
        ("max 100000\n", ALL),
        ("what is this", ALL),
        ("100000 0\n", ALL),
        ("50000 100000\n", 1),
        ("100000 100000\n", 1),
        ("100001 100000\n", min(2, ALL or 1)),
        ("99999900000 100000\n", ALL),
    ],
)
def test_a_quota_is_rounded_up(tmp_path: Path, cpu_max: str | None, cores: int) -> None:
    file = tmp_path / "cpu.max"
    if cpu_max is not None:
        file.write_text(cpu_max)

    assert usable_cores(file) == cores
