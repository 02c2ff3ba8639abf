"""A public suite where it was fetched: unpacked at one commit, never kept here, run by its own interpreter.

Its tests stay as they are. What each said is written down, one JSON line each, by the plugin in recording.py.
"""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.compatibility.outcomes import Outcome
from tests.compatibility.recording import OUTCOMES

HERE = Path(__file__).parent


class SuiteMissing(Exception):
    """There is no such commit where it was looked for."""


def unpack(place: Path, commit: str, directory: Path, *, to_get_it: str, paths: Sequence[str] = ()) -> None:
    """Out of the Git repository at `place` (with a work tree or without one); of `paths` alone, if any.

    Raises SuiteMissing.
    """
    command = ["git", "-C", str(place), "archive", commit, *paths]
    packed = subprocess.run(command, capture_output=True, check=False)
    if packed.returncode:
        raise SuiteMissing(f"{place} has no commit {commit[:12]} of the suite; to get it: {to_get_it}")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(directory, filter="data")


def python_with(environment: Path, requirements: Sequence[str], constraints: Path) -> Path:
    """The interpreter of a suite's environment, which is made where it is not there or another one."""
    python, stamp = environment / "bin" / "python", environment / ".made-from"
    made_from = "\n".join((*requirements, constraints.read_text()))
    if not stamp.exists() or stamp.read_text() != made_from:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--constraint", str(constraints), *requirements], check=True)
        stamp.write_text(made_from)
    return python


def run_pytest(
    python: Path,
    directory: Path,
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str],
    plugins: Path,
    outcomes: Path,
    seconds: float,
) -> Mapping[str, Outcome]:
    """How each test ended; what did not come to its turn in time is missing.

    `plugins` is a directory with modules for `-p` beside our own; `outcomes` the file that is written
    meanwhile.
    """
    command = [str(python), "-m", "pytest", "-q", "--tb=short", "-p", "recording", "-p", "no:cacheprovider"]
    paths = os.pathsep.join(map(str, dict.fromkeys((HERE, plugins))))
    outcomes.write_text("")
    with outcomes.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=directory,
            env={**os.environ, **environ, OUTCOMES: str(outcomes), "PYTHONPATH": paths},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"stopped after {seconds:.0f} s; {log.name} says how far it came\n")
        finally:
            _end(process)
    return read_outcomes(outcomes)


def read_outcomes(path: Path) -> dict[str, Outcome]:
    return {
        each.test: each for each in (Outcome(**json.loads(line)) for line in path.read_text().splitlines())
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """The session with its workers, whatever they wait for."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
