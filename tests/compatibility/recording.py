"""A pytest plugin for a suite's own interpreter: writes down how each test ended, one JSON line each.

Loaded beside the suite's tests, which stay as they are, and imports nothing of ours.
"""

import json
import os
from pathlib import Path

import pytest

OUTCOMES = "SUITE_OUTCOMES"
"""Names the file to append to."""
MESSAGE_LENGTH = 300


class Recorder:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended: dict[str, dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file, _, test = report.nodeid.partition("::")
        test = f"{file.rpartition('/')[2]}::{test}"
        entry = self._ended.setdefault(test, {"test": test, "outcome": "passed", "message": "", "seconds": 0})
        entry["seconds"] = round(float(str(entry["seconds"])) + report.duration, 2)
        if report.outcome != "passed" and entry["outcome"] == "passed":
            entry["outcome"] = (
                report.outcome if report.when == "call" else f"{report.outcome} in {report.when}"
            )
            entry["message"] = _message(report)
        if report.when == "teardown":
            with self._path.open("a") as out:
                out.write(json.dumps(self._ended.pop(test)) + "\n")


def pytest_configure(config: pytest.Config) -> None:
    # Of the processes of a parallel run only the first has all reports.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(os.environ[OUTCOMES])))


def _message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr)[:MESSAGE_LENGTH]
