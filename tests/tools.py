"""Programs that tests start: those of requirements.lock, and Debian's, whose packages tests/apt.txt names.

A test that misses a Debian program skips on a laptop and fails where CI is set. Either way it says the line
that installs it.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

PACKAGES = frozenset(Path(__file__).with_name("apt.txt").read_text().split())
BIN = Path(sys.executable).parent


def installed(program: str) -> str:
    """The path of a program that `make install` brings."""
    path = shutil.which(program, path=str(BIN))
    assert path is not None, f"{program} is not there; run `make install`"
    return path


def debian(program: str, *, package: str = "") -> str:
    """The path of a program of a Debian package, which has the program's name where none is given."""
    package = package or program
    assert package in PACKAGES, f"{package} stands in tests/apt.txt"
    path = shutil.which(program)
    if path is not None:
        return path
    line = f"{program} is not there: apt-get install -y {package}"
    if os.environ.get("CI"):
        pytest.fail(line, pytrace=False)
    pytest.skip(line)
