"""Runs moto's tests of KMS against the built-in key service, and says what differs.

    python -m tests.kms_suite --suite PATH [TEST ...]

The exit code is 0 where each test passes or differs as allowed.yaml says, and none of those passes.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import yaml

from tests.compatibility.fetched import SuiteMissing
from tests.compatibility.outcomes import Outcome
from tests.kms_suite.running import key_service
from tests.kms_suite.suite import COMMIT, TO_GET_IT, UPSTREAM, Suite, prepare
from tests.kms_suite.verdict import Difference, judge
from tests.stores.seaweedfs import seaweedfs

ALLOWED = Path(__file__).with_name("allowed.yaml")
ENVIRONMENT = Path(sys.prefix) / "kms-suite"
RUN_SECONDS = 900.0


def main() -> int:
    asked = _arguments()
    if not asked.suite:
        return _cannot(f"say where the suite is: make kms-suite SUITE=PATH; to get it: {TO_GET_IT}")
    signal.signal(signal.SIGTERM, _ended)
    with tempfile.TemporaryDirectory(prefix="kms-suite-") as scratch:
        try:
            suite = prepare(asked.suite, Path(scratch) / "suite", asked.environment)
        except SuiteMissing as exc:
            return _cannot(str(exc))
        outcomes = run(suite, Path(scratch), asked.keep or Path(scratch), asked.tests)
    return _report(outcomes, whole=not asked.tests)


def run(suite: Suite, scratch: Path, kept: Path, chosen: Sequence[str]) -> Mapping[str, Outcome]:
    """How each test ended; the file `kms.jsonl` in `kept` says it, too."""
    kept.mkdir(parents=True, exist_ok=True)
    weed, service = scratch / "weed", scratch / "service"
    weed.mkdir()
    service.mkdir(mode=0o700)
    with seaweedfs(weed) as store, key_service(store, service) as gate:
        return suite.run(gate.kms_url, kept / "kms.jsonl", seconds=RUN_SECONDS, chosen=chosen)


def allowed() -> list[Difference]:
    return [Difference(**each) for each in yaml.safe_load(ALLOWED.read_text())]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.kms_suite")
    place = os.environ.get("SUITE")
    parser.add_argument("--suite", type=Path, default=place, help="a clone of moto, or $SUITE")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT, help="its virtual environment")
    parser.add_argument("--keep", type=Path, help="a directory for what the run says")
    parser.add_argument("tests", nargs="*", help="such as test_kms.py::test_list_keys; else all")
    return parser.parse_args()


def _report(outcomes: Mapping[str, Outcome], *, whole: bool) -> int:
    verdict = judge(outcomes, allowed(), whole=whole)
    ended = Counter(each.passed for each in outcomes.values())
    print(f"{UPSTREAM} at {COMMIT[:12]}")
    print(f"{len(outcomes)} tests: {ended[True]} pass, {ended[False]} do not")
    for test in verdict.defects:
        print(f"  {test}: {outcomes[test].message.partition(chr(10))[0]}")
    for test in verdict.passing:
        print(f"{ALLOWED.name} names what does not differ, take it off: {test}")
    return 0 if verdict.good else 1


def _ended(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave as Ctrl-C does: the servers end with their contexts."""
    raise KeyboardInterrupt


def _cannot(why: str) -> int:
    print(why, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
