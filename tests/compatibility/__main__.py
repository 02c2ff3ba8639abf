"""Runs the suite against the bare store and through the proxy, and says what the proxy changes.

    python -m tests.compatibility --suite PATH [TEST ...]

What differs is run once more on both sides, so that a busy machine makes no difference. The exit code is 0
where the differences are those of allowed.yaml, and no others.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NoReturn

import yaml

from tests.compatibility.fetched import SuiteMissing, read_outcomes
from tests.compatibility.outcomes import Allowed, Outcome, differences, judge, passed
from tests.compatibility.sides import bare, proxied
from tests.compatibility.suite import COMMIT, TO_GET_IT, UPSTREAM, Suite, prepare

ALLOWED = Path(__file__).with_name("allowed.yaml")
ENVIRONMENT = Path(sys.prefix) / "compatibility"
RUN_SECONDS = 2400.0
SIDES = {"bare": bare, "proxied": proxied}
Outcomes = Mapping[str, Mapping[str, Outcome]]


def main() -> int:
    asked = _arguments()
    if not asked.suite:
        return _cannot(f"say where the suite is: make compatibility SUITE=PATH; to get it: {TO_GET_IT}")
    signal.signal(signal.SIGTERM, _ended)
    with tempfile.TemporaryDirectory(prefix="compatibility-") as scratch:
        try:
            suite = prepare(asked.suite, Path(scratch) / "suite", asked.environment)
        except SuiteMissing as exc:
            return _cannot(str(exc))
        kept = asked.keep or Path(scratch) / "outcomes"
        kept.mkdir(parents=True, exist_ok=True)
        known = read_outcomes(asked.bare) if asked.bare else {}
        outcomes, differing = _run(suite, Path(scratch), kept, known, jobs=asked.jobs, chosen=asked.tests)
    return _report(outcomes, differing)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.compatibility")
    place = os.environ.get("SUITE")
    parser.add_argument("--suite", type=Path, default=place, help="a clone of the suite, or $SUITE")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT, help="its virtual environment")
    parser.add_argument("--jobs", type=int, default=2, help="tests at a time")
    parser.add_argument("--keep", type=Path, help="a directory for what each run says")
    parser.add_argument(
        "--bare", type=Path, help="bare.jsonl of an earlier run: only what passed there is run"
    )
    parser.add_argument("tests", nargs="*", help="such as test_s3.py::test_bucket_list_empty; else all")
    return parser.parse_args()


def _run(
    suite: Suite,
    scratch: Path,
    kept: Path,
    known_bare: Mapping[str, Outcome],
    *,
    jobs: int,
    chosen: Sequence[str],
) -> tuple[Outcomes, Sequence[str]]:
    """How each side's tests ended, and which differed twice."""
    with ExitStack() as opened:
        configs = {side: opened.enter_context(start(scratch / side)) for side, start in SIDES.items()}

        def run(side: str, name: str, tests: Sequence[str]) -> Mapping[str, Outcome]:
            return suite.run(configs[side], kept / name, jobs=jobs, seconds=RUN_SECONDS, chosen=tests)

        if known_bare:
            chosen = chosen or sorted(passed(known_bare))
            bare_outcomes: Mapping[str, Outcome] = {
                test: known_bare[test] for test in chosen if test in known_bare
            }
        else:
            bare_outcomes = run("bare", "bare.jsonl", chosen)
        outcomes: Outcomes = {"bare": bare_outcomes, "proxied": run("proxied", "proxied.jsonl", chosen)}
        differing = differences(outcomes["bare"], outcomes["proxied"])
        if differing:
            again = {side: run(side, f"{side}-again.jsonl", differing) for side in SIDES}
            differing = differences(again["bare"], again["proxied"])
    return outcomes, differing


def _report(outcomes: Outcomes, differing: Sequence[str]) -> int:
    allowed = [Allowed(**each) for each in yaml.safe_load(ALLOWED.read_text())]
    verdict = judge(differing, allowed, ran=[*outcomes["bare"], *outcomes["proxied"]])
    print(f"{UPSTREAM} at {COMMIT[:12]}")
    for side, all_ended in outcomes.items():
        print(f"{side}: {len(passed(all_ended))} of {len(all_ended)} passed")
    count = len(differing)
    print(f"pass bare, fail through the proxy: {count}, of which {count - len(verdict.new)} allowed")
    for test in differing:
        ended = outcomes["proxied"].get(test)
        print(f"  {test}: {ended.message.partition(chr(10))[0] if ended else 'did not run'}")
    for test in verdict.passing:
        print(f"{ALLOWED.name} allows what does not differ, take it off: {test}")
    return 0 if verdict.good else 1


def _ended(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave as Ctrl-C does: the servers end with their contexts."""
    raise KeyboardInterrupt


def _cannot(why: str) -> int:
    print(why, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
