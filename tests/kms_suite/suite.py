"""The tests of KMS in moto, a mock of AWS: the public suite that the key service is judged by.

They are made to run against a server, too. Those that are left out ask moto's own Python objects and not a
KMS, or another service of AWS.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.compatibility.fetched import python_with, run_pytest, unpack
from tests.compatibility.outcomes import Outcome
from tests.kms_suite.users import CALLER

UPSTREAM = "https://github.com/getmoto/moto"
COMMIT = "3acd662d8196355a1dbbcdb36f7b9ee63d6c70d9"
"""Of version 5.2.3."""
TO_GET_IT = f"git clone {UPSTREAM} && git -C moto checkout {COMMIT}"
HERE = Path(__file__).parent
CONSTRAINTS = HERE / "constraints.txt"
REQUIREMENTS = ("moto[kms]==5.2.3", "freezegun", "pytest", "pytest-timeout")

PATHS = ("tests/__init__.py", "tests/conftest.py", "tests/markers.py", "tests/test_kms")
FILES = (
    "test_kms.py",
    "test_kms_encrypt.py",
    "test_kms_grants.py",
    "test_kms_key_rotation.py",
    "test_kms_mac.py",
    "test_kms_policy_enforcement.py::TestKMSPolicyEnforcement",
)
NOT_RUN = {
    "test_kms_cloudformation.py": "another service",
    "test_kms_policy_enforcement.py::TestKMSPolicyValidator": "moto's own objects",
    "test_model.py": "moto's own objects",
    "test_server.py": "moto's own server",
    "test_utils.py": "moto's own objects",
}
TEST_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    directory: Path
    python: Path

    def run(
        self, url: str, outcomes: Path, *, seconds: float, chosen: Sequence[str] = ()
    ) -> Mapping[str, Outcome]:
        """See run_pytest. One test at a time, each in an empty service. `chosen` are tests by name."""
        tests = [f"tests/test_kms/{each}" for each in (chosen or FILES)]
        return run_pytest(
            self.python,
            self.directory,
            ["-p", "emptied", "--timeout", str(TEST_SECONDS), *tests],
            environ={
                "TEST_SERVER_MODE": "true",
                "TEST_SERVER_MODE_ENDPOINT": url,
                "AWS_ENDPOINT_URL": url,  # also where a test goes past moto's patches
                "AWS_ACCESS_KEY_ID": CALLER.access_key,
                "AWS_SECRET_ACCESS_KEY": CALLER.secret_key,
            },
            plugins=HERE,
            outcomes=outcomes,
            seconds=seconds,
        )


def prepare(place: Path, directory: Path, environment: Path) -> Suite:
    """Unpack the suite from the Git repository at `place` into `directory`. Raises SuiteMissing."""
    unpack(place, COMMIT, directory, to_get_it=TO_GET_IT, paths=PATHS)
    return Suite(directory=directory, python=python_with(environment, REQUIREMENTS, CONSTRAINTS))
