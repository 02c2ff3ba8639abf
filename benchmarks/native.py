"""The bench's own C programs: the store that costs nothing and the generator of load. Built anew each run."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LOAD_SECONDS = 45
"""A load that takes longer is cut and counts as failed, so that the bench stays within its bound."""
_ONE = re.compile(r"(\w+)=([0-9.]+)")


class LoadFailed(Exception):
    """A server did not answer all requests with success; the text is the generator's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a load came to. Latencies are of one request, from its first byte to its answer's last."""

    done: int
    seconds: float
    bytes_received: int
    p50_us: float
    p99_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Requests to one server: `files` hold raw heads, given to the connections in turn."""

    address: str
    """A port of 127.0.0.1, or a socket's path."""
    files: Sequence[Path]
    connections: int
    requests: int
    body_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    sink: Path
    load: Path


def build(directory: Path) -> Programs:
    programs = Programs(sink=directory / "sink", load=directory / "load")
    compiler = shutil.which("cc")
    assert compiler is not None, "tools were checked before"
    for program in (programs.sink, programs.load):
        source = HERE / f"{program.name}.c"
        subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", program, source], check=True)
    return programs


def command(programs: Programs, work: Work, *, hold: bool = False) -> list[str]:
    """With `hold` the connections stay open until the program's stdin ends."""
    numbers = (work.connections, work.requests, work.body_bytes, LOAD_SECONDS, int(hold))
    return [str(programs.load), work.address, *map(str, numbers), *map(str, work.files)]


def run(programs: Programs, work: Work) -> Load:
    """Raises LoadFailed."""
    done = subprocess.run(
        command(programs, work), capture_output=True, text=True, check=False, timeout=LOAD_SECONDS + 15
    )
    if done.returncode:
        raise LoadFailed(f"{work.files[0].name}: {done.stdout}{done.stderr[:2000]}")
    return parse(done.stdout)


def parse(line: str) -> Load:
    told = {name: float(value) for name, value in _ONE.findall(line)}
    return Load(
        done=int(told["done"]),
        seconds=told["seconds"],
        bytes_received=int(told["bytes"]),
        p50_us=told["p50_us"],
        p99_us=told["p99_us"],
    )
