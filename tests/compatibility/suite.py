"""The Ceph project's S3 compatibility suite, where it was fetched: unpacked at one commit, never kept here.

It runs in a virtual environment of its own, made from its requirements, with the versions of constraints.txt.
"""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.compatibility.outcomes import Outcome
from tests.compatibility.recording import OUTCOMES

UPSTREAM = "https://github.com/ceph/s3-tests"
COMMIT = "8f0ae7b404a3a2fcf7038bf1e6bf29544fe9b6a3"
TO_GET_IT = f"git clone {UPSTREAM} && git -C s3-tests checkout {COMMIT}"
HERE = Path(__file__).parent
CONSTRAINTS = HERE / "constraints.txt"

FILES = ("test_headers.py", "test_s3.py")
"""The others test other services on the same port (IAM, STS, SNS) and S3 Select."""
NOT_RUN = "lifecycle_expiration or lifecycle_transition or cloud_transition or cloud_restore"
"""They wait minutes each for the store's own clock, which no proxy turns."""
TEST_SECONDS = 180


class SuiteMissing(Exception):
    """There is no such commit where it was looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    directory: Path
    python: Path

    def run(
        self, config: Path, outcomes: Path, *, jobs: int, seconds: float, chosen: Sequence[str] = ()
    ) -> Mapping[str, Outcome]:
        """How each test ended; what did not come to its turn in time is missing.

        `chosen` are tests by name, `outcomes` the file that is written meanwhile.
        """
        tests = [f"s3tests/functional/{each}" for each in (chosen or FILES)]
        environ = {**os.environ, "S3TEST_CONF": str(config), OUTCOMES: str(outcomes), "PYTHONPATH": str(HERE)}
        command = [
            str(self.python),
            "-m",
            "pytest",
            "-q",
            "--tb=short",
            "-p",
            "recording",
            "-p",
            "no:cacheprovider",
        ]
        command += ["-m", f"not ({NOT_RUN})", "-n", str(jobs), "--timeout", str(TEST_SECONDS)]
        outcomes.touch()
        with outcomes.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(
                [*command, *tests],
                cwd=self.directory,
                env=environ,
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


def prepare(place: Path, directory: Path, environment: Path) -> Suite:
    """Unpack the suite from the Git repository at `place` (with a work tree or without one) into `directory`.

    Raises SuiteMissing.
    """
    packed = subprocess.run(["git", "-C", str(place), "archive", COMMIT], capture_output=True, check=False)
    if packed.returncode:
        raise SuiteMissing(f"{place} has no commit {COMMIT[:12]} of the suite; to get it: {TO_GET_IT}")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(directory, filter="data")
    return Suite(directory=directory, python=_python(environment, directory / "requirements.txt"))


def read_outcomes(path: Path) -> dict[str, Outcome]:
    return {
        each.test: each for each in (Outcome(**json.loads(line)) for line in path.read_text().splitlines())
    }


def _python(environment: Path, requirements: Path) -> Path:
    """The interpreter of the suite's environment, which is made where it is not there or another one."""
    python, stamp = environment / "bin" / "python", environment / ".made-from"
    made_from = requirements.read_text() + CONSTRAINTS.read_text()
    if not stamp.exists() or stamp.read_text() != made_from:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        install += ["--requirement", str(requirements), "--constraint", str(CONSTRAINTS)]
        subprocess.run([*install, "pytest-timeout", "pytest-xdist"], check=True)
        stamp.write_text(made_from)
    return python


def _end(process: subprocess.Popen[bytes]) -> None:
    """The session with its workers, whatever they wait for."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
