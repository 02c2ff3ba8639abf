"""The Ceph project's S3 compatibility suite, with the versions of constraints.txt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.compatibility.fetched import python_with, run_pytest, unpack
from tests.compatibility.outcomes import Outcome

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    directory: Path
    python: Path

    def run(
        self, config: Path, outcomes: Path, *, jobs: int, seconds: float, chosen: Sequence[str] = ()
    ) -> Mapping[str, Outcome]:
        """See run_pytest. `chosen` are tests by name."""
        tests = [f"s3tests/functional/{each}" for each in (chosen or FILES)]
        options = ["-p", "apart", "-m", f"not ({NOT_RUN})", "-n", str(jobs), "--timeout", str(TEST_SECONDS)]
        return run_pytest(
            self.python,
            self.directory,
            [*options, *tests],
            environ={"S3TEST_CONF": str(config)},
            plugins=HERE,
            outcomes=outcomes,
            seconds=seconds,
        )


def prepare(place: Path, directory: Path, environment: Path) -> Suite:
    """Unpack the suite from the Git repository at `place` into `directory`. Raises SuiteMissing."""
    unpack(place, COMMIT, directory, to_get_it=TO_GET_IT)
    requirements = (directory / "requirements.txt").read_text().splitlines()
    wanted = [line for line in map(str.strip, requirements) if line and not line.startswith("#")]
    python = python_with(environment, [*wanted, "pytest-timeout", "pytest-xdist"], CONSTRAINTS)
    return Suite(directory=directory, python=python)
